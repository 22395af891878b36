//! An outcome is what came of a run: a verdict, and how it came about.

use super::FinalState;
use crate::mm::place::PLACES;
use crate::oracle::Oracle;
use crate::prog::{Decision, Turn};
use crate::sync::Obj;
use crate::trace::Trace;

/// What was wrong.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The oracle that noticed it.
    pub oracle: &'static Oracle,
    /// The function in which it was noticed, or in which the debt was made that was noticed.
    pub function: &'static str,
    /// A sentence that names the objects.
    pub detail: String,
    /// The objects, the most important one first.
    pub objects: Vec<Obj>,
    /// The place that the CPU came to last: a label, or the function itself.
    pub label: &'static str,
    /// The CPU that was running.
    pub cpu: u8,
    /// Its step.
    pub step: u32,
    /// Its operation.
    pub op: u16,
    /// What each CPU's operation in flight still owed: CPU, counter and amount.
    pub debts: Vec<(u8, String)>,
}

/// Clean, or not.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// No oracle has anything to say.
    Clean,
    /// The first violation.
    Violation(Box<Violation>),
}

impl Verdict {
    /// `clean`, or the oracle's name.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Clean => "clean",
            Verdict::Violation(violation) => violation.oracle.name,
        }
    }

    /// Whether nothing was wrong.
    pub fn is_clean(&self) -> bool {
        matches!(self, Verdict::Clean)
    }

    /// The violation, if there is one.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Verdict::Clean => None,
            Verdict::Violation(violation) => Some(violation),
        }
    }
}

/// The places that a run came to, after the set-up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reached(pub [u64; 8]);

impl Reached {
    /// Whether the run came to the place of this name.
    pub fn has(&self, name: &str) -> bool {
        PLACES
            .iter()
            .position(|&place| place == name)
            .is_some_and(|n| self.0[n / 64] >> (n % 64) & 1 == 1)
    }

    /// The names of all places that it came to.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        PLACES
            .iter()
            .enumerate()
            .filter(|(n, _)| self.0[n / 64] >> (n % 64) & 1 == 1)
            .map(|(_, &name)| name)
    }

    /// Adds the places of another run or CPU.
    pub fn merge(&mut self, other: [u64; 8]) {
        self.0.iter_mut().zip(other).for_each(|(mine, its)| *mine |= its);
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The other oracles that have something to say, if the run went on after the first violation.
    pub others: Vec<&'static Oracle>,
    /// Steps of all CPUs, set-up included.
    pub steps: u32,
    /// Times a CPU was made to yield although it could go on.
    pub preemptions: u32,
    /// The schedule that was taken. As `Schedule::Decisions` it leads to the same trace again. Empty unless recorded.
    pub taken: Vec<Decision>,
    /// The same as turns. Empty unless recorded.
    pub turns: Vec<Turn>,
    /// Where the run came to while more than one CPU had something to do.
    pub reached: Reached,
    /// All events, if they were recorded.
    pub trace: Option<Trace>,
    /// The turns of the program's own schedule whose place was not reached.
    pub unreached: Vec<usize>,
    /// The final abstract state. Empty unless recorded, or if the run was stopped.
    pub state: FinalState,
}
