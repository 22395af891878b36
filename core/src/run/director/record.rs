//! The record of a run: the decisions and the segments that it consisted of.

use crate::prog::Decision;
use crate::sched::{At, Why};

/// A stretch of the run in which one CPU ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// The CPU.
    pub cpu: u8,
    /// The steps it took. None is possible: a CPU that was woken may only take its lock, or block again.
    pub steps: u32,
    /// Why it stopped; `None`: the run was over.
    pub ended: Option<Why>,
}

/// What was decided, in the order in which it was.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Each decision, and whether a script would decide the same at that position if it said nothing.
    decisions: Vec<(Decision, bool)>,
    pub(super) segments: Vec<Segment>,
}

impl Record {
    pub(super) fn clear(&mut self) {
        self.decisions.clear();
        self.segments.clear();
    }

    /// `next` was picked among `runnable`. That a CPU which could go on was allowed to is no decision.
    pub(super) fn decided(&mut self, why: Why, at: At, next: u8, runnable: u32) {
        if why.is_voluntary() && next == at.cpu {
            return;
        }
        let default = !why.is_voluntary() && u32::from(next) == runnable.trailing_zeros();
        let op = u8::try_from(at.op).unwrap_or(u8::MAX);
        let k = u16::try_from(at.k).unwrap_or(u16::MAX);
        self.decisions.push((Decision { cpu: at.cpu, op, k, next }, default));
    }

    /// The decisions by position, without those that go without saying.
    ///
    /// A default must be said if the same CPU decides at the same position once more, and not by default: a script
    /// would take the later decision for the earlier one.
    pub(super) fn taken(&self) -> Vec<Decision> {
        let mut decisions = self.decisions.clone();
        decisions.sort_by_key(|(decision, _)| decision.position());
        let mut taken: Vec<Decision> = Vec::new();
        for &(decision, default) in decisions.iter().rev() {
            if !default || taken.last().is_some_and(|later| later.position() == decision.position())
            {
                taken.push(decision);
            }
        }
        taken.reverse();
        taken
    }
}
