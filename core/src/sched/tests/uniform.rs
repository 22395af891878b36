//! What POS, URW and SURW promise, in figures: samples of fixed seeds against the distribution that is known.

use std::collections::BTreeMap;

use super::{check_seeds, follow, follow_on};
use crate::prog::limits::CPUS_MAX;
use crate::sched::{Counts, Policy, Pos, RandomWalk, Surw, Urw};
use crate::trace::Access;

const WRITE: u16 = 1;
/// Slots of what is shared and, for each CPU, of what is its own.
const SHARED: u16 = 1;
const OWN: u16 = 100;

const fn own(cpu: u8) -> Access {
    Access::new(OWN + cpu as u16, WRITE)
}

fn pos() -> Policy {
    Policy::Pos(Pos::new(0))
}

fn urw(lengths: &[u32]) -> Policy {
    Policy::Urw(Urw::new(0, std::array::from_fn(|cpu| lengths.get(cpu).copied().unwrap_or(0))))
}

fn counted(lengths: &[u32], accesses: &dyn Fn(u8, u32) -> Access) -> Counts {
    let mut policy = Policy::Counts(Counts::default());
    follow_on(&mut policy, lengths, accesses);
    let Policy::Counts(counts) = policy else { panic!("a policy stays what it is") };
    counts
}

/// How often each value came in the schedules of so many seeds.
fn sample<T: Ord>(
    policy: &mut Policy,
    seeds: u64,
    mut value: impl FnMut(&mut Policy) -> T,
) -> BTreeMap<T, u32> {
    let mut seen = BTreeMap::new();
    for seed in 0..seeds {
        policy.reseed(seed);
        *seen.entry(value(policy)).or_default() += 1;
    }
    seen
}

/// Chi square of counts against as many equally likely values.
fn chi_square(seen: &BTreeMap<Vec<u8>, u32>, values: usize) -> f64 {
    let expected = f64::from(seen.values().sum::<u32>()) / values as f64;
    let of = |count: u32| (f64::from(count) - expected).powi(2) / expected;
    seen.values().map(|&count| of(count)).sum::<f64>() + expected * (values - seen.len()) as f64
}

/// What chi square exceeds once in a thousand times at so many degrees of freedom (Wilson and Hilferty).
fn bound(values: usize) -> f64 {
    let k = (values - 1) as f64;
    let part = 2.0 / (9.0 * k);
    k * (1.0 - part + 3.09 * part.sqrt()).powi(3)
}

#[track_caller]
fn check_share(found: u32, of: u64, expected: f64) {
    let share = f64::from(found) / of as f64;
    let spread = (expected * (1.0 - expected) / of as f64).sqrt();
    assert!((share - expected).abs() < 3.5 * spread, "{share} is not {expected}");
}

#[test]
fn a_seed_is_a_schedule() {
    check_seeds(pos(), 99);
    check_seeds(urw(&[20, 20, 20]), 99);
    let counts = counted(&[20, 20, 20], &|_, k| Access::new(k as u16 % 3, WRITE));
    check_seeds(Policy::Surw(Surw::new(0, &counts)), 99);
}

#[test]
fn counts_are_of_steps_and_of_shared_objects() {
    // CPU 0 writes what CPU 1 reads; both read what nobody writes; CPU 2 is by itself.
    let counts = counted(&[3, 4, 5], &|cpu, k| match (cpu, k) {
        (0, 2) => Access::new(7, WRITE),
        (1, 0..2) => Access::new(7, 0),
        (0 | 1, _) => Access::new(8, 0),
        _ => own(cpu),
    });
    assert_eq!(counts.steps(), [3, 4, 5, 0]);
    assert_eq!(counts.shared().collect::<Vec<_>>(), [(7, [1, 2, 0, 0])]);
}

#[test]
fn counts_forget_the_run_before() {
    let mut policy = Policy::Counts(Counts::default());
    let same = |_: u8, _: u32| Access::new(SHARED, WRITE);
    follow_on(&mut policy, &[9, 9], &same);
    follow_on(&mut policy, &[1, 2], &same);
    let Policy::Counts(counts) = policy else { panic!("a policy stays what it is") };
    assert_eq!(counts.steps(), [1, 2, 0, 0]);
    assert_eq!(counts.shared().collect::<Vec<_>>(), [(SHARED, [1, 2, 0, 0])]);
}

/// 4, 3 and 2 steps can be interleaved in 9! / (4! 3! 2!) ways.
const LENGTHS: [u32; 3] = [4, 3, 2];
const INTERLEAVINGS: usize = 1260;
const SEEDS: u64 = 40 * INTERLEAVINGS as u64;

#[test]
fn urw_is_uniform() {
    let seen = sample(&mut urw(&LENGTHS), SEEDS, |policy| follow(policy, &LENGTHS));
    assert_eq!(seen.len(), INTERLEAVINGS);
    let chi = chi_square(&seen, INTERLEAVINGS);
    assert!(chi < bound(INTERLEAVINGS), "{chi} exceeds {}", bound(INTERLEAVINGS));
}

