//! The random walk: runs of random length, then any runnable CPU.

use super::dice::Dice;

/// A CPU runs for 1 to 2 * mean - 1 steps, each number as likely as the others; then any runnable CPU goes, the same
/// one included.
///
/// A race needs few switches at the right places (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007), and
/// a switch costs as much as a dozen steps, so a run takes several steps at once. With mean 1 it is the naive random
/// scheduler, a fresh choice at every step, which is hard to beat (Thomson, Donaldson and Betts, "Concurrency testing
/// using schedule bounding", PPoPP 2014).
#[derive(Clone, Debug)]
pub struct RandomWalk {
    dice: Dice,
    lengths: u32,
    /// Length of the run that was drawn together with its CPU.
    drawn: u32,
}

impl RandomWalk {
    /// The schedule that belongs to `seed`, with runs of `mean` steps on average (1 to 128).
    pub fn new(seed: u64, mean: u8) -> RandomWalk {
        RandomWalk {
            dice: Dice::new(seed),
            lengths: 2 * u32::from(mean.clamp(1, 128)) - 1,
            drawn: 1,
        }
    }

    /// The schedule that belongs to `seed`, with a choice at every step.
    pub fn uniform(seed: u64) -> RandomWalk {
        RandomWalk::new(seed, 1)
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.dice.reseed(seed);
    }

    pub(super) fn rewind(&mut self) {
        self.dice.rewind();
    }

    /// Who goes next, and for how many steps: a walk asks neither where it stands nor why it was asked.
    #[inline]
    pub fn draw(&mut self, runnable: u32) -> (u8, u32) {
        if self.lengths == 1 {
            return (self.dice.choose(runnable), 1);
        }
        let (cpu, length) = self.dice.choose_and_below(runnable, self.lengths);
        (cpu, 1 + length)
    }

    pub(super) fn pick(&mut self, runnable: u32) -> u8 {
        let (cpu, steps) = self.draw(runnable);
        self.drawn = steps;
        cpu
    }

    pub(super) fn drawn(&self) -> u32 {
        self.drawn
    }
}
