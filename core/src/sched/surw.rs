//! SURW: uniform over the interleavings of the accesses to one object, whatever else happens.

use super::dice::Dice;
use super::urw::{Left, weighted};
use super::{At, Counts, FAR, Why};
use crate::prog::limits::CPUS_MAX;
use crate::trace::Access;

/// The selectively uniform random walk (Zhao, Wolff, Mathur and Roychoudhury, "Selectively uniform concurrency testing",
/// ASPLOS 2025; the algorithm SURW).
///
/// The algorithm: some events are of interest, here as in the paper's evaluation the accesses to a shared object that
/// is drawn anew for each schedule. The thread whose interesting event comes next is drawn beforehand, with probability
/// proportional to the number of those that it has left; others stop before theirs until it has come. So all
/// interleavings of the interesting events are equally likely, and the few that matter are not lost among the many in
/// which other events change places.
///
/// Approximations: those of [`Urw`](super::Urw), for the counts of the object as for those of steps. Of the CPUs that
/// do not stop one is picked by the steps that it has left, where the paper leaves the choice open. If the one whose
/// turn it is cannot go on and all others stop before their interesting events, one of them is drawn instead. If
/// nothing is shared, every event is of interest. Objects are told apart as in [`Pos`](super::Pos).
#[derive(Clone, Debug)]
pub struct Surw {
    dice: Dice,
    left: Left,
    /// Slots of shared objects, each with the accesses of each CPU.
    objects: Vec<(u16, [u32; CPUS_MAX])>,
    /// The slot of the object of interest.
    object: u16,
    /// Accesses to it that each CPU has left.
    interesting: [u32; CPUS_MAX],
    /// Whose access comes next.
    intended: u8,
    /// What each CPU stands before.
    next: [Access; CPUS_MAX],
    /// The CPUs that stand right before a step that is known, as a mask.
    ahead: u32,
    /// The CPUs that have not finished.
    live: u32,
    drawn: u32,
}

impl Surw {
    /// The schedule that belongs to `seed`, for a program of which this was counted.
    pub fn new(seed: u64, counts: &Counts) -> Surw {
        Surw {
            dice: Dice::new(seed),
            left: Left::of(counts.steps()),
            objects: counts.shared().collect(),
            object: 0,
            interesting: [0; CPUS_MAX],
            intended: 0,
            next: [Access::NONE; CPUS_MAX],
            ahead: 0,
            live: 0,
            drawn: 0,
        }
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.dice.reseed(seed);
    }

    pub(super) fn rewind(&mut self) {
        self.dice.rewind();
        self.left.rewind();
        self.next = [Access::NONE; CPUS_MAX];
        self.ahead = 0;
        self.live = 0;
        if self.objects.is_empty() {
            return;
        }
        let chosen = self.dice.below(self.objects.len() as u32);
        (self.object, self.interesting) = self.objects[chosen as usize];
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        let cpu = usize::from(at.cpu);
        self.left.update(why, at);
        let came = self.stands_before(cpu);
        self.next[cpu] = at.next;
        self.ahead = self.ahead & !(1 << cpu) | u32::from(why.is_voluntary()) << cpu;
        match why {
            Why::Begin => self.live = runnable,
            Why::Finished => self.live &= !(1 << cpu),
            _ => {}
        }
        if came {
            self.interesting[cpu] = self.interesting[cpu].saturating_sub(1);
        }
        if why == Why::Begin || came || self.live >> self.intended & 1 == 0 {
            self.intend(self.live);
        }
        let next = self.choose(runnable);
        // Alone, and nobody waits: what is still to come is in order.
        self.drawn = if self.live.is_power_of_two() { FAR } else { self.ahead >> next & 1 };
        next
    }

    /// One step; none if the CPU has yet to come to where its next step is known; many if all others have finished.
    pub(super) fn drawn(&self) -> u32 {
        self.drawn
    }

    fn choose(&mut self, runnable: u32) -> u8 {
        if self.objects.is_empty() {
            return self.left.choose(&mut self.dice, runnable);
        }
        let going = runnable & !self.stopped();
        if going != 0 {
            return self.left.choose(&mut self.dice, going);
        }
        self.intend(runnable);
        self.intended
    }

    /// Who stands before an interesting event whose turn it is not.
    fn stopped(&self) -> u32 {
        let before = (0..CPUS_MAX).filter(|&cpu| self.stands_before(cpu));
        before.fold(0, |mask, cpu| mask | 1 << cpu) & !(1 << self.intended)
    }

    fn stands_before(&self, cpu: usize) -> bool {
        self.ahead >> cpu & 1 == 1 && self.next[cpu].slot() == self.object
    }

    /// Draws whose interesting event comes next. Who stands before one has one left, whatever was counted.
    fn intend(&mut self, mask: u32) {
        let of = |cpu: usize| match mask >> cpu & 1 {
            1 if self.stands_before(cpu) => self.interesting[cpu].max(1),
            1 => self.interesting[cpu],
            _ => 0,
        };
        let weights: [u32; CPUS_MAX] = std::array::from_fn(of);
        self.intended = match weights.iter().any(|&weight| weight != 0) {
            true => weighted(&mut self.dice, weights),
            false if mask != 0 => self.left.choose(&mut self.dice, mask),
            false => self.intended,
        };
    }
}
