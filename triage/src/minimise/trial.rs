//! A trial asks of a smaller program whether it still shows the same, and remembers the smallest that did.

use std::collections::HashSet;
use std::time::Instant;

use racewalk::prog::{Decision, Program, Schedule, fixup};
use racewalk::sched::Bounded;
use racewalk::{Machine, Options, Outcome, Variant};

use super::{Limits, Shape};
use crate::departure::Reference;
use crate::finding::{Finding, Signature, recorded, signature_of};
use crate::progress::Progress;

/// Programs that are remembered as not showing it.
const MEMO_MAX: usize = 200_000;

/// The smallest program so far, and the means to try a smaller one.
pub(super) struct Trial<'a> {
    machine: Machine,
    best: Program,
    signature: Signature,
    /// The kernel on which the first program is clean, if there is one.
    right: Option<Variant>,
    failed: HashSet<Program>,
    rescheduled: HashSet<Program>,
    limits: Limits,
    begun: Instant,
    runs: u64,
    over: bool,
    progress: &'a Progress,
}

impl<'a> Trial<'a> {
    pub(super) fn new(finding: &Finding, limits: Limits, progress: &'a Progress) -> Trial<'a> {
        let mut machine = Machine::new();
        let right = Reference::of(&mut machine, &finding.program).map(|right| right.variant);
        Trial {
            machine,
            right,
            rescheduled: HashSet::new(),
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
        if !self.is_cured(&candidate) {
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

    /// Whether the right kernel is clean on a program, as it was on the first one: else it has become another finding.
    fn is_cured(&mut self, candidate: &Program) -> bool {
        let Some(right) = &self.right else { return true };
        let options = Options { variant: Some(right.clone()), ..Options::default() };
        self.machine.run(candidate, &options).verdict.is_clean()
    }

    /// Whether other schedules of a program were not tried yet.
    pub(super) fn first_time(&mut self, candidate: &Program) -> bool {
        let unscheduled = Program { schedule: Schedule::default(), ..candidate.clone() };
        self.rescheduled.len() < MEMO_MAX && self.rescheduled.insert(unscheduled)
    }

    /// The decisions that a program's run takes.
    pub(super) fn taken(&mut self, program: &Program) -> Vec<Decision> {
        recorded(&mut self.machine, program).taken
    }

    /// Whether a program shows the same; counted against the limits.
    pub(super) fn shows(&mut self, candidate: &Program) -> bool {
        let outcome = |machine: &mut Machine| machine.run(candidate, &Options::default());
        self.shows_when(outcome)
    }

    /// The same under a schedule of a systematic search.
    pub(super) fn shows_bounded(&mut self, candidate: &Program, schedule: &mut Bounded) -> bool {
        self.shows_when(|machine| machine.run_bounded(candidate, &Options::default(), schedule))
    }

    /// The decisions that a program's run takes under a schedule of a systematic search.
    pub(super) fn taken_bounded(
        &mut self,
        program: &Program,
        schedule: &mut Bounded,
    ) -> Vec<Decision> {
        let options = Options { record: true, ..Options::default() };
        self.machine.run_bounded(program, &options, schedule).taken
    }

    fn shows_when(&mut self, run: impl FnOnce(&mut Machine) -> Outcome) -> bool {
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
        let outcome = run(&mut self.machine);
        signature_of(&outcome) == Some(self.signature)
    }

    /// The candidate bent into shape; `None` if that gives nothing new or more than there was.
    pub(super) fn well_formed(&self, mut candidate: Program) -> Option<Program> {
        // The schedule may be longer than text and bytes permit, and every pass leaves it in order.
        let schedule = std::mem::take(&mut candidate.schedule);
        fixup(&mut candidate);
        candidate.schedule = schedule;
        let (now, then) = (Shape::of(&candidate), Shape::of(&self.best));
        // An operation of the set-up races with nobody: it is less than one of a CPU.
        let weight = |shape: Shape| (shape.cpus, shape.ops, shape.setup);
        let grown = weight(now) > weight(then) || now.cpus > then.cpus;
        let idle = now.ops == 0 && then.ops > 0;
        (!grown && !idle && candidate != self.best).then_some(candidate)
    }
}
