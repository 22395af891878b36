//! Dice: the random numbers of a policy, a few bits at a throw, the same for a seed on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// ChaCha8 from a seed, eaten in small pieces: a choice among four CPUs needs no more than a byte.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    rng: ChaCha8Rng,
    bits: u64,
    left: u32,
    seed: u64,
}

/// For each set of CPUs, which one stands for each number below 12 = lcm(1, 2, 3, 4).
const CHOICE: [[u8; 16]; 16] = {
    let mut table = [[0u8; 16]; 16];
    let mut mask = 1usize;
    while mask < 16 {
        let (mut number, mut cpu) = (0, 0u8);
        while number < 12 {
            while mask >> cpu & 1 == 0 {
                cpu = (cpu + 1) % 4;
            }
            table[mask][number] = cpu;
            cpu = (cpu + 1) % 4;
            number += 1;
        }
        mask += 1;
    }
    table
};

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice { rng: ChaCha8Rng::seed_from_u64(0), bits: 0, left: 0, seed }
    }

    /// Chooses the sequence that [`Dice::rewind`] goes to the start of.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Back to the first throw. The seed is expanded only now: whoever reseeds need not run.
    pub(super) fn rewind(&mut self) {
        self.rng = ChaCha8Rng::seed_from_u64(self.seed);
        self.left = 0;
    }

    /// `BITS` random bits; 64 is a multiple of it.
    #[inline]
    fn throw<const BITS: u32>(&mut self) -> u32 {
        if self.left < BITS {
            self.refill();
        }
        self.left -= BITS;
        let piece = self.bits as u32 & ((1 << BITS) - 1);
        self.bits >>= BITS;
        piece
    }

    #[inline(never)]
    fn refill(&mut self) {
        self.bits = self.rng.next_u64();
        self.left = u64::BITS;
    }

    /// One CPU of the mask, each as likely as the others up to 1 in 256.
    #[inline]
    pub(super) fn choose(&mut self, mask: u32) -> u8 {
        CHOICE[mask as usize & 15][(self.throw::<8>() as usize * 12) >> 8]
    }

    /// One CPU of the mask and a number below `bound`, at most 2^8, of one throw: the fraction that is left of a
    /// choice by multiply-shift is as random as the choice.
    #[inline]
    pub(super) fn choose_and_below(&mut self, mask: u32, bound: u32) -> (u8, u32) {
        let choice = self.throw::<16>() * 12;
        let number = ((choice & 0xffff) * bound) >> 16;
        (CHOICE[mask as usize & 15][(choice >> 16) as usize & 15], number)
    }

    /// A number below `bound` (at most 2^16), by multiply-shift.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (self.throw::<16>() * bound) >> 16
    }

    /// 32 random bits.
    #[inline]
    pub(super) fn word(&mut self) -> u32 {
        self.throw::<16>() << 16 | self.throw::<16>()
    }

    /// A number below `bound`, however large.
    pub(super) fn below_wide(&mut self, bound: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(bound)) >> 32) as u32
    }
}
