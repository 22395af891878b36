//! A replay: whatever a director did, a script of it does again, and so do turns.

use super::{Toy, script, turns, xorshift};
use crate::prog::{Decision, Turn, Until};
use crate::run::{Director, End, Segment, Stacks};
use crate::sched::{Counts, Pct, Policy, Pos, RandomWalk, Surw, Urw, Why};
use crate::sync::{Access, Word};

/// The segments of a run as the turns that a person would have written.
fn as_turns(segments: &[Segment]) -> Vec<Turn> {
    let until = |s: &Segment| match s.ended {
        Some(Why::Spent | Why::Arrived | Why::Begin) => Until::Steps(s.steps),
        _ => Until::Exit,
    };
    segments.iter().map(|s| Turn { cpu: s.cpu, until: until(s) }).collect()
}

/// Runs random programs under a policy, and again under what it says it did.
fn check_replay(policy: impl Fn(u64) -> Policy) {
    let mut stacks = Stacks::new().expect("room for four stacks");
    let mut ends = [0; 3];
    for seed in 1..1_000u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let cpus = 1 + (xorshift(&mut state) % 4) as usize;
        let programs: Vec<Vec<u32>> = (0..cpus)
            .map(|_| (0..xorshift(&mut state) % 6).map(|_| xorshift(&mut state)).collect())
            .collect();
        let limit = if seed % 7 == 0 { 20 } else { 2_000 };
        let deaf_after = if seed % 11 == 0 { 40 } else { usize::MAX };
        let mut run = |director: &Director| {
            let toy = Toy::new();
            toy.deaf_after.set(deaf_after);
            let end = toy.run_on(&mut stacks, cpus, director, &|cpu| {
                if cpu.id() == 0 {
                    toy.words[0].write_once(cpu, 1);
                    director.begin(cpu);
                }
                let program = &programs[usize::from(cpu.id())];
                for (i, &kind) in program.iter().enumerate() {
                    cpu.begin_op(i as u16);
                    toy.op(cpu, kind);
                }
                cpu.begin_op(program.len() as u16);
            });
            (end, toy.hash())
        };
        let first = Director::recording(policy(seed)).with_steps_max(limit, 2_000);
        let outcome = run(&first);
        ends[match outcome.0 {
            End::Clean => 0,
            End::Deadlock { .. } => 1,
            _ => 2,
        }] += 1;
        assert_eq!(run(&first), outcome, "seed {seed}: the same director");
        let unrecorded = Director::new(policy(seed)).with_steps_max(limit, 2_000);
        assert_eq!(run(&unrecorded), outcome, "seed {seed}: nobody records");
        assert_eq!(unrecorded.preemptions(), first.preemptions());
        let again = Director::recording(script(&first.taken())).with_steps_max(limit, 2_000);
        assert_eq!(run(&again), outcome, "seed {seed}: {:?}", first.taken());
        assert_eq!(again.taken(), first.taken(), "seed {seed}: what a script did is that script");
        assert_eq!(again.segments(), first.segments());
        let written =
            Director::recording(turns(&as_turns(&first.segments()))).with_steps_max(limit, 2_000);
        assert_eq!(run(&written).0, outcome.0, "seed {seed}: {:?}", first.segments());
    }
    assert!(ends.iter().all(|&n| n > 0), "too tame: {ends:?}");
}

#[test]
fn uniform_replays() {
    check_replay(|seed| Policy::RandomWalk(RandomWalk::uniform(seed)));
}

#[test]
fn random_walk_replays() {
    check_replay(|seed| Policy::RandomWalk(RandomWalk::new(seed, 1 + (seed % 5) as u8)));
}

#[test]
fn pct_replays() {
    check_replay(|seed| Policy::Pct(Pct::new(seed, 1 + (seed % 5) as u8, 60)));
}

#[test]
fn pos_replays() {
    check_replay(|seed| Policy::Pos(Pos::new(seed)));
}

#[test]
fn urw_replays() {
    check_replay(|seed| {
        let steps =
            [0, 8, 16, 24].map(|shift| (seed.wrapping_mul(0x9e37_79b1) >> shift) as u32 % 40);
        Policy::Urw(Urw::new(seed, steps))
    });
}