#[test]
fn other_walks_and_wrong_counts_are_not_uniform() {
    let others =
        [Policy::RandomWalk(RandomWalk::uniform(0)), urw(&[2, 3, 4]), urw(&[1, 1, 1]), pos()];
    for mut policy in others {
        let seen = sample(&mut policy, SEEDS, |policy| follow(policy, &LENGTHS));
        let chi = chi_square(&seen, INTERLEAVINGS);
        assert!(chi > 2.0 * bound(INTERLEAVINGS), "{policy:?}: {chi}");
    }
}

/// The order of the accesses to one object, of a run in which each CPU also does so much else.
fn order(who: &[u8], accesses: &dyn Fn(u8, u32) -> Access) -> Vec<u8> {
    let mut step = [0; CPUS_MAX];
    let shared = who.iter().filter(|&&cpu| {
        let k = &mut step[usize::from(cpu)];
        *k += 1;
        accesses(cpu, *k - 1).slot() == SHARED
    });
    shared.copied().collect()
}

#[test]
fn surw_is_uniform_where_it_matters() {
    // The accesses of CPU 0 come late, those of CPU 1 early, those of CPU 2 in between: 8! / (3! 3! 2!) orders.
    let accesses = |cpu: u8, k: u32| match (cpu, k) {
        (0, 27..30) | (1, 0..3) | (2, 10 | 20) => Access::new(SHARED, WRITE),
        _ => own(cpu),
    };
    let lengths = [30, 10, 30];
    let values = 560;
    let seeds = 40 * values as u64;
    let draw = |mut policy: Policy| {
        let of = |policy: &mut Policy| order(&follow_on(policy, &lengths, &accesses), &accesses);
        let seen = sample(&mut policy, seeds, of);
        chi_square(&seen, values)
    };
    let counts = counted(&lengths, &accesses);
    let chi = draw(Policy::Surw(Surw::new(0, &counts)));
    assert!(chi < bound(values), "{chi} exceeds {}", bound(values));
    for policy in [urw(&lengths), pos(), Policy::RandomWalk(RandomWalk::uniform(0))] {
        let chi = draw(policy);
        assert!(chi > 10.0 * bound(values), "{chi}");
    }
}

#[test]
fn surw_chooses_among_the_shared_objects() {
    // Each of two objects is of interest in half of the schedules; what is not is left to a walk by what is left.
    let accesses = |_: u8, k: u32| Access::new(SHARED + (k % 2) as u16, WRITE);
    let counts = counted(&[6, 6], &accesses);
    assert_eq!(counts.shared().count(), 2);
    let mut policy = Policy::Surw(Surw::new(0, &counts));
    let seen = sample(&mut policy, 4_000, |policy| follow_on(policy, &[6, 6], &accesses));
    assert!(seen.len() > 400, "{} of 924 interleavings", seen.len());
}

#[test]
fn surw_goes_on_where_the_counts_are_wrong() {
    let accesses = |_: u8, _: u32| Access::new(SHARED, WRITE);
    for lengths in [[1, 1, 1], [40, 2, 0], [0, 0, 50]] {
        let counts = counted(&[3, 3, 3], &accesses);
        let mut policy = Policy::Surw(Surw::new(0, &counts));
        for seed in 0..100 {
            policy.reseed(seed);
            let who = follow_on(&mut policy, &lengths.map(|n: u32| n.max(1)), &accesses);
            assert_eq!(who.len() as u32, lengths.iter().map(|n| n.max(&1)).sum::<u32>());
        }
    }
}

/// The share of schedules in which CPU 1's last step comes before CPU 0's only one.
fn late(policy: &mut Policy, steps: u32, seeds: u64, accesses: &dyn Fn(u8, u32) -> Access) -> u32 {
    let seen =
        sample(policy, seeds, |policy| follow_on(policy, &[1, steps], accesses).last() == Some(&0));
    seen.get(&true).copied().unwrap_or(0)
}

#[test]
fn pos_does_not_tire_of_events_that_race_with_none() {
    // CPU 0 writes at once what CPU 1 writes after nine steps of its own. With the ways to the first steps those are 13
    // events, and CPU 0 comes last if the lowest priority is that of one of its two.
    let accesses = |cpu: u8, k: u32| match (cpu, k) {
        (0, _) | (1, 9) => Access::new(SHARED, WRITE),
        _ => own(1),
    };
    check_share(late(&mut pos(), 10, 40_000, &accesses), 40_000, 2.0 / 13.0);
    let mut walk = Policy::RandomWalk(RandomWalk::uniform(0));
    let walked = late(&mut walk, 10, 40_000, &accesses);
    assert!(walked < 100, "a walk does: {walked}");
}

#[test]
fn pos_draws_again_for_events_that_race() {
    // The same with 33 events. If they race, the step of CPU 0 does not stay behind: with a new priority after each one
    // of CPU 1 it comes soon, unless it was not known yet since the way there has the lowest priority of 32.
    let share = |accesses| f64::from(late(&mut pos(), 30, 40_000, accesses)) / 40_000.0;
    let racing = share(&|_, _| Access::new(SHARED, WRITE));
    assert!((0.029..0.036).contains(&racing), "{racing}");
    for apart in [share(&|cpu, _| own(cpu)), share(&|_, _| Access::new(SHARED, 0))] {
        assert!((0.056..0.066).contains(&apart), "2 / 33, but {apart}");
    }
}
