//! Pins hold fast what a campaign does not leave to the input: the variant, the table size, the axes.

use std::env;

use racewalk::prog::{AXES, Axis, fixup};
use racewalk::{Era, Program, Target, Variant};

/// What the environment asks for.
///
/// | variable | value |
/// |---|---|
/// | `RACEWALK_KERNEL` | an era; if it is not set, what the build was told by the same name, or else `v6.6` |
/// | `RACEWALK_WITHOUT` | steps to leave out, separated by commas |
/// | `RACEWALK_ZOO` | exhibits to let in, separated by commas; the first one's era is the kernel unless one is named. For the target `zoo`: one exhibit or protection, instead of the first two; `fixed` if it is not set |
/// | `RACEWALK_HPN` | entries of a table: 4, 8 or 512; otherwise each input says |
/// | `RACEWALK_SET` | `axis=value`, separated by commas; otherwise each input says |
/// | `RACEWALK_FEEDBACK` | `off`: the engine sees nothing of the interleavings; otherwise it does |
/// | `RACEWALK_KNOWN` | `oracle:function`, separated by commas: findings to go on after |
#[derive(Clone, Debug, PartialEq)]
pub struct Pins {
    /// The kernel under test.
    pub variant: Variant,
    pub(crate) hpn: Option<u16>,
    axes: Vec<(usize, usize)>,
    known: Vec<(&'static str, String)>,
    pub(crate) blind: bool,
}

/// The smallest program: the environment is checked as the header of one, by the parser that people know.
const BODY: &str = "setup\n  m0 = mm()\n  v0 = mmap(m0, anon, at=1h, len=1h, rw)\ncpu0\n";

impl Pins {
    /// Reads the environment.
    ///
    /// # Errors
    /// What is wrong, in words, if a name or a number is not known.
    pub fn from_env(target: Target) -> Result<Pins, String> {
        let read = |name| env::var(name).unwrap_or_default();
        let built = option_env!("RACEWALK_KERNEL").unwrap_or_default();
        let kernel = env::var("RACEWALK_KERNEL").unwrap_or_else(|_| built.to_owned());
        let (exhibits, hpn, set) =
            (read("RACEWALK_ZOO"), read("RACEWALK_HPN"), read("RACEWALK_SET"));
        let mut pins = if target == Target::Zoo {
            let mut pins = Pins::new("", "", "", &hpn, &set)?;
            pins.variant = zoo(&exhibits)?;
            pins
        } else {
            Pins::new(&kernel, &read("RACEWALK_WITHOUT"), &exhibits, &hpn, &set)?
        };
        pins.blind = match read("RACEWALK_FEEDBACK").trim() {
            "" | "on" => false,
            "off" => true,
            other => return Err(format!("RACEWALK_FEEDBACK is on or off, not `{other}`")),
        };
        pins.knowing(&read("RACEWALK_KNOWN"))
    }

    /// The same, going on after these findings.
    pub(crate) fn knowing(mut self, known: &str) -> Result<Pins, String> {
        for signature in known.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let (oracle, function) =
                signature.split_once(':').ok_or(format!("`{signature}` is not oracle:function"))?;
            let oracle = racewalk::ORACLES.iter().find(|known| known.name == oracle);
            let oracle = oracle.ok_or(format!("`{signature}` names no oracle"))?;
            self.known.push((oracle.name, function.to_owned()));
        }
        Ok(self)
    }

    /// Whether a campaign goes on after this finding.
    pub fn is_known(&self, oracle: &str, function: &str) -> bool {
        self.known.iter().any(|known| known.0 == oracle && known.1 == function)
    }

    pub(crate) fn new(
        kernel: &str,
        without: &str,
        zoo: &str,
        hpn: &str,
        set: &str,
    ) -> Result<Pins, String> {
        let mut text = String::from("racewalk 1\n");
        let mut line = |key: &str, value: &str| {
            let value = value.trim();
            if !value.is_empty() {
                text += &format!("{key} {value}\n");
            }
        };
        line("kernel", kernel);
        without.split(',').for_each(|step| line("without", step));
        zoo.split(',').for_each(|exhibit| line("zoo", exhibit));
        line("hpn", hpn);
        set.split(',').for_each(|axis| line("set", axis));
        let program = racewalk::parse(&(text + BODY)).map_err(|error| error.to_string())?.program;
        let named = |axis: &Axis| {
            set.split(',').any(|pair| pair.split('=').next().is_some_and(|n| n.trim() == axis.name))
        };
        let pinned = (0..).zip(AXES).filter(|(_, axis)| named(axis));
        let axes = pinned.map(|(n, _)| (n, program.head.axes.get(n))).collect();
        Ok(Pins {
            variant: Variant::of(&program),
            hpn: (!hpn.trim().is_empty()).then_some(program.head.hpn),
            axes,
            known: Vec::new(),
            blind: false,
        })
    }

    /// Writes the pinned configuration into a program's header and makes the program fit: what is apart at one table
    /// size may overlap at another. The variant goes by way of the options.
    pub fn apply(&self, program: &mut Program) {
        let head = &mut program.head;
        head.axes = head.axes.with(&self.axes);
        if let Some(hpn) = self.hpn
            && hpn != head.hpn
        {
            head.hpn = hpn;
            fixup(program);
        }
    }
}

/// The wrong variant of a name. Whoever starts the target without one hears that nothing is wrong.
fn zoo(name: &str) -> Result<Variant, String> {
    match name.trim() {
        "" => Ok(Variant::era(Era::Fixed)),
        name => Variant::named(name).ok_or(format!("the zoo has no `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::Pins;
    use racewalk::Program;
    use racewalk::prog::Axes;

    #[test]
    fn nothing_said_pins_nothing() {
        let pins = Pins::new("", "", "", "", "").expect("an empty environment is fine");
        assert_eq!(pins.variant.to_string(), "v6.6");
        let mut program = Program::default();
        pins.apply(&mut program);
        assert_eq!(program, Program::default());
    }

    #[test]
    fn pins_what_is_said() {
        let pins = Pins::new("v6.6", "recheck_page, clear_pte", "", "8", "ptlock=none")
            .expect("all are known");
        assert_eq!(pins.variant.without.len(), 2);
        let mut program = Program::default();
        program.head.axes.set(Axes::PAGE_TABLE_CHECK, 1);
        pins.apply(&mut program);
        assert_eq!(program.head.hpn, 8);
        assert_eq!(program.head.axes.word(Axes::PTLOCK), "none");
        assert_eq!(program.head.axes.word(Axes::PAGE_TABLE_CHECK), "off");
    }

    #[test]
    fn known_findings_are_told_apart_by_oracle_and_function() {
        let pins = Pins::new("", "", "", "", "").expect("an empty environment is fine");
        let pins = pins.knowing("deadlock:a, lost_write:b").expect("these are oracles");
        assert!(pins.is_known("deadlock", "a") && pins.is_known("lost_write", "b"));
        assert!(!pins.is_known("deadlock", "b"));
        assert!(pins.clone().knowing("deadlock").is_err());
        assert!(pins.knowing("headlock:a").is_err());
    }

    #[test]
    fn says_what_is_not_known() {
        for (kernel, without, zoo, hpn, set) in [
            ("v9", "", "", "", ""),
            ("", "no_such_step", "", "", ""),
            ("", "", "no-such-bug", "", ""),
            ("", "", "", "5", ""),
            ("", "", "", "", "colour=red"),
        ] {
            let pins = Pins::new(kernel, without, zoo, hpn, set);
            assert!(pins.is_err(), "{kernel}{without}{zoo}{hpn}{set}");
        }
    }
}
