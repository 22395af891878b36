//! A program is a set-up, one list of operations for each CPU, and who goes when.

use super::axes::Axes;
use super::op::Op;
use super::schedule::Schedule;
use super::setup::Setup;
use super::vocabulary::{ExhibitName, KernelName, OracleName, StepName};

/// Everything that one run is asked to do.
///
/// Every value of this type can be made well-formed with [`fixup`](super::fixup); the parser and the decoder return
/// well-formed programs only. The default is an empty program, which is not one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Program {
    /// The machine, the policy and what is expected.
    pub head: Head,
    /// What happens before the race.
    pub setup: Vec<Setup>,
    /// The operations of each CPU.
    pub cpus: Vec<Vec<Op>>,
    /// Who runs when, if the policy is [`Policy::Records`].
    pub schedule: Schedule,
}

/// The machine, the policy and what is expected of the run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Head {
    /// One line for people.
    pub title: Option<String>,
    /// The kernel the program is about.
    pub kernel: Option<KernelName>,
    /// Steps of that kernel that are left out.
    pub without: Vec<StepName>,
    /// Exhibits of the zoo that its table of steps is patched with.
    pub zoo: Vec<ExhibitName>,
    /// Base pages to a huge page: 4, 8 or 512.
    pub hpn: u16,
    /// The machine's configuration.
    pub axes: Axes,
    /// Who schedules.
    pub policy: Policy,
    /// The seed of a random policy.
    pub seed: u64,
    /// What the run must end in.
    pub expect: Vec<Expect>,
}

impl Head {
    /// The values that [`hpn`](Head::hpn) may have; the byte form counts in this order.
    pub const HPNS: [u16; 3] = [4, 8, 512];
}

impl Default for Head {
    fn default() -> Head {
        Head {
            title: None,
            kernel: None,
            without: Vec::new(),
            zoo: Vec::new(),
            hpn: Head::HPNS[0],
            axes: Axes::default(),
            policy: Policy::default(),
            seed: 0,
            expect: Vec::new(),
        }
    }
}

/// Who schedules.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Policy {
    /// The program's own schedule.
    #[default]
    Records,
    /// A random walk.
    Random {
        /// Mean number of steps between two choices.
        mean: u8,
    },
    /// Probabilistic concurrency testing.
    Pct {
        /// Number of ordering constraints aimed at.
        depth: u8,
    },
    /// Partial order sampling.
    Pos,
    /// The uniform random walk.
    Urw,
    /// The selectively uniform random walk.
    Surw,
}

/// What a run must end in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Expect {
    /// Under which kernel; `None` = the program's own.
    pub kernel: Option<KernelName>,
    /// Which oracle speaks up; `None` = none does.
    pub verdict: Option<OracleName>,
}
