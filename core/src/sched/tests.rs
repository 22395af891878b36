//! Policies asked directly, by a toy run in which nobody ever blocks.

mod uniform;

use super::{At, Grant, Pct, Policy, RandomWalk, Script, Turns, Why};
use crate::prog::{Decision, Turn, Until};
use crate::trace::Access;

/// Who takes each step when CPUs of so many steps each, all in operation 0, follow `policy`.
fn follow(policy: &mut Policy, lengths: &[u32]) -> Vec<u8> {
    follow_on(policy, lengths, &|cpu, step| Access::new(u16::from(cpu) * 64 + step as u16 % 64, 1))
}

/// The same, where each step of each CPU is an access.
fn follow_on(
    policy: &mut Policy,
    lengths: &[u32],
    accesses: &dyn Fn(u8, u32) -> Access,
) -> Vec<u8> {
    policy.rewind();
    let mut steps = vec![0u32; lengths.len()];
    let mut runnable = (1u32 << lengths.len()) - 1;
    let mut who = Vec::new();
    let at = |cpu: u8, steps: &[u32]| {
        let step = steps[usize::from(cpu)];
        let op = u16::from(step == lengths[usize::from(cpu)]);
        At { cpu, op, k: if op == 0 { step } else { 0 }, step, next: accesses(cpu, step) }
    };
    let mut cpu = policy.pick(Why::Begin, at(0, &steps), runnable);
    while runnable != 0 {
        assert_eq!(runnable >> cpu & 1, 1, "a CPU was picked that cannot run");
        let left = lengths[usize::from(cpu)] - steps[usize::from(cpu)];
        let taken = policy.grant(at(cpu, &steps)).steps.min(left);
        steps[usize::from(cpu)] += taken;
        who.extend((0..taken).map(|_| cpu));
        let here = at(cpu, &steps);
        let why = if taken == left { Why::Finished } else { Why::Spent };
        if why == Why::Finished {
            runnable &= !(1 << cpu);
        }
        if runnable != 0 {
            cpu = policy.pick(why, here, runnable);
        }
    }
    who
}

fn check_seeds(mut policy: Policy, distinct: usize) {
    let mut seen = std::collections::HashSet::new();
    for seed in 0..100 {
        policy.reseed(seed);
        let who = follow(&mut policy, &[20, 20, 20]);
        assert_eq!(who.len(), 60);
        assert_eq!(follow(&mut policy, &[20, 20, 20]), who, "one seed, one schedule");
        seen.insert(who);
    }
    assert!(seen.len() >= distinct, "{} schedules of 100 seeds", seen.len());
}

#[test]
fn a_seed_is_a_schedule() {
    check_seeds(Policy::RandomWalk(RandomWalk::uniform(0)), 99);
    check_seeds(Policy::RandomWalk(RandomWalk::new(0, 4)), 90);
    check_seeds(Policy::Pct(Pct::new(0, 1, 60)), 6);
    check_seeds(Policy::Pct(Pct::new(0, 3, 60)), 70);
}

#[test]
fn uniform_gives_everybody_a_share() {
    let who = follow(
        &mut Policy::RandomWalk(RandomWalk::uniform(7)),
        &[100_000, 100_000, 100_000, 100_000],
    );
    for cpu in 0..4 {
        let share = who[..100_000].iter().filter(|&&c| c == cpu).count();
        assert!((24_000..26_000).contains(&share), "CPU {cpu}: {share}");
    }
}

#[test]
fn runs_have_the_mean_that_was_asked_for() {
    let who = follow(&mut Policy::RandomWalk(RandomWalk::new(7, 16)), &[100_000, 100_000]);
    let switches = who[..100_000].windows(2).filter(|pair| pair[0] != pair[1]).count();
    // Every second choice is the CPU that runs already.
    assert!((2_900..3_350).contains(&switches), "{switches}");
}

