//! What a systematic search finds, and how many schedules it runs for it.

use racewalk::{Machine, Program, parse};

use super::{Exploration, Explored, Why, environment};
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;

fn program(text: &str) -> Program {
    parse(text).expect("the test's text is right").program
}

fn explore(program: &Program, bound: u32, most: u64) -> Explored {
    let asked = Exploration {
        bound,
        most,
        random: 50,
        time: None,
        known: &Known::default(),
        interrupt: &Interrupt::default(),
    };
    asked.of(&mut Machine::new(), "", program, &Progress::none())
}

const RECHECK: &str = include_str!("../../../corpus/litmus/review/recheck_page.rw");

#[test]
fn finds_what_the_second_check_is_for() {
    let mut program = program(RECHECK);
    program.schedule = Default::default();
    assert_eq!(program.head.without.len(), 1, "recheck_page is left out");
    // The copy must come in between the two looks: one preemption, not none.
    let found = explore(&program, 2, u64::MAX);
    assert_eq!(found.why, Why::Found);
    assert_eq!(found.schedules.len(), 2);
    let finding = found.finding.expect("it says what it found");
    assert_eq!(finding.signature.to_string(), "bad_rss_counter in collapse_pte_mapped_thp");
    let again = Machine::new().run(&finding.program, &Default::default());
    assert_eq!(again.verdict.name(), "bad_rss_counter", "and its schedule can be replayed");
    let none = explore(&program, 0, u64::MAX);
    assert_eq!((none.why, none.complete), (Why::All, 1));
    program.head.without.clear();
    let fixed = explore(&program, 1, u64::MAX);
    assert_eq!(fixed.why, Why::All);
    assert!(fixed.schedules[1] > 50, "{:?}", fixed.schedules);
}

/// Users who read what is mapped, each in an mm of its own: nobody waits for anybody.
const READERS: &str = "racewalk 1\nkernel fixed\nsetup\n  m0 = mm()\n  m1 = mm()\n  v0 = mmap(m0, anon, at=1h, len=1h, rw)\n  v1 = mmap(m1, anon, at=1h, len=1h, rw)\n  write(v0)\n  write(v0+1)\n  write(v1)\n  write(v1+1)\ncpu0\n  read(v0)\n  read(v0+1)\n  read(v0)\n  read(v0+1)\ncpu1\n  read(v1)\n  read(v1+1)\n";

/// The steps of each CPU if it goes first.
fn steps(program: &Program) -> Vec<u64> {
    let mut machine = Machine::new();
    let mut run = |cpus: &[usize]| {
        let mut some = program.clone();
        for (cpu, ops) in some.cpus.iter_mut().enumerate() {
            if !cpus.contains(&cpu) {
                ops.clear();
            }
        }
        u64::from(machine.run(&some, &Default::default()).steps)
    };
    let none = run(&[]);
    (0..program.cpus.len()).map(|cpu| run(&[cpu]) - none).collect()
}

#[test]
fn the_number_of_schedules_is_that_of_the_interleavings() {
    let program = program(READERS);
    let &[a, b] = steps(&program).as_slice() else { panic!("there are two CPUs") };
    assert!(a > 2 && b > 2, "{a} and {b} steps");
    let explored = explore(&program, 1000, u64::MAX);
    assert_eq!(explored.why, Why::All);
    // Either goes first, as a whole or up to a step; the other one then goes to its end.
    assert_eq!(&explored.schedules[..2], &[2, a - 1 + b - 1]);
    let all = (1..=b).fold(1, |all, n| all * (a + n) / n);
    assert_eq!(explored.total(), all, "all interleavings of {a} and {b} steps");
}

#[test]
fn the_environment_is_told_from_the_rest() {
    let body = "racewalk 1\nsetup\n  m0 = mm()\n  v0 = mmap(m0, anon, at=1h, len=1h, rw)\ncpu0\n  read(v0)\ncpu1\n  rcu_gp()\n  tlb_evict(v0)\ncpu2\n  tlb_fill(v0)\n  read(v0)\n";
    assert_eq!(environment(&program(body)), 0b010);
    // It costs nothing: even without a preemption it comes in between.
    let beside = explore(&program(body), 0, u64::MAX);
    assert!(beside.schedules[0] > 20, "{:?}", beside.schedules);
}

#[test]
fn too_many_are_drawn_at_random() {
    let program = program(RECHECK);
    let clean = Program { head: racewalk::prog::Head::default(), ..program };
    let explored = explore(&clean, 2, 500);
    assert!(matches!(explored.why, Why::TooMany(least) if least > 500), "{:?}", explored.why);
    assert_eq!(explored.random, 50);
    assert_eq!(explored.complete, explored.schedules.len());
    assert!(explored.total() <= 500);
}
