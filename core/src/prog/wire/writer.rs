//! The writer is the inverse of the reader.

use super::reader::{CPU_COUNTS, LARGE, LONG, PCT, POS, RANDOM, SURW, URW};
use super::record::{DECISION, FINISHED, Record, record_of, record_of_axes, record_of_setup};
use crate::prog::axes::Axes;
use crate::prog::limits::{RECORD_BYTES, SEED_MAX};
use crate::prog::program::{Head, Policy, Program};
use crate::prog::schedule::{Decision, Schedule};
use std::fmt;

/// Why a program has no byte form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EncodeError {
    /// The schedule is in turns, which end at names; run the program and take the decisions that were made.
    Turns,
    /// The program is not well-formed; see [`fixup`](crate::prog::fixup()).
    Malformed,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EncodeError::Turns => "a schedule of turns has no byte form, only one of decisions has",
            EncodeError::Malformed => "the program exceeds a limit of the byte form",
        })
    }
}

impl std::error::Error for EncodeError {}

/// The bytes of a well-formed program.
pub fn encode(program: &Program) -> Result<Vec<u8>, EncodeError> {
    let Schedule::Decisions(decisions) = &program.schedule else {
        return Err(EncodeError::Turns);
    };
    let ops: usize = program.cpus.iter().map(Vec::len).sum();
    let axes = (program.head.axes != Axes::default()).then(|| record_of_axes(&program.head.axes));
    let records = 1 + axes.iter().len() + program.setup.len() + ops + decisions.len();
    let mut bytes = Vec::with_capacity(RECORD_BYTES * records);
    bytes.extend(header_of(&program.head, program.cpus.len())?);
    bytes.extend(axes.into_iter().flatten());
    for item in &program.setup {
        bytes.extend(record_of_setup(item));
    }
    for (cpu, ops) in program.cpus.iter().enumerate() {
        for (index, op) in ops.iter().enumerate() {
            let mut record = record_of(op);
            record[0] = cpu as u8;
            bytes.extend(record);
            let here = |d: &&Decision| usize::from(d.cpu) == cpu && usize::from(d.op) == index;
            for decision in decisions.iter().filter(here) {
                bytes.extend(record_of_decision(decision));
            }
        }
        let end = |d: &&Decision| usize::from(d.cpu) == cpu && usize::from(d.op) == ops.len();
        for decision in decisions.iter().filter(end) {
            bytes.extend([FINISHED, decision.cpu, decision.next, 0, 0, 0, 0, 0]);
        }
    }
    if bytes.len() == RECORD_BYTES * records { Ok(bytes) } else { Err(EncodeError::Malformed) }
}

fn header_of(head: &Head, cpus: usize) -> Result<Record, EncodeError> {
    let count = CPU_COUNTS.iter().position(|&count| usize::from(count) == cpus);
    let hpn = match Head::HPNS.iter().position(|&hpn| hpn == head.hpn) {
        Some(2) => LARGE,
        Some(index) => index as u8,
        None => return Err(EncodeError::Malformed),
    };
    let (policy, number) = match head.policy {
        Policy::Records => (0, 0),
        Policy::Random { mean } => (RANDOM, mean),
        Policy::Pct { depth } => (PCT, depth),
        Policy::Pos => (POS, 0),
        Policy::Urw => (URW, 0),
        Policy::Surw => (SURW, 0),
    };
    if head.seed > SEED_MAX {
        return Err(EncodeError::Malformed);
    }
    let [low, high] = (head.seed as u16).to_le_bytes();
    let count = count.ok_or(EncodeError::Malformed)? as u8;
    Ok([hpn, 0, policy, number, low, high, 0, count])
}

fn record_of_decision(decision: &Decision) -> Record {
    let [low, high] = decision.k.to_le_bytes();
    let long = if high == 0 { 0 } else { LONG };
    [DECISION, low, long, high, decision.next, 0, 0, 0]
}