/// A bug of depth 2: CPU 1 must take its last step before CPU 0 takes its last but after CPU 0's first.
fn strikes(who: &[u8]) -> bool {
    let first = who.iter().position(|&cpu| cpu == 0);
    let last = |of| who.iter().rposition(|&cpu| cpu == of);
    first < last(1) && last(1) < last(0)
}

#[test]
fn pct_keeps_its_promise() {
    // At least 1 / (n k^(d-1)): with n = 2 CPUs, k = 20 steps and d = 2 at least 1 run in 2 * 20 finds it.
    let mut policy = Policy::Pct(Pct::new(0, 2, 20));
    let found = (0..4_000).filter(|&seed| {
        policy.reseed(seed);
        strikes(&follow(&mut policy, &[10, 10]))
    });
    assert!(found.count() >= 100);
}

#[test]
fn pct_switches_once_for_each_change_point() {
    let mut policy = Policy::Pct(Pct::new(0, 4, 60));
    for seed in 0..200 {
        policy.reseed(seed);
        let who = follow(&mut policy, &[20, 20, 20]);
        let switches = who.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(switches <= 3 + 2, "three changes and two ends: {who:?}");
    }
}

fn script(decisions: &[Decision]) -> Policy {
    let mut script = Script::new();
    script.load(decisions);
    Policy::Script(script)
}

const fn decision(cpu: u8, k: u16, next: u8) -> Decision {
    Decision { cpu, op: 0, k, next }
}

#[test]
fn a_script_without_decisions_goes_from_cpu_to_cpu() {
    assert_eq!(follow(&mut script(&[]), &[2, 1, 2]), [0, 0, 1, 2, 2]);
}

#[test]
fn decisions_are_followed_in_the_order_of_their_positions() {
    let list = [decision(1, 1, 0), decision(0, 2, 1), decision(0, 1, 2), decision(2, 1, 0)];
    assert_eq!(follow(&mut script(&list), &[3, 2, 2]), [0, 2, 0, 1, 0, 1, 2]);
}

#[test]
fn a_decision_for_one_who_has_finished_goes_to_the_next() {
    let list = [decision(0, 0, 1), decision(2, 1, 1)];
    assert_eq!(follow(&mut script(&list), &[1, 1, 2]), [1, 0, 2, 2]);
}

#[test]
fn one_position_may_be_decided_several_times() {
    // At the beginning to CPU 1; that one, before its first step, to CPU 2 and, when it is back, to CPU 0.
    let list = [decision(0, 0, 1), decision(1, 0, 2), decision(1, 0, 0), decision(2, 0, 1)];
    assert_eq!(follow(&mut script(&list), &[1, 1, 1]), [0, 1, 2]);
}

#[test]
fn a_script_is_told_of_later_operations() {
    let mut script = script(&[
        Decision { cpu: 0, op: 0, k: 9, next: 1 },
        Decision { cpu: 0, op: 3, k: 2, next: 1 },
    ]);
    let at = |op, k| At { cpu: 0, op, k, step: 0, next: Access::NONE };
    assert_eq!(script.grant(at(0, 4)), Grant { steps: 5, next_op: 3 });
    assert_eq!(script.grant(at(1, 0)), Grant { steps: super::FAR, next_op: 3 });
    assert_eq!(script.grant(at(3, 0)), Grant::steps(2));
    assert_eq!(script.grant(at(3, 3)), Grant::far());
}

#[test]
fn turns_of_steps_and_exits() {
    let mut turns = Turns::new();
    let turn = |cpu, until| Turn { cpu, until };
    turns.load(&[
        turn(1, Until::Steps(2)),
        turn(0, Until::Exit),
        turn(0, Until::Steps(1)),
        turn(2, Until::Steps(0)),
    ]);
    assert_eq!(follow(&mut Policy::Turns(turns), &[2, 3, 1]), [1, 1, 0, 0, 1, 2]);
}
