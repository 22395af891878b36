//! To bisect is to ask of each kernel, and of each fix, whether a program fails with it.

use racewalk::prog::Program;
use racewalk::{Era, Machine, Options, PROTECTIONS, Protection, Variant};

/// A kernel and its verdict.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    /// The kernel.
    pub(crate) variant: Variant,
    /// Its verdict.
    pub(crate) verdict: &'static str,
}

/// A fix, or a protection that the program's own kernel lacks, and what it changes.
#[derive(Clone, Debug)]
pub(crate) struct Fix {
    /// The fix.
    pub(crate) protection: &'static Protection,
    /// The verdict of the kernel that has all but this one.
    pub(crate) without: &'static str,
    /// The verdict of the kernel that has this one and none of the others.
    pub(crate) alone: &'static str,
}

impl Fix {
    /// Whether it cures by itself.
    pub(crate) fn is_enough(&self) -> bool {
        self.alone == "clean"
    }

    /// Whether the program fails as soon as it is missing.
    pub(crate) fn is_needed(&self) -> bool {
        self.without != "clean"
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Bisected {
    /// The program's own kernel.
    pub(crate) own: Tried,
    /// Each era, with all that it has.
    pub(crate) eras: Vec<Tried>,
    /// What the own kernel leaves out, or else the fixes that `fixed` has on top of v6.6.
    pub(crate) fixes: Vec<Fix>,
}

impl Bisected {
    /// Asks all of them.
    pub(crate) fn of(machine: &mut Machine, program: &Program) -> Bisected {
        let mut ask = |variant: Variant| {
            let options = Options { variant: Some(variant.clone()), ..Options::default() };
            Tried { verdict: machine.run(program, &options).verdict.name(), variant }
        };
        let own = Variant::of(program);
        let (base, candidates) = if own.without.is_empty() {
            (Era::Fixed, fixes())
        } else {
            (own.era, own.without.clone())
        };
        let but = |keep: &dyn Fn(&Protection) -> bool| {
            let without = candidates.iter().copied().filter(|fix| !keep(fix)).collect();
            Variant { era: base, without, zoo: own.zoo.clone() }
        };
        let fixes = candidates
            .iter()
            .map(|&protection| Fix {
                protection,
                without: ask(but(&|fix| fix.name != protection.name)).verdict,
                alone: ask(but(&|fix| fix.name == protection.name)).verdict,
            })
            .collect();
        let eras = Era::ALL.map(|era| ask(Variant::era(era))).into();
        Bisected { own: ask(own), eras, fixes }
    }

    /// The fixes that cure it: by themselves; or, if it takes several, those without which it fails.
    pub(crate) fn cures(&self) -> Vec<&Fix> {
        let all = || self.fixes.iter();
        if self.own.verdict == "clean" {
            return Vec::new();
        }
        let enough: Vec<&Fix> = all().filter(|fix| fix.is_enough()).collect();
        let cured = self.eras.iter().any(|era| era.verdict == "clean");
        if enough.is_empty() && cured {
            all().filter(|fix| fix.is_needed()).collect()
        } else {
            enough
        }
    }
}

/// What `fixed` has on top of v6.6.
fn fixes() -> Vec<&'static Protection> {
    PROTECTIONS.iter().filter(|protection| protection.eras == [Era::Fixed]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Bisected, fixes};
    use racewalk::Machine;

    fn bisected(file: &str) -> Bisected {
        let path = format!("{}/../corpus/{file}.rw", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the corpus can be read");
        let program = racewalk::parse(&text).expect("the corpus is right").program;
        Bisected::of(&mut Machine::new(), &program)
    }

    #[test]
    fn what_was_left_out_cures_it() {
        let bisected = bisected("litmus/without/recheck_page");
        let cures: Vec<&str> = bisected.cures().iter().map(|fix| fix.protection.name).collect();
        assert_eq!(cures, ["recheck_page"]);
        assert_eq!(bisected.own.verdict, "bad_rss_counter");
    }

    #[test]
    fn every_find_has_one_fix_that_cures_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/found");
        for entry in std::fs::read_dir(folder).expect("the corpus can be read") {
            let path = entry.expect("it can be read").path();
            let stem = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
            let bisected = bisected(&format!("found/{stem}"));
            assert_eq!(bisected.cures().len(), 1, "{stem}: {:?}", bisected.cures());
        }
    }

    #[test]
    fn the_fix_of_a_find_is_what_fixed_has_and_v66_has_not() {
        assert!(fixes().len() > 5);
        let bisected = bisected("found/zap_drops_dirty");
        let of = |name: &str| bisected.eras.iter().find(|era| era.variant.era.name() == name);
        assert_eq!(of("fixed").map(|era| era.verdict), Some("clean"));
        assert_ne!(of("v6.6").map(|era| era.verdict), Some("clean"));
        assert_eq!(bisected.cures().len(), 1, "{:?}", bisected.cures());
    }
}
