//! The arguments are what the command line asks for, checked against the names that exist.

use clap::{Args, Parser, Subcommand, ValueEnum};
use racewalk::prog::{AXES, Axis, Head, Program, fixup};
use racewalk::{EXHIBITS, Era, Exhibit, PROTECTIONS, Protection, Variant};

use crate::refusal::Refusal;
use crate::verb;

/// A concurrency fuzzer for a page-table core modelled on Linux's THP collapse.
#[derive(Parser, Debug)]
#[command(name = "racewalk", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs, each with the arguments of its own file.
#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Search with a coverage-guided engine; stop at the first violation and explain it.
    Fuzz(verb::fuzz::Args),
    /// Run one program and say what came of it.
    Replay(verb::replay::Args),
    /// Make a program that fails small: fewest CPUs, operations, items of the set-up and decisions.
    Minimise(verb::minimise::Args),
    /// Group crashes by what is wrong, make one of each group small, and report.
    Triage(verb::triage::Args),
    /// Say in which kernels a program fails, and which fix cures it.
    Bisect(verb::bisect::Args),
    /// Check that every program behaves as its `expect` lines say.
    Check(verb::check::Args),
    /// Turn program text into bytes for an engine.
    Pack(verb::pack::Args),
    /// Turn bytes into program text.
    Show(verb::show::Args),
    /// Search with random programs, without an engine.
    Run(verb::run::Args),
    /// Run all schedules of a program that preempt at most so often.
    Explore(verb::explore::Args),
    /// Say which interleaving points were reached, and who met whom there.
    Coverage(verb::coverage::Args),
    /// Turn programs into seeds and back, merge what engines keep, and say what it reaches.
    Corpus(verb::corpus::Args),
    /// Assert of a build what OSS-Fuzz's own checks assert.
    OssCheck(verb::oss_check::Args),
    /// Leave out one protection after the other and say what breaks.
    Ablate(verb::ablate::Args),
    /// Measure how soon each policy finds each exhibit of the zoo.
    Zoo(verb::zoo::Args),
    /// Measure triage itself: how small the minimiser makes crashes, and how well they are grouped.
    Measure(verb::measure::Args),
    /// Name the kernels, protections, exhibits, oracles, targets, axes and places.
    List(verb::list::Args),
}

/// How an answer is written.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// What is under test.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct VariantArgs {
    /// The kernel under test (see `racewalk list kernels`).
    #[arg(long, value_name = "KERNEL")]
    pub(crate) kernel: Option<String>,
    /// A protection that is left out; may be repeated (see `racewalk list steps`).
    #[arg(long, value_name = "STEP")]
    pub(crate) without: Vec<String>,
    /// An exhibit of the zoo that is let in; may be repeated (see `racewalk list zoo`).
    #[arg(long, value_name = "EXHIBIT")]
    pub(crate) zoo: Vec<String>,
    /// Base pages to a huge page: 4, 8 or 512.
    #[arg(long, value_name = "N")]
    pub(crate) hpn: Option<u16>,
    /// An axis of the machine's configuration, AXIS=VALUE; may be repeated (see `racewalk list axes`).
    #[arg(long, value_name = "AXIS=VALUE")]
    pub(crate) set: Vec<String>,
}

impl VariantArgs {
    /// The same, with names looked up.
    pub(crate) fn ask(&self) -> Result<Ask, Refusal> {
        let mut ask = Ask::default();
        if let Some(name) = &self.kernel {
            let era = Era::from_name(name);
            ask.kernel =
                Some(era.ok_or_else(|| Refusal::unknown("kernel", name, Era::ALL.map(Era::name)))?);
        }
        for name in &self.without {
            let found = Protection::from_name(name);
            let known = || PROTECTIONS.iter().map(|protection| protection.name);
            ask.without.push(found.ok_or_else(|| Refusal::unknown("step", name, known()))?);
        }
        for name in &self.zoo {
            let found = Exhibit::from_name(name);
            let known = || EXHIBITS.iter().map(|exhibit| exhibit.name);
            ask.zoo.push(found.ok_or_else(|| Refusal::unknown("exhibit", name, known()))?);
        }
        if let Some(hpn) = self.hpn {
            if !Head::HPNS.contains(&hpn) {
                return Err(Refusal::with_help(
                    format!("hpn {hpn} is out of range"),
                    "expected 4, 8 or 512",
                ));
            }
            ask.hpn = Some(hpn);
        }
        for setting in &self.set {
            ask.set(setting)?;
        }
        ask.refuse_what_the_kernel_lacks()?;
        Ok(ask)
    }
}

