//! POS: a random priority for each event, drawn again when a racing event came first.

use super::dice::Dice;
use super::{At, FAR, Why};
use crate::prog::limits::CPUS_MAX;
use crate::trace::Access;

/// Partial order sampling (Yuan, Yang and Gu, "Partial order aware concurrency sampling", CAV 2018; the algorithm is
/// POS of its section on algorithms, which is BasicPOS with priorities that are drawn again).
///
/// The algorithm: each event gets a random priority when it becomes the next one of its thread; of all enabled events
/// the one with the highest priority is taken; those of other threads that race with it get new priorities. Two events
/// that race are in either order with a probability that does not fall with the number of events that race with
/// neither: after `n` such events of its own, one comes before a racing event of a thread that has done nothing yet
/// with probability 1 / (n + 2), not 1 / 2^(n + 1) as in a walk. Nothing has to be known of the program.
///
/// Approximations. Objects are told apart by their slots in the interleaving feedback, so that two of them may be one
/// here. What the kernel does between two steps (read sections, interrupt flags, what oracles look at) belongs to no
/// object, so that events may depend on each other that do not race here. Both make the sample less even and nothing
/// unreachable. What a CPU does before its first step is an event that races with none. A lock that is not free is
/// found out by trying: to try and fail races with nothing, and the lock is taken by an event of its own, once the CPU
/// is woken.
#[derive(Clone, Debug)]
pub struct Pos {
    dice: Dice,
    /// What each CPU will do next.
    next: [Access; CPUS_MAX],
    /// The priority of that; the higher goes first.
    priority: [u32; CPUS_MAX],
    /// The CPUs that stand right before a step that is known, as a mask.
    ahead: u32,
    drawn: u32,
}

impl Pos {
    /// The schedule that belongs to `seed`.
    pub fn new(seed: u64) -> Pos {
        Pos {
            dice: Dice::new(seed),
            next: [Access::NONE; CPUS_MAX],
            priority: [0; CPUS_MAX],
            ahead: 0,
            drawn: 0,
        }
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.dice.reseed(seed);
    }

    pub(super) fn rewind(&mut self) {
        self.dice.rewind();
        self.next = [Access::NONE; CPUS_MAX];
        self.priority = std::array::from_fn(|_| self.dice.word());
        self.ahead = 0;
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        let cpu = usize::from(at.cpu);
        let failed = why == Why::Blocked && self.next[cpu].slot() == at.next.slot();
        if !failed {
            self.done(cpu);
        }
        // It begins with what it does before its first step.
        self.next[cpu] = if why == Why::Begin { Access::NONE } else { at.next };
        self.priority[cpu] = self.dice.word();
        self.ahead = self.ahead & !(1 << cpu) | u32::from(why.is_voluntary()) << cpu;
        let next = self.highest(runnable);
        self.drawn = if runnable.is_power_of_two() {
            // Alone it need not ask, so what it does next will not be known when it asks again.
            self.next[usize::from(next)] = Access::NONE;
            FAR
        } else {
            self.ahead >> next & 1
        };
        next
    }

    /// One step; none if the CPU has yet to come to where its next step is known; many if nobody else can run.
    pub(super) fn drawn(&self) -> u32 {
        self.drawn
    }

    /// The event that was the next one of `cpu` is done: those that race with it get new priorities.
    fn done(&mut self, cpu: usize) {
        let done = self.next[cpu];
        for other in 0..CPUS_MAX {
            if other != cpu && done.races(self.next[other]) {
                self.priority[other] = self.dice.word();
            }
        }
    }

    fn highest(&self, runnable: u32) -> u8 {
        let cpus = (0..CPUS_MAX as u8).filter(|cpu| runnable >> cpu & 1 == 1);
        cpus.max_by_key(|&cpu| self.priority[usize::from(cpu)]).unwrap_or_default()
    }
}
