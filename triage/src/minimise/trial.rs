//! A trial asks of a smaller program whether it still shows the same, and remembers the smallest that did.

use std::collections::HashSet;
use std::time::Instant;

use racewalk::prog::{Decision, Program, Schedule, fixup};
use racewalk::{Machine, Options};

use super::{Limits, Shape};
use crate::finding::{Finding, Signature, recorded, signature_of};
use crate::progress::Progress;

/// Programs that are remembered as not showing it.
const MEMO_MAX: usize = 200_000;

/// The smallest program so far, and the means to try a smaller one.
pub(super) struct Trial<'a> {
    machine: Machine,
    best: Program,
    signature: Signature,
    failed: HashSet<Program>,
    limits: Limits,
    begun: Instant,
    runs: u64,
    over: bool,
    progress: &'a Progress,
}

impl<'a> Trial<'a> {
    pub(super) fn new(finding: &Finding, limits: Limits, progress: &'a Progress) -> Trial<'a> {
        Trial {
            machine: Machine::new(),
            best: finding.program.clone(),
            signature: finding.signature,
            failed: HashSet::new(),
            limits,
            begun: Instant::now(),
            runs: 0,
            over: false,
            progress,
        }
    }

    /// The smallest program so far.
    pub(super) fn best(&self) -> &Program {
        &self.best
    }

    /// Its decisions.
    pub(super) fn decisions(&self) -> &[Decision] {
        match &self.best.schedule {
            Schedule::Decisions(decisions) => decisions,
            Schedule::Turns(_) => &[],
        }
    }

    /// Whether the limits are reached.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The result: the program, the runs, and whether the limits were not reached.
    pub(super) fn into_best(self) -> (Program, u64, bool) {
        (self.best, self.runs, !self.over)
    }

    /// Tries a program, and takes it if it shows the same.
    ///
    /// Its schedule becomes the one that was taken, so that decisions that decide nothing go at once.
    pub(super) fn accept(&mut self, candidate: Program) -> bool {
        let Some(candidate) = self.well_formed(candidate) else { return false };
        if self.failed.contains(&candidate) {
            return false;
        }
        if !self.shows(&candidate) {
            if self.failed.len() < MEMO_MAX {
                self.failed.insert(candidate);
            }
            return false;
        }
        let outcome = recorded(&mut self.machine, &candidate);
        let mut best = candidate;
        if outcome.taken.len() <= Shape::of(&best).decisions {
            best.schedule = Schedule::Decisions(outcome.taken);
        }
        self.best = best;
        true
    }

    /// The decisions that a program's run takes.
    pub(super) fn taken(&mut self, program: &Program) -> Vec<Decision> {
        recorded(&mut self.machine, program).taken
    }

    /// Whether a program shows the same; counted against the limits.
    pub(super) fn shows(&mut self, candidate: &Program) -> bool {
        if self.over {
            return false;
        }
        self.runs += 1;
        self.over = self.runs >= self.limits.runs
            || (self.runs.is_multiple_of(16) && self.begun.elapsed() >= self.limits.time);
        self.progress.tick(|| {
            let shape = Shape::of(&self.best);
            format!(
                "minimising: {} ops, {} decisions, {} runs",
                shape.ops, shape.decisions, self.runs
            )
        });
        let outcome = self.machine.run(candidate, &Options::default());
        signature_of(&outcome) == Some(self.signature)
    }

    /// The candidate bent into shape; `None` if that gives nothing new or more than there was.
    fn well_formed(&self, mut candidate: Program) -> Option<Program> {
        // The schedule may be longer than text and bytes permit, and every pass leaves it in order.
        let schedule = std::mem::take(&mut candidate.schedule);
        fixup(&mut candidate);
        candidate.schedule = schedule;
        let (now, then) = (Shape::of(&candidate), Shape::of(&self.best));
        let grown = now.setup > then.setup || now.ops > then.ops || now.cpus > then.cpus;
        (!grown && candidate != self.best).then_some(candidate)
    }
}