#[test]
fn surw_replays() {
    // Counts of some other program of the toy: what is of interest comes more often or less often than was counted.
    let toy = Toy::new();
    let director = Director::new(Policy::Counts(Counts::default()));
    toy.run(3, &director, &|cpu| {
        if cpu.id() == 0 {
            director.begin(cpu);
        }
        (0..6).for_each(|kind| toy.op(cpu, kind));
    });
    let Policy::Counts(counts) = &*director.policy() else { panic!("a policy stays what it is") };
    assert!(counts.shared().count() > 3);
    check_replay(|seed| Policy::Surw(Surw::new(seed, counts)));
}

/// Debug and release builds, this machine and any other: the hash of a hundred traces of each is a constant.
#[test]
fn who_looks_at_every_step_sees_the_same_everywhere() {
    let steps = [20, 20, 20, 0];
    let run = |policy: Policy| {
        let (toy, director) = (Toy::new(), Director::new(policy));
        toy.run(3, &director, &|cpu| {
            if cpu.id() == 0 {
                director.begin(cpu);
            }
            (0..6).for_each(|kind| toy.op(cpu, 5 * kind + u32::from(cpu.id())));
        });
        let counts = match &*director.policy() {
            Policy::Counts(counts) => counts.clone(),
            _ => Counts::default(),
        };
        (toy.hash(), counts)
    };
    let (_, counts) = run(Policy::Counts(Counts::default()));
    let all = |policy: &dyn Fn(u64) -> Policy| {
        (0..100).fold(0_u64, |all, seed| all.rotate_left(7) ^ run(policy(seed)).0)
    };
    let hashes = [
        all(&|seed| Policy::Pos(Pos::new(seed))),
        all(&|seed| Policy::Urw(Urw::new(seed, steps))),
        all(&|seed| Policy::Surw(Surw::new(seed, &counts))),
    ];
    assert_eq!(
        hashes.map(|hash| format!("{hash:#018x}")),
        ["0x7d34fcd3515ae051", "0x4292097887f36da0", "0x524031ff83eb6c64"]
    );
}

#[test]
fn counts_are_exact() {
    let toy = Toy::new();
    let director = Director::new(Policy::Counts(Counts::default()));
    toy.run(2, &director, &|cpu| {
        if cpu.id() == 0 {
            toy.words[1].write_once(cpu, 1);
            director.begin(cpu);
        }
        let steps = 3 + u32::from(cpu.id());
        (0..steps).for_each(|_| _ = toy.words[0].read_once(cpu));
        toy.words[0].write_once(cpu, 1);
    });
    let Policy::Counts(counts) = &*director.policy() else { panic!("a policy stays what it is") };
    assert_eq!(counts.steps(), [4, 5, 0, 0], "without the set-up");
    let slot = Access::slot_of(toy.words[0].obj());
    assert_eq!(counts.shared().collect::<Vec<_>>(), [(slot, [4, 5, 0, 0])]);
}

#[test]
fn arbitrary_scripts_replay() {
    check_replay(|seed| {
        let mut state = seed;
        let mut decisions = Vec::new();
        for _ in 0..12 {
            let mut below = |n| (xorshift(&mut state) % n) as u8;
            decisions.push(Decision {
                cpu: below(4),
                op: below(5),
                k: below(5).into(),
                next: below(4),
            });
        }
        script(&decisions)
    });
}

#[test]
fn tracing_changes_nothing() {
    for seed in 1..300 {
        let outcome = |tracing| {
            let toy = Toy { tracing, ..Toy::new() };
            let director = Director::new(Policy::RandomWalk(RandomWalk::new(seed, 3)));
            let end = toy.run(3, &director, &|cpu| {
                if cpu.id() == 0 {
                    director.begin(cpu);
                }
                let mut state = seed * 4 + u64::from(cpu.id());
                (0..10).for_each(|_| toy.op(cpu, xorshift(&mut state)));
            });
            (end, director.preemptions(), toy.words.each_ref().map(Word::peek))
        };
        assert_eq!(outcome(true), outcome(false), "seed {seed}");
    }
}
