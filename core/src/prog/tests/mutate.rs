//! Mutations are total, keep within the room they get, read nothing beyond, and change one thing.

use super::super::*;
use super::Random;
use crate::prog::limits::{INPUT_BYTES_MAX, RECORD_BYTES};
use std::collections::HashSet;

/// Mutates `bytes` with room for `max`, in front of what `beyond` is full of.
fn mutated(bytes: &[u8], max: usize, beyond: u8, seed: u64) -> Vec<u8> {
    let mut data = vec![beyond; bytes.len().max(max)];
    data[..bytes.len()].copy_from_slice(bytes);
    let mut random = Random(seed | 1);
    let size = mutate(&mut data, bytes.len(), max, &mut || (random.next() >> 32) as u32);
    assert!(size <= max, "{size} bytes where there is room for {max}");
    assert!(data[max..].iter().skip(bytes.len().saturating_sub(max)).all(|&b| b == beyond));
    data.truncate(size);
    data
}

fn crossed(one: &[u8], other: &[u8], max: usize, seed: u64) -> Vec<u8> {
    let mut out = vec![0xa5; max];
    let mut random = Random(seed | 1);
    let size = crossover(one, other, &mut out, &mut || (random.next() >> 32) as u32);
    assert!(size <= max);
    out.truncate(size);
    out
}

/// The bytes of a program such as a campaign keeps.
fn kept(random: &mut Random) -> Vec<u8> {
    let program = generate(&mut || (random.next() >> 32) as u32, &Shape::default());
    encode(&program).expect("a generator makes decisions, not turns")
}

#[test]
fn any_bytes_and_any_room_will_do() {
    let mut random = Random(21);
    for round in 0..20_000 {
        let len = [random.below(40), random.below(1_200), 8 * random.below(130)][random.below(3)];
        let bytes = random.bytes(len);
        let max = [random.below(40), random.below(1_200), INPUT_BYTES_MAX][random.below(3)];
        let once = mutated(&bytes, max, 0, round);
        assert_eq!(once, mutated(&bytes, max, 0xff, round), "reads beyond the input");
        assert!(once.len() <= INPUT_BYTES_MAX);
        let len = random.below(200);
        let other = random.bytes(len);
        let crossed_once = crossed(&bytes, &other, max, round);
        assert_eq!(crossed_once, crossed(&bytes, &other, max, round), "not the same again");
        assert!(crossed_once.len() <= INPUT_BYTES_MAX);
    }
}

#[test]
fn no_room_is_no_trouble() {
    for max in 0..2 * RECORD_BYTES {
        for seed in 0..200 {
            assert_eq!(mutated(&[], max, 7, seed).len().min(RECORD_BYTES), max.min(RECORD_BYTES));
            mutated(&[0xff; 200], max, 7, seed);
            crossed(&[], &[], max, seed);
        }
    }
}

/// Whether two lists of things differ by one being put in, taken out or changed.
fn differ_by_one<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[same..], &other[same..]);
    let tail = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    one.len() - tail <= 1 && other.len() - tail <= 1
}

/// What a mutation changed, in words.
fn difference(before: &Program, after: &Program) -> &'static str {
    let decisions = |program: &Program| match &program.schedule {
        Schedule::Decisions(decisions) => decisions.clone(),
        Schedule::Turns(_) => unreachable!("bytes hold no turns"),
    };
    let ops = |program: &Program| program.cpus.iter().map(Vec::len).sum::<usize>();
    if before == after {
        return "nothing";
    }
    if before.head != after.head {
        return if before.head.axes != after.head.axes { "axis" } else { "header" };
    }
    if before.setup != after.setup {
        return "set-up";
    }
    if before.cpus.len() != after.cpus.len() {
        return "number of CPUs";
    }
    if before.cpus == after.cpus {
        let (before, after) = (decisions(before), decisions(after));
        return match after.len() as isize - before.len() as isize {
            1 => "decision added",
            -1 => "decision dropped",
            0 if differ_by_one(&before, &after) => "decision changed",
            0 => "decisions changed",
            _ => "decisions moved",
        };
    }
    match ops(after) as isize - ops(before) as isize {
        1 => "operation added",
        -1 => "operation dropped",
        _ if before.cpus.iter().zip(&after.cpus).filter(|(a, b)| a != b).count() == 1 => {
            "operation changed"
        }
        _ => "operation moved",
    }
}

#[test]
fn every_kind_of_change_comes_up_and_most_change_something() {
    let mut random = Random(22);
    let mut seen = HashSet::new();
    let (mut idle, rounds) = (0, 5_000);
    for round in 0..rounds {
        let bytes = kept(&mut random);
        let before = decode(&bytes);
        let after = decode(&mutated(&bytes, INPUT_BYTES_MAX, 0, round));
        let difference = difference(&before, &after);
        idle += u64::from(difference == "nothing");
        seen.insert(difference);
    }
    let mut missed = vec![
        "axis",
        "header",
        "set-up",
        "number of CPUs",
        "decision added",
        "decision dropped",
        "decision changed",
        "decisions changed",
        "operation added",
        "operation dropped",
        "operation changed",
        "operation moved",
    ];
    missed.retain(|kind| !seen.contains(kind));
    assert!(missed.is_empty(), "never seen: {missed:?}");
    // What bends to the same program anyway: a shift beyond the end, a CPU that there is not.
    assert!(idle * 5 < rounds, "{idle} of {rounds} mutations change nothing");
}

#[test]
fn a_child_has_its_operations_from_its_parents() {
    let mut random = Random(23);
    let (mut from_both, rounds) = (0, 2_000);
    for round in 0..rounds {
        let (one, other) = (kept(&mut random), kept(&mut random));
        let records = |bytes: &[u8]| -> HashSet<Vec<u8>> {
            bytes[RECORD_BYTES..].chunks(RECORD_BYTES).map(<[u8]>::to_vec).collect()
        };
        let child = crossed(&one, &other, INPUT_BYTES_MAX, round);
        assert_eq!(child[..RECORD_BYTES], one[..RECORD_BYTES], "the header is the first one's");
        let (one, other, child) = (records(&one), records(&other), records(&child));
        assert!(child.iter().all(|record| one.contains(record) || other.contains(record)));
        let only = |mine: &HashSet<Vec<u8>>, theirs: &HashSet<Vec<u8>>| {
            child.iter().any(|record| mine.contains(record) && !theirs.contains(record))
        };
        from_both += u64::from(only(&one, &other) && only(&other, &one));
    }
    assert!(from_both * 2 > rounds, "only {from_both} of {rounds} children have two parents");
}
