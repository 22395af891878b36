//! The same program and the same schedule give the same trace, and so does the schedule that was taken.

mod dice;

use dice::random;
use racewalk::prog::{self, Schedule, Shape};
use racewalk::{Era, Machine, Options, Outcome, Program, Variant};

/// Runs of the long test: enough in release mode, fewer where every step is checked.
const PROGRAMS: u64 = if cfg!(debug_assertions) { 4_000 } else { 100_000 };

fn program(seed: u64) -> Program {
    let mut program = prog::generate(&mut random(seed), &Shape::default());
    program.head.seed = seed;
    program.head.policy = match seed % 3 {
        0 => prog::Policy::Records,
        1 => prog::Policy::Random { mean: 1 + (seed % 16) as u8 },
        _ => prog::Policy::Pct { depth: 3 },
    };
    program
}

/// The same, under one of the policies that look at every step.
fn closely_watched(seed: u64) -> Program {
    let policies = [prog::Policy::Pos, prog::Policy::Urw, prog::Policy::Surw];
    let mut program = program(seed);
    program.head.policy = policies[(seed % 3) as usize];
    program
}

fn recorded(machine: &mut Machine, program: &Program, era: Era) -> Outcome {
    machine.run(
        program,
        &Options { variant: Some(Variant::era(era)), record: true, ..Options::default() },
    )
}

fn hash(outcome: &Outcome) -> u64 {
    outcome.trace.as_ref().expect("it was recorded").hash()
}

#[test]
fn the_same_program_leaves_the_same_trace() {
    let (mut one, mut other) = (Machine::new(), Machine::new());
    let (mut ops, mut steps) = (0, 0);
    for seed in 0..PROGRAMS {
        let program = if seed % 16 == 0 { closely_watched(seed / 16) } else { program(seed) };
        let era = Era::ALL[(seed % 3) as usize];
        let first = recorded(&mut one, &program, era);
        let second = recorded(&mut other, &program, era);
        assert_eq!(hash(&first), hash(&second), "seed {seed}");
        ops += program.cpus.iter().map(Vec::len).sum::<usize>() as u64;
        steps += u64::from(first.steps);
    }
    println!(
        "{PROGRAMS} programs twice, {} ops and {} steps on average",
        ops / PROGRAMS,
        steps / PROGRAMS
    );
    assert!(ops / PROGRAMS >= 8);
    assert!(steps / PROGRAMS >= 150);
}

#[test]
fn the_schedule_that_was_taken_leads_there_again() {
    let mut machine = Machine::new();
    for seed in 0..PROGRAMS / 20 {
        let mut program = if seed % 2 == 0 { program(seed) } else { closely_watched(seed / 2) };
        let first = recorded(&mut machine, &program, Era::Fixed);
        program.head.policy = prog::Policy::Records;
        program.schedule = Schedule::Decisions(first.taken.clone());
        let by_decisions = recorded(&mut machine, &program, Era::Fixed);
        assert_eq!(hash(&first), hash(&by_decisions), "seed {seed}");
        program.schedule = Schedule::Turns(first.turns.clone());
        let by_turns = recorded(&mut machine, &program, Era::Fixed);
        assert_eq!(hash(&first), hash(&by_turns), "seed {seed}, as turns");
    }
}

/// Debug and release builds, this machine and any other: the hash of a hundred traces is a constant.
#[test]
fn the_trace_hash_is_the_same_everywhere() {
    let mut machine = Machine::new();
    let mut all = 0_u64;
    for seed in 0..100 {
        all = all.rotate_left(7) ^ hash(&recorded(&mut machine, &program(seed), Era::Fixed));
    }
    assert_eq!(format!("{all:#018x}"), include_str!("data/trace_hash.txt").trim());
}

/// What a machine ran before changes nothing, and the steps of a program are counted for each variant of the kernel.
#[test]
fn counts_are_of_the_program_that_runs() {
    let mut kept = Machine::new();
    for seed in 0..60 {
        let program = closely_watched(3 * (seed / 3) + 1 + seed % 2);
        for era in [Era::Fixed, Era::PreSeed, Era::V66] {
            let first = hash(&recorded(&mut Machine::new(), &program, era));
            assert_eq!(hash(&recorded(&mut kept, &program, era)), first, "seed {seed}, {era:?}");
            assert_eq!(hash(&recorded(&mut kept, &program, era)), first, "seed {seed}, again");
        }
    }
}

#[test]
fn random_bytes_are_programs() {
    let mut machine = Machine::new();
    let fixed = Options { variant: Some(Variant::era(Era::Fixed)), ..Options::default() };
    for seed in 0..PROGRAMS / 20 {
        let mut next = random(seed);
        let len = next() as usize % 400;
        let bytes: Vec<u8> = (0..len).map(|_| next() as u8).collect();
        let program = prog::decode(&bytes);
        let outcome = machine.run(&program, &fixed);
        assert_eq!(
            outcome.verdict.name(),
            "clean",
            "seed {seed}: {}",
            racewalk::print_program(&program)
        );
    }
}
