//! How bytes are bent: tags to operations of the theme, scenes to its scenes, decisions into its window.

use std::ops::Range;

use crate::prog::limits::{INPUT_BYTES_MAX, RECORD_BYTES};
use crate::prog::op::Op;
use crate::prog::wire::{DECISION, KINDS, LONG, Record, record_of};

/// An operation of a theme.
#[derive(Clone, Copy, Debug)]
pub struct Motif {
    /// How many of the foreign tags stand for it, against the others.
    pub weight: u32,
    /// The operation.
    pub op: Op,
    /// The bytes of its arguments that a foreign tag holds fast, counted from 0; the others are the record's own.
    pub fixed: &'static [usize],
}

/// A subject.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Its operations. [`Op::RcuGp`] is always one: it is what becomes of an operation that is about nothing.
    pub motifs: &'static [Motif],
    /// The scenes that a header may ask for, by their place in [`SCENES`](crate::prog::SCENES).
    pub scenes: &'static [u8],
    /// The steps of an operation between which decisions with some odd bits fall; empty: decisions are left alone.
    pub window: Range<u16>,
}

impl Theme {
    /// Writes bytes of a program of this theme to `into`, whatever was in there.
    pub fn bend(&self, bytes: &[u8], into: &mut Vec<u8>) {
        into.clear();
        let bytes = &bytes[..bytes.len().min(INPUT_BYTES_MAX)];
        for (n, chunk) in bytes.chunks(RECORD_BYTES).enumerate() {
            let mut record = [0; RECORD_BYTES];
            record[..chunk.len()].copy_from_slice(chunk);
            if n == 0 {
                self.bend_header(&mut record)
            } else {
                self.bend_record(&mut record)
            }
            into.extend(record);
        }
    }

    /// 0 stands for no scene, and stays.
    fn bend_header(&self, record: &mut Record) {
        let Some(drawn) = record[6].checked_sub(1) else { return };
        if !self.scenes.contains(&drawn) {
            record[6] = 1 + self.scenes[usize::from(drawn) % self.scenes.len()];
        }
    }

    fn bend_record(&self, record: &mut Record) {
        match record[0] % KINDS {
            cpu if cpu < DECISION => self.bend_op(record),
            DECISION => self.bend_decision(record),
            _ => {}
        }
    }

    fn bend_op(&self, record: &mut Record) {
        let tag = record[1];
        if self.motifs.iter().any(|motif| motif.op.variant() == usize::from(tag)) {
            return;
        }
        let sum: u32 = self.motifs.iter().map(|motif| motif.weight).sum();
        // Neighbouring tags stand for different operations: a small change in bytes may well be one of verb.
        let mut number = u32::from(tag).wrapping_mul(SPREAD) % sum;
        for motif in self.motifs {
            if number < motif.weight {
                let drawn = record_of(&motif.op);
                record[1] = drawn[1];
                motif.fixed.iter().for_each(|&byte| record[2 + byte] = drawn[2 + byte]);
                return;
            }
            number -= motif.weight;
        }
    }

    /// An invented decision mostly has some but not all of the bits that say that its step number has a high byte;
    /// one that was written out has none or all.
    fn bend_decision(&self, record: &mut Record) {
        let odd = record[2] != 0 && record[2] & LONG != LONG;
        let steps = self.window.end.saturating_sub(self.window.start);
        if odd && steps > 0 {
            let k = self.window.start + u16::from(record[1]) % steps;
            let [low, high] = k.to_le_bytes();
            (record[1], record[2], record[3]) = (low, if high == 0 { 0 } else { LONG }, high);
        }
    }
}

/// A prime, larger than the sum of any theme's weights.
const SPREAD: u32 = 7919;
