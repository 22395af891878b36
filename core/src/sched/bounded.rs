//! Bounded: one schedule of a systematic search, and the log of it from which the next ones follow.
//!
//! A schedule is a list of [`Cut`]s: where the CPU that runs stops, and who goes on. After the last one nobody is
//! preempted any more. The log says where else there would have been a choice; [`Frontier`](super::Frontier) makes
//! the further schedules of it.

use super::ask::lowest;
use super::{At, FAR, Grant, Why};
use crate::prog::limits::CPUS_MAX;

/// The CPU that runs stops here, and another one goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// After so many steps of its leg; `None`: where it cannot go on.
    pub steps: Option<u32>,
    /// Who goes on.
    pub next: u8,
}

/// What one CPU did between two cuts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// The CPU.
    pub cpu: u8,
    /// Whether it waited for something when the leg began: it may do so still, or take its lock without a step.
    pub waited: bool,
    /// The steps it took.
    pub steps: u32,
    /// Why it stopped; `None`: the run was over.
    pub ended: Option<Why>,
    /// Who could run then, as a mask.
    pub runnable: u32,
}

impl Leg {
    /// Whether the CPU only looked whether it still had to wait, and it had.
    pub fn is_futile(&self) -> bool {
        self.waited && self.steps == 0 && self.ended == Some(Why::Blocked)
    }
}

/// From a step of a leg on, other CPUs can run than before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Change {
    pub(super) leg: usize,
    pub(super) steps: u32,
    pub(super) runnable: u32,
}

/// What happened in a run: its legs, and who else could have gone when.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(super) legs: Vec<Leg>,
    pub(super) changes: Vec<Change>,
}

impl Log {
    /// The legs in their order. The first one, without a step, is CPU 0 at the end of the set-up.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The last CPU that is not one of `environment`, up to and including a leg.
    pub(super) fn home(&self, leg: usize, environment: u32) -> Option<u8> {
        let ran = self.legs.get(1..=leg).unwrap_or_default();
        ran.iter().rev().map(|leg| leg.cpu).find(|cpu| environment >> cpu & 1 == 0)
    }
}

/// Follows cuts, then preempts nobody, and keeps the log.
///
/// CPUs of the environment stand for what hardware and softirqs do at any time. One of them runs to the end of its
/// operation; then the CPU that it interrupted goes on.
#[derive(Clone, Debug, Default)]
pub struct Bounded {
    cuts: Vec<Cut>,
    environment: u32,
    /// Whether it matters who could be preempted in favour of whom: not in a run that has used up its bound.
    listens: bool,
    log: Log,
    /// The steps that each CPU had taken when it stopped last.
    steps: [u32; CPUS_MAX],
    waiting: u32,
    /// Who could run when it was last said.
    runnable: u32,
}

impl Bounded {
    /// Follows these cuts from now on. `environment` is the mask of the CPUs of the environment; without `listens`
    /// the log lacks who was woken when.
    pub fn load(&mut self, cuts: &[Cut], environment: u32, listens: bool) {
        self.cuts.clear();
        self.cuts.extend_from_slice(cuts);
        (self.environment, self.listens) = (environment, listens);
        self.rewind();
    }

    /// What happened.
    pub fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn rewind(&mut self) {
        self.log.legs.clear();
        self.log.changes.clear();
        self.steps = [0; CPUS_MAX];
        (self.waiting, self.runnable) = (0, 0);
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        if why == Why::Begin {
            self.steps[usize::from(at.cpu)] = at.step;
            self.open(at.cpu);
        }
        let leg = self.log.legs.len().saturating_sub(1);
        let taken = at.step.wrapping_sub(self.steps[usize::from(at.cpu)]);
        let next = match self.cuts.get(leg) {
            Some(cut) if why.is_voluntary() && cut.steps.is_none_or(|steps| taken < steps) => None,
            Some(cut) => Some(cut.next),
            None if why.is_voluntary() && !self.ends_operation(at, taken) => None,
            None => Some(self.unprompted(leg, runnable)),
        };
        let Some(next) = next else {
            if self.runnable != runnable {
                self.runnable = runnable;
                self.log.changes.push(Change { leg, steps: taken, runnable });
            }
            return at.cpu;
        };
        self.close(why, at.cpu, taken, runnable);
        // A cut is of a run that was: its CPU can run here too. If the program has changed, anybody must do.
        let next = if runnable >> next & 1 == 1 { next } else { lowest(runnable) };
        self.steps[usize::from(at.cpu)] = at.step;
        self.open(next);
        next
    }

    pub(super) fn grant(&mut self, at: At) -> Grant {
        let taken = at.step.wrapping_sub(self.steps[usize::from(at.cpu)]);
        match self.cuts.get(self.log.legs.len().saturating_sub(1)) {
            Some(Cut { steps: Some(steps), .. }) => Grant::steps(steps.saturating_sub(taken)),
            None if self.is_environment(at.cpu) => Grant { steps: FAR, next_op: at.op + 1 },
            _ => Grant::far(),
        }
    }

    /// Whether the CPU that woke others must stop, so that the log can say when that was.
    pub(super) fn woken(&mut self, runnable: u32) -> bool {
        self.listens && self.log.legs.len() > self.cuts.len() && runnable != self.runnable
    }

    /// The run is over.
    pub(super) fn ended(&mut self, cpu: u8, step: u32) {
        let taken = step.wrapping_sub(self.steps[usize::from(cpu)]);
        if let Some(leg) = self.log.legs.last_mut().filter(|leg| leg.cpu == cpu) {
            leg.steps = taken;
        }
    }

    fn is_environment(&self, cpu: u8) -> bool {
        self.environment >> cpu & 1 == 1
    }

    /// Whether a CPU of the environment has just ended an operation and stands before the next one.
    fn ends_operation(&self, at: At, taken: u32) -> bool {
        self.is_environment(at.cpu) && at.k == 0 && taken > 0
    }

    /// Who goes on where nothing is prescribed and the CPU that ran does not.
    fn unprompted(&self, leg: usize, runnable: u32) -> u8 {
        let interrupted = self.log.home(leg, self.environment);
        let others = runnable & !self.environment;
        match interrupted {
            Some(cpu) if runnable >> cpu & 1 == 1 => cpu,
            _ if others != 0 => lowest(others),
            _ => lowest(runnable),
        }
    }

    fn open(&mut self, cpu: u8) {
        let waited = self.waiting >> cpu & 1 == 1;
        self.log.legs.push(Leg { cpu, waited, steps: 0, ended: None, runnable: 0 });
    }

    fn close(&mut self, why: Why, cpu: u8, steps: u32, runnable: u32) {
        self.runnable = runnable;
        let blocked = u32::from(why == Why::Blocked) << cpu;
        self.waiting = self.waiting & !(1 << cpu) | blocked;
        if let Some(leg) = self.log.legs.last_mut() {
            (leg.steps, leg.ended, leg.runnable) = (steps, Some(why), runnable);
        }
    }
}
