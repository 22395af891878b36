//! A campaign runs a built target until it finds something, or its time or its runs are up.

use std::path::Path;
use std::time::Duration;

use racewalk::Target;
use racewalk::prog::AXES;

use super::build::Kind;
use super::checkout::Scratch;
use super::{Engine, afl, libfuzzer};
use crate::args::Ask;
use crate::finding::Signature;
use crate::known::Known;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// What to run, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Campaign<'a> {
    /// What is fuzzed.
    pub(crate) target: Target,
    /// The kernel and what else is held fast.
    pub(crate) ask: &'a Ask,
    /// The findings that it does not stop at.
    pub(crate) known: &'a Known,
    /// Where what is not kept goes.
    pub(crate) scratch: &'a Scratch,
    /// Where the inputs go that reach something new: it goes on from those that are there.
    pub(crate) corpus: &'a Path,
    /// Packed programs to start from.
    pub(crate) seeds: Option<&'a Path>,
    /// Records to put into inputs.
    pub(crate) dictionary: Option<&'a Path>,
    /// At most so long.
    pub(crate) time: Option<Duration>,
    /// At most so many inputs, over all processes.
    pub(crate) runs: Option<u64>,
    /// Where the randomness comes from.
    pub(crate) seed: u64,
    /// Processes at the same time.
    pub(crate) jobs: usize,
}

/// How a campaign ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The input that it stopped at.
    pub(crate) input: Option<Input>,
    /// Inputs run.
    pub(crate) executions: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// Known findings that were met, at least so many.
    pub(crate) known: u64,
    /// Whether somebody asked us to end.
    pub(crate) interrupted: bool,
}

/// An input that the engine stopped at.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// `crash-…`, `timeout-…` or `oom-…`, or AFL's name.
    pub(crate) name: String,
    /// What the engine said about it.
    pub(crate) said: String,
}

/// Looks at an input that is not clean: what it shows, if the campaign is to go on after it.
pub(crate) type Look<'a> = dyn FnMut(&Input) -> Result<Option<Signature>, Refusal> + 'a;

impl Engine {
    /// Runs a campaign. All its processes have ended when this returns.
    pub(crate) fn run(
        &self,
        campaign: &Campaign<'_>,
        progress: &Progress,
        look: &mut Look<'_>,
    ) -> Result<Ended, Refusal> {
        match self.kind {
            Kind::Libfuzzer => libfuzzer::run(self, campaign, progress, look),
            Kind::Afl => afl::run(self, campaign, progress, look),
        }
    }
}

/// What the target reads: see the fuzz crate's pins.
pub(super) fn environment(ask: &Ask, known: &Known) -> Vec<(&'static str, String)> {
    let variant = ask.variant();
    let without: Vec<&str> = variant.without.iter().map(|protection| protection.name).collect();
    let zoo: Vec<&str> = variant.zoo.iter().map(|exhibit| exhibit.name).collect();
    let setting = |&(axis, value): &(usize, usize)| {
        format!("{}={}", AXES[axis].name, AXES[axis].values[value])
    };
    let axes: Vec<String> = ask.axes.iter().map(setting).collect();
    vec![
        ("RACEWALK_KERNEL", variant.era.name().to_owned()),
        ("RACEWALK_WITHOUT", without.join(",")),
        ("RACEWALK_ZOO", zoo.join(",")),
        ("RACEWALK_HPN", ask.hpn.map(|hpn| hpn.to_string()).unwrap_or_default()),
        ("RACEWALK_SET", axes.join(",")),
        ("RACEWALK_KNOWN", known.to_string()),
        ("RACEWALK_FEEDBACK", if ask.blind { "off" } else { "on" }.to_owned()),
        // The message says it all; to look up a stack takes longer than to shrink the program.
        ("RUST_BACKTRACE", "0".to_owned()),
    ]
}
