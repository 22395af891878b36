//! A change is one small step from a program to its neighbour.

use super::sheet::{Kind, Sheet, kind};
use super::{Next, below};
use crate::prog::axes::{AXES, Axes};
use crate::prog::generate::operation;
use crate::prog::limits::{CPUS_MAX, RECORD_BYTES};
use crate::prog::op::Op;
use crate::prog::wire::{
    DECISION, FINISHED, LONG, Record, axes_in, op_in, record_of, record_of_axes, sets_axes,
};

type Change = fn(&mut Sheet, &mut Next<'_>) -> bool;

/// How often each change is tried. A change that finds nothing to work on, or no room, says so, and another one
/// is tried.
const CHANGES: &[(u32, Change)] = &[
    (6, shift_decision),
    (6, add_decision),
    (3, drop_decision),
    (2, swap_decisions),
    (2, retarget_decision),
    (4, move_to_another_cpu),
    (2, move_in_order),
    (2, swap_ops),
    (2, duplicate_op),
    (4, drop_op),
    (5, invent_op),
    (6, change_argument),
    (3, change_verb),
    (2, change_axis),
    (2, change_header),
];

/// Tries before a sheet is left as it is.
const TRIES_MAX: u32 = 32;
/// How far a decision is shifted: bounds in steps, the small ones first.
const SHIFTS: [usize; 4] = [1, 2, 4, 16];
/// Steps within which an invented decision falls: most operations at HPN 4 take fewer.
const STEPS_GUESS: usize = 64;
/// Vmas that an invented operation is about, from the first.
const VMAS_GUESS: u32 = 3;

/// Makes one change.
pub(super) fn change(sheet: &mut Sheet, next: &mut Next<'_>) {
    let sum: u32 = CHANGES.iter().map(|(weight, _)| weight).sum();
    for _ in 0..TRIES_MAX {
        let mut number = below(next, sum as usize) as u32;
        let drawn = CHANGES.iter().find(|(weight, _)| {
            let found = number < *weight;
            number = number.saturating_sub(*weight);
            found
        });
        if drawn.is_some_and(|(_, make)| make(sheet, next)) {
            return;
        }
    }
}

fn is_decision(kind: Kind) -> bool {
    kind == Kind::Decision
}

/// The step that a decision counts to.
fn step_of(record: &Record) -> u16 {
    let high = if record[2] & LONG == LONG { record[3] } else { 0 };
    u16::from_le_bytes([record[1], high])
}

fn set_step(record: &mut Record, k: u16) {
    let [low, high] = k.to_le_bytes();
    (record[1], record[2], record[3]) = (low, if high == 0 { 0 } else { LONG }, high);
}

fn shift_decision(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let Some(at) = sheet.any(next, is_decision) else { return false };
    let reach = SHIFTS[below(next, SHIFTS.len())];
    let by = 1 + below(next, reach) as u16;
    let record = &mut sheet.records[at];
    let k = step_of(record);
    let shifted = if below(next, 2) == 0 { k.saturating_add(by) } else { k.saturating_sub(by) };
    set_step(record, shifted);
    shifted != k
}

fn add_decision(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let cpu = below(next, CPUS_MAX) as u8;
    if below(next, 8) == 0 {
        let end = sheet.records.len();
        let whose = below(next, CPUS_MAX) as u8;
        return sheet.insert(end, [FINISHED, whose, cpu, 0, 0, 0, 0, 0]);
    }
    let Some(op) = sheet.any_op(next) else { return false };
    let mut record = [DECISION, 0, 0, 0, cpu, 0, 0, 0];
    set_step(&mut record, below(next, STEPS_GUESS) as u16);
    sheet.insert(sheet.group(op).end, record)
}

fn drop_decision(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let at = sheet.any(next, |kind| matches!(kind, Kind::Decision | Kind::Finished));
    at.inspect(|&at| sheet.remove(at)).is_some()
}

fn swap_decisions(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let (Some(one), Some(other)) = (sheet.any(next, is_decision), sheet.any(next, is_decision))
    else {
        return false;
    };
    sheet.records.swap(one, other);
    sheet.records[one] != sheet.records[other]
}

/// Lets another CPU go on.
fn retarget_decision(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let Some(at) = sheet.any(next, |kind| matches!(kind, Kind::Decision | Kind::Finished)) else {
        return false;
    };
    let record = &mut sheet.records[at];
    let to = if kind(record) == Kind::Decision { 4 } else { 2 };
    record[to] = record[to].wrapping_add(1 + below(next, CPUS_MAX - 1) as u8);
    true
}

/// The operation takes its decisions along, as they follow it.
fn move_to_another_cpu(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let Some(at) = sheet.any_op(next) else { return false };
    let Kind::Op(cpu) = kind(&sheet.records[at]) else { return false };
    let by = 1 + below(next, CPUS_MAX - 1) as u8;
    sheet.records[at][0] = (cpu + by) % CPUS_MAX as u8;
    true
}

/// The same operations in another order: an operation with its decisions goes in front of another one.
fn move_in_order(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let (Some(from), Some(to)) = (sheet.any_op(next), sheet.any_op(next)) else { return false };
    let group = sheet.group(from);
    if from == to || group.end == to {
        return false;
    }
    let moved: Vec<Record> = sheet.records.drain(group.clone()).collect();
    let to = if to > from { to - moved.len() } else { to };
    sheet.records.splice(to..to, moved);
    true
}

fn swap_ops(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let (Some(one), Some(other)) = (sheet.any_op(next), sheet.any_op(next)) else { return false };
    // The CPUs stay: their lists keep their lengths.
    let (cpu, other_cpu) = (sheet.records[one][0], sheet.records[other][0]);
    sheet.records.swap(one, other);
    (sheet.records[one][0], sheet.records[other][0]) = (cpu, other_cpu);
    sheet.records[one] != sheet.records[other]
}

/// Onto the same CPU or another, without its decisions.
fn duplicate_op(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let Some(at) = sheet.any_op(next) else { return false };
    let mut record = sheet.records[at];
    if below(next, 2) == 0 {
        record[0] = below(next, CPUS_MAX) as u8;
    }
    sheet.insert(sheet.group(at).end, record)
}

fn drop_op(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let Some(at) = sheet.any(next, |kind| matches!(kind, Kind::Op(_) | Kind::SetupOp)) else {
        return false;
    };
    // Without their operation its decisions would belong to another one.
    let group =
        if kind(&sheet.records[at]) == Kind::SetupOp { at..at + 1 } else { sheet.group(at) };
    sheet.records.drain(group);
    true
}

/// A new operation, drawn as a generated program's are.
fn invent_op(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let mut record = record_of(&operation(next, VMAS_GUESS));
    record[0] = below(next, CPUS_MAX) as u8;
    let end = sheet.records.len();
    match sheet.any_op(next) {
        Some(op) if below(next, 3) == 0 => {
            record[0] = sheet.records[op][0];
            sheet.records[op] = record;
            true
        }
        Some(op) => sheet.insert(sheet.group(op).end, record),
        None => sheet.insert(end, record),
    }
}

fn change_argument(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let wanted = |kind| matches!(kind, Kind::Op(_) | Kind::SetupOp | Kind::Declaration);
    let Some(at) = sheet.any(next, wanted) else { return false };
    let record = &mut sheet.records[at];
    let fields =
        if kind(record) == Kind::Declaration { RECORD_BYTES - 2 } else { fields_of(op_in(record)) };
    if fields == 0 {
        return false;
    }
    let byte = &mut record[2 + below(next, fields)];
    let before = *byte;
    *byte = match below(next, 4) {
        0 => byte.wrapping_add(1),
        1 => byte.wrapping_sub(1),
        2 => *byte ^ 1 << below(next, 8),
        _ => below(next, 16) as u8,
    };
    *byte != before
}

/// Bytes that the arguments of an operation take.
fn fields_of(mut op: Op) -> usize {
    let mut fields = 0;
    op.visit(&mut |slot| fields += slot.bytes().1);
    fields
}

/// Another call about the same things.
fn change_verb(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let Some(at) = sheet.any(next, |kind| matches!(kind, Kind::Op(_) | Kind::SetupOp)) else {
        return false;
    };
    sheet.records[at][1] = below(next, Op::VARIANTS) as u8;
    true
}

fn change_axis(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let at = (1..sheet.records.len())
        .find(|&at| kind(&sheet.records[at]) == Kind::Declaration && sets_axes(&sheet.records[at]));
    let mut axes = at.map_or_else(Axes::default, |at| axes_in(&sheet.records[at]));
    let axis = below(next, AXES.len());
    axes.set(axis, below(next, AXES[axis].values.len()));
    match at {
        Some(at) => {
            sheet.records[at] = record_of_axes(&axes);
            true
        }
        None => sheet.insert(1, record_of_axes(&axes)),
    }
}

/// The table size, the policy, its number or its seed, the scene, or the number of CPUs.
fn change_header(sheet: &mut Sheet, next: &mut Next<'_>) -> bool {
    let header = &mut sheet.records[0];
    match below(next, 6) {
        0 => header[0] = below(next, 2) as u8,
        1 => header[2] = below(next, 4) as u8,
        2 => header[3] = below(next, 256) as u8,
        3 => header[4 + below(next, 2)] = below(next, 256) as u8,
        4 => header[6] = below(next, 256) as u8,
        _ => header[7] = below(next, 8) as u8,
    }
    true
}
