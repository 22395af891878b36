//! A short random campaign: on `fixed` no oracle has anything to say, whatever the configuration and the schedule.

mod dice;

use dice::random;
use racewalk::prog::{self, Shape};
use racewalk::{Era, Machine, Options, Program, Variant};

/// Programs of the campaign: a few seconds' worth.
const PROGRAMS: u64 = if cfg!(debug_assertions) { 1_000 } else { 40_000 };

fn program(seed: u64) -> Program {
    let mut program = prog::generate(&mut random(seed), &Shape::default());
    program.head.seed = seed;
    program.head.policy = match seed % 8 {
        0 => prog::Policy::Records,
        1 => prog::Policy::Random { mean: 1 + (seed % 16) as u8 },
        2 => prog::Policy::Random { mean: 64 },
        3 => prog::Policy::Pct { depth: 3 },
        4 => prog::Policy::Pos,
        5 => prog::Policy::Urw,
        6 => prog::Policy::Surw,
        _ => prog::Policy::Random { mean: 1 },
    };
    program
}

#[test]
fn random_programs_are_clean() {
    let mut machine = Machine::new();
    let fixed = Options { variant: Some(Variant::era(Era::Fixed)), ..Options::default() };
    for seed in 0..PROGRAMS {
        let program = program(seed);
        let outcome = machine.run(&program, &fixed);
        assert_eq!(
            outcome.verdict.name(),
            "clean",
            "seed {seed}:\n{}",
            racewalk::print_program(&program)
        );
    }
}
