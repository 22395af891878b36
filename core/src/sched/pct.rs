//! PCT: random priorities, lowered at a few random steps.

use super::dice::Dice;
use super::{At, FAR, Grant, Why};
use crate::prog::limits::{CPUS_MAX, PCT_DEPTH_MAX};

/// The greatest depth, and so one more than the most change points.
pub const DEPTH_MAX: u8 = PCT_DEPTH_MAX;

/// Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with
/// probabilistic guarantees of finding bugs", ASPLOS 2010).
///
/// The algorithm: n threads get the priorities d to d + n - 1 in random order, d - 1 change points are drawn among the k
/// steps, the highest runnable thread always runs, and the thread that takes the i-th change point's step falls to
/// priority i. A bug of depth d is found with probability at least 1 / (n k^(d-1)).
///
/// Deviations. k is what the caller expects of the run; change points past its end do nothing, steps past k change
/// nothing. A change point comes before its step, not after it. A woken CPU of higher priority goes on before the next
/// step of the waker, not at the wake itself, since nothing is shared in between.
#[derive(Clone, Debug)]
pub struct Pct {
    dice: Dice,
    depth: u8,
    steps: u32,
    /// Priority of each CPU; the higher goes first.
    priority: [u8; CPUS_MAX],
    /// Change points that lie ahead are `changes[next..last]`: (step of the run, priority to fall to), by step.
    changes: [(u32, u8); DEPTH_MAX as usize],
    next: usize,
    last: usize,
    /// Steps of each CPU that are known of, and their sum since the set-up.
    seen: [u32; CPUS_MAX],
    total: u32,
}

impl Pct {
    /// The schedule that belongs to `seed`, for bugs of `depth` (1 to [`DEPTH_MAX`]) in runs of about `steps` steps.
    pub fn new(seed: u64, depth: u8, steps: u32) -> Pct {
        Pct {
            dice: Dice::new(seed),
            depth: depth.clamp(1, DEPTH_MAX),
            steps: steps.max(1),
            priority: [0; CPUS_MAX],
            changes: [(0, 0); DEPTH_MAX as usize],
            next: 0,
            last: 0,
            seen: [0; CPUS_MAX],
            total: 0,
        }
    }

    /// Tells how many steps the next run is expected to take.
    pub fn expect(&mut self, steps: u32) {
        self.steps = steps.max(1);
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.dice.reseed(seed);
    }

    pub(super) fn rewind(&mut self) {
        self.dice.rewind();
        self.seen = [0; CPUS_MAX];
        self.total = 0;
        for cpu in 0..CPUS_MAX {
            // Fisher-Yates, inside out. More CPUs than run get one: the order among those that do is as random.
            let other = self.dice.below(cpu as u32 + 1) as usize;
            self.priority[cpu] = self.priority[other];
            self.priority[other] = self.depth + cpu as u8;
        }
        self.next = 0;
        self.last = usize::from(self.depth) - 1;
        for (change, lower) in self.changes[..self.last].iter_mut().zip(1..) {
            *change = (self.dice.below_wide(self.steps), lower);
        }
        self.changes[..self.last].sort_unstable();
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        if why == Why::Begin {
            self.seen[usize::from(at.cpu)] = at.step;
        }
        self.count(at);
        while why.is_voluntary() && self.next < self.last && self.changes[self.next].0 <= self.total
        {
            self.priority[usize::from(at.cpu)] = self.changes[self.next].1;
            self.next += 1;
        }
        self.highest(runnable)
    }

    pub(super) fn grant(&mut self, at: At) -> Grant {
        self.count(at);
        match self.changes[..self.last].get(self.next) {
            Some(&(step, _)) => Grant::steps(step.saturating_sub(self.total)),
            None => Grant::steps(FAR),
        }
    }

    /// Whether somebody who can run should run rather than `cpu`.
    pub(super) fn woken(&mut self, cpu: u8, runnable: u32) -> bool {
        self.highest(runnable) != cpu
    }

    fn count(&mut self, at: At) {
        let seen = &mut self.seen[usize::from(at.cpu)];
        self.total += at.step - *seen;
        *seen = at.step;
    }

    fn highest(&self, runnable: u32) -> u8 {
        let cpus = (0..CPUS_MAX as u8).filter(|cpu| runnable >> cpu & 1 == 1);
        cpus.max_by_key(|&cpu| self.priority[usize::from(cpu)]).unwrap_or_default()
    }
}
