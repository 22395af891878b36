//! Single-threaded, the eras agree on programs drawn at random (see `racewalk::eras`).

mod dice;

use dice::random;
use racewalk::eras::{Ending, end_of, single_threaded};
use racewalk::prog::{self, Shape};
use racewalk::{Era, Machine, Program};

const PROGRAMS: u64 = 10_000;

fn history(seed: u64) -> Program {
    let mut program = prog::generate(&mut random(seed), &Shape::default());
    program.head.hpn = if seed.is_multiple_of(4) { 8 } else { 4 };
    single_threaded(&mut program);
    program
}

fn ending(machine: &mut Machine, program: &Program, era: Era) -> Ending {
    match end_of(machine, program, era) {
        Ok(ending) => ending,
        Err(violation) => panic!(
            "{}: {} in {}:\n{}",
            era.name(),
            violation.oracle.name,
            violation.function,
            racewalk::print_program(program)
        ),
    }
}

#[test]
fn the_eras_agree_on_single_threaded_programs() {
    let mut machine = Machine::new();
    let (mut collapsed, mut exact) = (0, 0);
    for seed in 0..PROGRAMS {
        let program = history(seed);
        let [pre_seed, seed_v3, v66, fixed] =
            Era::ALL.map(|era| ending(&mut machine, &program, era));
        let text = || racewalk::print_program(&program);
        for older in [&pre_seed, &seed_v3, &fixed] {
            assert!(older.agrees(&v66, &program), "seed {seed}: {older:#?} {v66:#?}\n{}", text());
        }
        collapsed += u64::from(v66.state.exact.contains("huge"));
        exact += u64::from(pre_seed == v66);
    }
    println!("{PROGRAMS} programs: {collapsed} end with a huge PMD, {exact} agree in every detail");
    assert!(collapsed > PROGRAMS / 20, "only {collapsed} programs end with a huge PMD");
    assert!(exact > PROGRAMS / 2, "only {exact} programs agree in every detail");
}
