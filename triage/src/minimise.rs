//! Minimising makes a finding small while the same oracle still notices in the same function.
//!
//! The passes go from large cuts to small ones and start again until nothing more can go: CPUs, operations, items of
//! the set-up, values, scheduling decisions. Where none of them gets any further, single cuts are tried again under
//! other schedules. They are deterministic; only the limits depend on the clock.

mod again;
mod cut;
mod decisions;
mod trial;
mod values;

use std::time::Duration;

use racewalk::prog::{Program, Schedule};

use crate::finding::Finding;
use crate::progress::Progress;
use trial::Trial;

/// When to stop and be content with what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Time.
    pub(crate) time: Duration,
    /// Runs.
    pub(crate) runs: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time: Duration::from_secs(20), runs: 2_000_000 }
    }
}

/// How large a program is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    /// CPUs.
    pub(crate) cpus: usize,
    /// Operations of all CPUs.
    pub(crate) ops: usize,
    /// Items of the set-up.
    pub(crate) setup: usize,
    /// Scheduling decisions.
    pub(crate) decisions: usize,
}

impl Shape {
    /// The size of a program.
    pub(crate) fn of(program: &Program) -> Shape {
        let decisions = match &program.schedule {
            Schedule::Decisions(decisions) => decisions.len(),
            Schedule::Turns(turns) => turns.len().saturating_sub(1),
        };
        Shape {
            cpus: program.cpus.len(),
            ops: program.cpus.iter().map(Vec::len).sum(),
            setup: program.setup.len(),
            decisions,
        }
    }
}

/// A finding and how it became small.
#[derive(Clone, Debug)]
pub(crate) struct Minimised {
    /// The small one, in the record form.
    pub(crate) finding: Finding,
    /// The size before.
    pub(crate) before: Shape,
    /// The size now.
    pub(crate) after: Shape,
    /// The runs it took.
    pub(crate) runs: u64,
    /// Whether nothing more can go, as far as the passes know; else the limits ended it.
    pub(crate) complete: bool,
}

/// Makes a finding small.
pub(crate) fn minimise(finding: &Finding, limits: &Limits, progress: &Progress) -> Minimised {
    let before = Shape::of(&finding.program);
    let mut trial = Trial::new(finding, *limits, progress);
    loop {
        let smaller =
            [decisions::drop, cut::cpus, cut::ops, cut::setup, values::simplify, decisions::fewer]
                .into_iter()
                .fold(false, |smaller, pass: fn(&mut Trial<'_>) -> bool| {
                    pass(&mut trial) | smaller
                });
        if trial.is_over() || !(smaller || again::cuts(&mut trial)) {
            break;
        }
    }
    let (program, runs, complete) = trial.into_best();
    let after = Shape::of(&program);
    Minimised { finding: Finding { program, ..finding.clone() }, before, after, runs, complete }
}
