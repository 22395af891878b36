//! The bytes of the target `schedule`: one that chooses a program, and four for each decision.
//!
//! | byte of a decision | says |
//! |---|---|
//! | 0 | which CPU yields, and in the upper half who goes on |
//! | 1 | the operation |
//! | 2 | the step, its low byte |
//! | 3 | from 0xf0: its high byte; otherwise there is none |
//!
//! As with records, every byte string is a program, and to delete a decision deletes nothing else.

use crate::prog::limits::DECISIONS_MAX;
use crate::prog::{Decision, Policy, Program, Schedule, fixup};

const DECISION_BYTES: usize = 4;
/// From here on, the last byte has a high part of the step number.
const LONG: u8 = 0xf0;

/// The longest input that says anything.
pub(super) const INPUT_BYTES_MAX: usize = 1 + DECISION_BYTES * DECISIONS_MAX;

/// Takes bytes for one of the programs under a schedule.
pub(super) fn read(bytes: &[u8], litmus: &[Program], program: &mut Program) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    program.clone_from(&litmus[usize::from(*first) % litmus.len()]);
    let cpus = program.cpus.len() as u8;
    let decision = |chunk: &[u8]| {
        let byte = |n: usize| chunk.get(n).copied().unwrap_or(0);
        let cpu = (byte(0) & 0xf) % cpus;
        let ops = program.cpus[usize::from(cpu)].len() as u8;
        let high = byte(3).saturating_sub(LONG);
        let k = u16::from_le_bytes([byte(2), high]);
        Decision { cpu, op: byte(1) % (ops + 1), k, next: (byte(0) >> 4) % cpus }
    };
    let decisions = rest.chunks(DECISION_BYTES).take(DECISIONS_MAX).map(decision).collect();
    program.schedule = Schedule::Decisions(decisions);
    fixup(program);
}

/// The bytes of a program: the inverse.
pub(super) fn write(program: &Program, litmus: &[Program]) -> Option<Vec<u8>> {
    let Schedule::Decisions(decisions) = &program.schedule else { return None };
    // Some do the same on another machine.
    let is = |known: &Program| {
        known.head.axes == program.head.axes
            && known.setup == program.setup
            && known.cpus == program.cpus
    };
    let which = litmus.iter().position(is)?;
    let mut bytes = vec![u8::try_from(which).ok()?];
    for decision in decisions {
        let [low, high] = decision.k.to_le_bytes();
        let last = if high == 0 { 0 } else { LONG.checked_add(high)? };
        bytes.extend([decision.cpu | decision.next << 4, decision.op, low, last]);
    }
    (program.head.policy == Policy::Records).then_some(bytes)
}
