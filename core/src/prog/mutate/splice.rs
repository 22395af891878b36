//! A splice makes one program of two: the world of one, and who does what in it from both.

use super::sheet::{Kind, RECORDS_MAX, Sheet, kind};
use super::{Next, below};
use crate::prog::limits::CPUS_MAX;
use crate::prog::wire::Record;

/// Makes a program of two.
pub(super) fn splice(one: &Sheet, other: &Sheet, next: &mut Next<'_>) -> Sheet {
    match below(next, 3) {
        0 => cpus_of_both(one, other, next),
        1 => first_and_then(one, other, next),
        _ => graft(one, other, next),
    }
}

/// Some CPUs do what they do in the one program, the others what they do in the other.
fn cpus_of_both(one: &Sheet, other: &Sheet, next: &mut Next<'_>) -> Sheet {
    let from_other: Vec<bool> = (0..CPUS_MAX).map(|_| below(next, 2) == 0).collect();
    let mut records = world(one);
    for (sheet, mine) in [(one, false), (other, true)] {
        for group in groups(sheet) {
            if let Kind::Op(cpu) = kind(&group[0])
                && from_other[usize::from(cpu)] == mine
            {
                records.extend_from_slice(group);
            }
        }
    }
    capped(records)
}

/// The first operations of one, then the last ones of the other.
fn first_and_then(one: &Sheet, other: &Sheet, next: &mut Next<'_>) -> Sheet {
    let mut records = world(one);
    let (first, last) = (groups(one), groups(other));
    let keep = below(next, first.len() + 1);
    let skip = below(next, last.len() + 1);
    records.extend(first[..keep].iter().chain(&last[skip..]).copied().flatten());
    capped(records)
}

/// One, and in it an operation of the other with its decisions.
fn graft(one: &Sheet, other: &Sheet, next: &mut Next<'_>) -> Sheet {
    let twigs = groups(other);
    let mut records = one.records.clone();
    if !twigs.is_empty() {
        let twig = twigs[below(next, twigs.len())];
        let at = one.any_op(next).map_or(records.len(), |op| one.group(op).end);
        records.splice(at..at, twig.iter().copied());
    }
    capped(records)
}

/// The header and all records that are no operation of a CPU and no decision in one.
fn world(sheet: &Sheet) -> Vec<Record> {
    let rest = sheet.records[1..].iter();
    let kept = rest.filter(|record| !matches!(kind(record), Kind::Op(_) | Kind::Decision));
    sheet.records[..1].iter().chain(kept).copied().collect()
}

/// The operations of CPUs, each with its decisions.
fn groups(sheet: &Sheet) -> Vec<&[Record]> {
    let ops =
        (1..sheet.records.len()).filter(|&at| matches!(kind(&sheet.records[at]), Kind::Op(_)));
    ops.map(|at| &sheet.records[sheet.group(at)]).collect()
}

fn capped(mut records: Vec<Record>) -> Sheet {
    records.truncate(RECORDS_MAX);
    Sheet { records }
}
