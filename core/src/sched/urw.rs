//! URW: each CPU as often as it has steps left, so that every interleaving is as likely as any other.

use super::dice::Dice;
use super::{At, FAR, Why};
use crate::prog::limits::CPUS_MAX;

/// The uniform random walk (Zhao, Wolff, Mathur and Roychoudhury, "Selectively uniform concurrency testing",
/// ASPLOS 2025; the algorithm URW, from which the paper makes SURW).
///
/// The algorithm: a thread is picked with probability proportional to the number of events that it has left. If the
/// numbers are right and nobody blocks, each of the (sum of n)! / (product of n!) interleavings of the threads' n events
/// has the same probability. A naive walk prefers those in which the short threads end early.
///
/// Approximations. The numbers are those of one run under a naive walk ([`Counts`](super::Counts)): the paper too
/// counts in runs of the program. A CPU that has done more than was counted has one left. Whoever waits
/// is not picked and keeps its weight, one event more for taking what it waits for; the paper's proof is for programs
/// without such waits. Threads are not born during the race here, so nothing is counted for their parents.
#[derive(Clone, Debug)]
pub struct Urw {
    dice: Dice,
    left: Left,
    drawn: u32,
}

impl Urw {
    /// The schedule that belongs to `seed`, for CPUs that take about so many steps.
    pub fn new(seed: u64, steps: [u32; CPUS_MAX]) -> Urw {
        Urw { dice: Dice::new(seed), left: Left::of(steps), drawn: 0 }
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.dice.reseed(seed);
    }

    pub(super) fn rewind(&mut self) {
        self.dice.rewind();
        self.left.rewind();
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        self.left.update(why, at);
        let next = self.left.choose(&mut self.dice, runnable);
        self.drawn = match runnable.is_power_of_two() {
            true => FAR,
            // Who takes what it has waited for takes no step for it.
            false => u32::from(!self.left.waits(next)),
        };
        next
    }

    /// One step, or none if the event is to take what the CPU has waited for; many if nobody else can run.
    pub(super) fn drawn(&self) -> u32 {
        self.drawn
    }
}

/// How many events each CPU has left.
#[derive(Clone, Debug)]
pub(super) struct Left {
    total: [u32; CPUS_MAX],
    left: [u32; CPUS_MAX],
    /// The steps that each CPU had taken when they were last told.
    seen: [u32; CPUS_MAX],
    waiting: u32,
}

impl Left {
    pub(super) fn of(total: [u32; CPUS_MAX]) -> Left {
        Left { total, left: total, seen: [0; CPUS_MAX], waiting: 0 }
    }

    pub(super) fn rewind(&mut self) {
        (self.left, self.seen, self.waiting) = (self.total, [0; CPUS_MAX], 0);
    }

    pub(super) fn update(&mut self, why: Why, at: At) {
        let cpu = usize::from(at.cpu);
        if why != Why::Begin {
            self.left[cpu] = self.left[cpu].saturating_sub(at.step - self.seen[cpu]);
        }
        self.seen[cpu] = at.step;
        self.waiting = self.waiting & !(1 << cpu) | u32::from(why == Why::Blocked) << cpu;
    }

    pub(super) fn waits(&self, cpu: u8) -> bool {
        self.waiting >> cpu & 1 == 1
    }

    /// One CPU of a mask that is not empty, by what they have left.
    #[inline]
    pub(super) fn choose(&self, dice: &mut Dice, mask: u32) -> u8 {
        weighted(
            dice,
            std::array::from_fn(|cpu| {
                let waits = self.waiting >> cpu & 1;
                if mask >> cpu & 1 == 1 { self.left[cpu].max(1) + waits } else { 0 }
            }),
        )
    }
}

/// A CPU, drawn by weights of which one is not 0.
#[inline]
pub(super) fn weighted(dice: &mut Dice, weights: [u32; CPUS_MAX]) -> u8 {
    let mut number = dice.below_wide(weights.iter().sum());
    let mut cpu = 0;
    while number >= weights[usize::from(cpu)] {
        number -= weights[usize::from(cpu)];
        cpu += 1;
    }
    cpu
}