/// What is asked for, as values; `None` leaves a program's header as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) kernel: Option<Era>,
    pub(crate) without: Vec<&'static Protection>,
    pub(crate) zoo: Vec<&'static Exhibit>,
    pub(crate) hpn: Option<u16>,
    /// Axes and the numbers of their values.
    pub(crate) axes: Vec<(usize, usize)>,
    /// Whether an engine sees nothing of the interleavings: to measure what that is worth.
    pub(crate) blind: bool,
}

impl Ask {
    /// What a campaign tests: the kernel of the first exhibit, or v6.6, unless another is asked for.
    pub(crate) fn variant(&self) -> Variant {
        let own = self.zoo.first().map_or(Era::V66, |exhibit| exhibit.era);
        Variant {
            era: self.kernel.unwrap_or(own),
            without: self.without.clone(),
            zoo: self.zoo.clone(),
        }
    }

    /// Whether another kernel is asked for than the program's own.
    pub(crate) fn names_a_variant(&self) -> bool {
        self.kernel.is_some() || !self.without.is_empty() || !self.zoo.is_empty()
    }

    /// Writes what is asked for into the program's header and makes the program fit.
    ///
    /// `--kernel` asks for that kernel with all that it has: the header's `without` and `zoo` lines belong to the
    /// header's kernel. `--without` or `--zoo` alone adds to the header's.
    pub(crate) fn apply(&self, program: &mut Program) {
        if self.names_a_variant() {
            let own = Variant::of(program);
            let mut wanted = match self.kernel {
                Some(era) => Variant::era(era),
                None => own,
            };
            for &protection in &self.without {
                if !wanted.without.iter().any(|known| known.name == protection.name) {
                    wanted.without.push(protection);
                }
            }
            for &exhibit in &self.zoo {
                if !wanted.zoo.iter().any(|known| known.name == exhibit.name) {
                    wanted.zoo.push(exhibit);
                }
            }
            wanted.write_to(&mut program.head);
        }
        let head = &mut program.head;
        head.hpn = self.hpn.unwrap_or(head.hpn);
        head.axes = head.axes.with(&self.axes);
        fixup(program);
    }

    pub(crate) fn set(&mut self, setting: &str) -> Result<(), Refusal> {
        let Some((axis, value)) = setting.split_once('=') else {
            return Err(Refusal::with_help(
                format!("`{setting}` sets nothing"),
                "expected AXIS=VALUE, for instance ptlock=none",
            ));
        };
        let Some(n) = AXES.iter().position(|known| known.name == axis) else {
            return Err(Refusal::unknown("axis", axis, AXES.iter().map(|known| known.name)));
        };
        let Axis { name, values, .. } = AXES[n];
        match values.iter().position(|known| *known == value) {
            Some(number) => self.axes.push((n, number)),
            None => {
                let what = format!("value of {name}");
                return Err(Refusal::unknown(&what, value, values.iter().copied()));
            }
        }
        Ok(())
    }

    /// A protection that the kernel does not have cannot be left out of it.
    fn refuse_what_the_kernel_lacks(&self) -> Result<(), Refusal> {
        let Some(era) = self.kernel else { return Ok(()) };
        match self.without.iter().find(|protection| !protection.eras.contains(&era)) {
            None => Ok(()),
            Some(protection) => {
                let has: Vec<&str> = protection.eras.iter().map(|era| era.name()).collect();
                let message = format!("kernel {} has no step `{}`", era.name(), protection.name);
                Err(Refusal::with_help(
                    message,
                    format!("kernels that have it: {}", has.join(", ")),
                ))
            }
        }
    }
}
