//! The reader takes any byte string for a program.

use super::record::{
    DECISION, DECLARATION, FINISHED, KINDS, Record, SETUP_OP, axes_in, declaration_in, op_in,
    sets_axes,
};
use crate::prog::fixup::{fixup, reduce};
use crate::prog::limits::{
    CPUS_MAX, DECISIONS_MAX, INPUT_BYTES_MAX, OPS_MAX, PCT_DEPTH_MAX, RECORD_BYTES, RUN_MEAN_MAX,
    SETUP_MAX,
};
use crate::prog::op::Op;
use crate::prog::program::{Head, Policy, Program};
use crate::prog::scene::SCENES;
use crate::prog::schedule::{Decision, Schedule};
use crate::prog::setup::Setup;
use arbitrary::{Arbitrary, Result, Unstructured};

/// Numbers of CPUs by header byte: two race best, one not at all.
pub(super) const CPU_COUNTS: [u8; 8] = [2, 3, 2, 3, 2, 3, 4, 1];

/// The one header byte that means an HPN of 512: too slow for a fuzzer to stumble on often.
pub(super) const LARGE: u8 = 0x80;

/// The policies by header byte. The rest of the sixteen is records again, so that half of what a fuzzer invents is.
pub(super) const RANDOM: u8 = 1;
pub(super) const PCT: u8 = 2;
pub(super) const POS: u8 = 4;
pub(super) const URW: u8 = 5;
pub(super) const SURW: u8 = 6;

/// All bits of a decision's third byte that say "the step number has a high byte". An invented one rarely has them
/// all, so that most invented decisions fall into an operation and not behind its end.
pub(in crate::prog) const LONG: u8 = 7;

/// The program that a byte string stands for. Every byte string stands for one.
pub fn decode(bytes: &[u8]) -> Program {
    let mut program = Program::default();
    decode_into(bytes, &mut program);
    program
}

/// Like [`decode`], into the vectors of another program.
///
/// Nothing is allocated unless a vector must grow for the first time, or the other program had fewer CPUs.
/// Bytes beyond [`INPUT_BYTES_MAX`] say nothing.
pub fn decode_into(bytes: &[u8], program: &mut Program) {
    let mut records = Records(&bytes[..bytes.len().min(INPUT_BYTES_MAX)]);
    clear(program);
    let header = records.next().unwrap_or_default();
    read_header(&header, program);
    let Schedule::Decisions(decisions) = &mut program.schedule else { return };
    let (setup, cpus) = (&mut program.setup, &mut program.cpus[..]);
    // The operation that decisions belong to.
    let mut last: Option<(u8, u8)> = None;
    for record in records {
        let kind = record[0] % KINDS;
        match kind {
            DECISION => {
                if let Some((cpu, op)) = last {
                    let k = step_in(&record);
                    push(decisions, DECISIONS_MAX, Decision { cpu, op, k, next: record[4] });
                }
            }
            FINISHED => {
                let cpu = record[1] % cpus.len() as u8;
                push(decisions, DECISIONS_MAX, Decision { cpu, op: END, k: 0, next: record[2] });
            }
            SETUP_OP => _ = push(setup, SETUP_MAX, Setup::Do(op_in(&record))),
            DECLARATION if sets_axes(&record) => program.head.axes = axes_in(&record),
            DECLARATION => _ = push(setup, SETUP_MAX, declaration_in(&record)),
            _ => {
                let cpu = kind % cpus.len() as u8;
                let ops = &mut cpus[usize::from(cpu)];
                let op = ops.len() as u8;
                last = push(ops, OPS_MAX, op_in(&record)).then_some((cpu, op));
            }
        }
    }
    for decision in decisions.iter_mut().filter(|decision| decision.op == END) {
        decision.op = cpus[usize::from(decision.cpu)].len() as u8;
    }
    fixup(program);
}

/// Stands for "after the last operation" until it is known which that is.
const END: u8 = u8::MAX;

/// Appends unless the limit is reached; says whether it did.
fn push<T>(items: &mut Vec<T>, limit: usize, item: T) -> bool {
    let room = items.len() < limit;
    if room {
        items.push(item);
    }
    room
}

/// Makes an empty program that keeps its memory.
fn clear(program: &mut Program) {
    let Program { head, setup, cpus, schedule } = program;
    let Head { without, zoo, expect, .. } = head;
    without.clear();
    zoo.clear();
    expect.clear();
    let (without, zoo) = (std::mem::take(without), std::mem::take(zoo));
    *head = Head { without, zoo, expect: std::mem::take(expect), ..Head::default() };
    setup.clear();
    setup.reserve(SETUP_MAX + 1);
    cpus.iter_mut().for_each(Vec::<Op>::clear);
    match schedule {
        Schedule::Decisions(decisions) => decisions.clear(),
        Schedule::Turns(_) => *schedule = Schedule::default(),
    }
}

fn read_header(record: &Record, program: &mut Program) {
    let [hpn, _, policy, number, seed_low, seed_high, scene, count] = *record;
    let head = &mut program.head;
    let index = if hpn == LARGE { 2 } else { usize::from(hpn % 2) };
    head.hpn = Head::HPNS[index];
    head.policy = match policy % 16 {
        RANDOM | 9 => Policy::Random { mean: reduce(number, RUN_MEAN_MAX) },
        PCT | 10 => Policy::Pct { depth: reduce(number, PCT_DEPTH_MAX) },
        POS | 12 => Policy::Pos,
        URW => Policy::Urw,
        SURW => Policy::Surw,
        _ => Policy::Records,
    };
    head.seed = u64::from(u16::from_le_bytes([seed_low, seed_high]));
    if let Some(scene) = (usize::from(scene) % (SCENES.len() + 1)).checked_sub(1) {
        program.setup.extend_from_slice(SCENES[scene].items);
    }
    let count = usize::from(CPU_COUNTS[usize::from(count) % CPU_COUNTS.len()]).min(CPUS_MAX);
    program.cpus.resize_with(count, Vec::new);
}

fn step_in(record: &Record) -> u16 {
    let high = if record[2] & LONG == LONG { record[3] } else { 0 };
    u16::from_le_bytes([record[1], high])
}

/// The records of a byte string; the last one is padded with zeros.
struct Records<'a>(&'a [u8]);

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if let Some((record, rest)) = self.0.split_first_chunk::<RECORD_BYTES>() {
            self.0 = rest;
            return Some(*record);
        }
        let tail = std::mem::take(&mut self.0);
        let mut record = [0; RECORD_BYTES];
        record[..tail.len()].copy_from_slice(tail);
        (!tail.is_empty()).then_some(record)
    }
}

/// The rest of the input, decoded.
impl<'a> Arbitrary<'a> for Program {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(decode(u.bytes(u.len())?))
    }

    fn arbitrary_take_rest(u: Unstructured<'a>) -> Result<Self> {
        Ok(decode(u.take_rest()))
    }
}
