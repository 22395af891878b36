//! Interleaving feedback: which site was followed, on the same object, by which site of another CPU.

use std::cell::Cell;

/// Objects told apart; further ones share a slot.
const OBJECTS: usize = 1024;
/// Counters: few beat many (4 Ki found the bug in half the time of 64 Ki).
pub const FEEDBACK_SLOTS: usize = 4096;
/// Runs until the epoch wraps and the last accesses are wiped.
const EPOCHS: u32 = 1 << 12;

/// The last access to each object (epoch 12 bits, CPU 4, site 16), and a counter for each pair of sites.
#[derive(Debug)]
pub struct Feedback {
    last: [Cell<u32>; OBJECTS],
    counts: [Cell<u8>; FEEDBACK_SLOTS],
    epoch: Cell<u32>,
}

impl Default for Feedback {
    fn default() -> Self {
        Feedback {
            last: [const { Cell::new(0) }; OBJECTS],
            counts: [const { Cell::new(0) }; FEEDBACK_SLOTS],
            epoch: Cell::new(1),
        }
    }
}

impl Feedback {
    /// Begins another run: no access of the run before can pair with one of this run.
    pub fn next_run(&self) {
        let epoch = self.epoch.get() + 1;
        if epoch == EPOCHS {
            self.last.iter().for_each(|last| last.set(0));
            self.epoch.set(1);
        } else {
            self.epoch.set(epoch);
        }
    }

    /// Sets all counters to zero.
    pub fn clear(&self) {
        self.counts.iter().for_each(|count| count.set(0));
    }

    /// Copies the counters out and sets them to zero.
    pub fn take(&self, into: &mut [u8; FEEDBACK_SLOTS]) {
        for (count, out) in self.counts.iter().zip(into) {
            *out = count.take();
        }
    }

    /// How many counters are not zero.
    pub fn features(&self) -> usize {
        self.counts.iter().filter(|count| count.get() != 0).count()
    }

    pub(super) fn tag(&self, cpu: u8) -> u32 {
        self.epoch.get() << 20 | u32::from(cpu & 15) << 16
    }

    /// Notes that `this`, a tag and a site, accesses the object of `slot`.
    #[inline(always)]
    pub(super) fn access(&self, this: u32, slot: u16) {
        let before = self.last[usize::from(slot) % OBJECTS].replace(this);
        // Same epoch and another CPU: of all bits above the site only some of the CPU's four differ.
        if (before ^ this).wrapping_sub(1 << 16) < 15 << 16 {
            self.hit(before, this);
        }
    }

    #[inline(always)]
    fn hit(&self, before: u32, this: u32) {
        let pair = (before << 16 | this & 0xffff).wrapping_mul(0x9e37_79b1) >> 20;
        let count = &self.counts[pair as usize % FEEDBACK_SLOTS];
        count.set(count.get().wrapping_add(1));
    }
}
