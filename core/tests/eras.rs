//! Single-threaded, the eras agree: the same history leads to the same abstract state (kernel-semantics 9.10).

mod dice;

use dice::random;
use racewalk::prog::{self, Axes, GupKind, Op, Setup, Shape, UffdModes};
use racewalk::{Era, FinalState, Machine, Options, Program, Variant};

const PROGRAMS: u64 = 10_000;

/// All operations on one CPU, one after the other.
fn single_threaded(seed: u64) -> Program {
    let mut program = prog::generate(&mut random(seed), &Shape::default());
    let ops = program.cpus.iter().flatten().copied().take(prog::limits::OPS_MAX).collect();
    program.cpus = vec![ops];
    // Before `fixed` a long-term pin may never come to an end (corpus/found/unshare_maps_huge_page_again.rw).
    // Whether GUP-fast gets a page depends on whether it is mapped, in which the eras may differ (see `agree`); and what
    // is pinned is not split.
    for op in &mut program.cpus[0] {
        match op {
            Op::GupSlow { kind, .. } => *kind = GupKind::Pin,
            Op::GupFast { at, .. } => *op = Op::Read { at: *at },
            // What fails for want of memory depends on how many allocations there were.
            Op::FailAlloc { .. } => *op = Op::RcuGp,
            _ => {}
        }
    }
    // The older collapse_file() fills holes that a userfaultfd wants to hear of (catalogue 16); and whether a page is mapped,
    // in which the eras may differ, decides whether it hears of a minor fault, and whether it can fill the page.
    for item in &mut program.setup {
        if let Setup::Do(op) = item {
            only_writes(op);
        }
    }
    program.cpus[0].iter_mut().for_each(only_writes);
    program.schedule = prog::Schedule::default();
    program.head.hpn = if seed.is_multiple_of(4) { 8 } else { 4 };
    prog::fixup(&mut program);
    program
}

fn only_writes(op: &mut Op) {
    match op {
        Op::UffdRegister { modes, .. } if modes.has(UffdModes::WP) => *modes = UffdModes::WP,
        Op::UffdRegister { .. } => *op = Op::RcuGp,
        Op::UffdCopy { at }
        | Op::UffdZeropage { at }
        | Op::UffdContinue { at }
        | Op::UffdPoison { at } => *op = Op::Read { at: *at },
        _ => {}
    }
}

/// The final state, and whether a collapse has made a huge page of small ones.
fn final_state(machine: &mut Machine, program: &Program, era: Era) -> (FinalState, bool) {
    // seed-v3 loses the checker's counts, so the checker is off for it (the others keep theirs: it changes no state).
    let checked = usize::from(era == Era::SeedV3);
    let axes = program.head.axes.with(&[(Axes::PAGE_TABLE_CHECK, checked)]);
    let variant = Some(Variant::era(era));
    let outcome = machine
        .run(program, &Options { variant, axes: Some(axes), record: true, ..Options::default() });
    assert_eq!(
        outcome.verdict.name(),
        "clean",
        "{}:\n{}",
        era.name(),
        racewalk::print_program(program)
    );
    let collapsed = outcome.reached.has("collapse_file");
    (outcome.state, collapsed)
}

/// The older khugepaged remembers what v6.6 collapses at once, and the older `collapse_file` leaves the tables of other
/// mms to it: until its next visit the eras differ in pages that the page cache can give back at any time, and in nothing
/// else. A huge PMD reaches beyond the end of a file that was truncated within a huge page, where a fault finds nothing: so
/// what is written there depends on who has a huge PMD already; and on what fault-around has mapped there.
fn agree(one: &(FinalState, bool), other: &(FinalState, bool), program: &Program) -> bool {
    let ops = || program.cpus[0].iter();
    let deferred = ops().any(|op| matches!(op, Op::Khugepaged { .. }));
    let cut = ops().any(|op| matches!(op, Op::Truncate { len, .. } if len.p != 0));
    if (one.1 || deferred) && cut {
        return true;
    }
    if deferred || one.1 { one.0.refaultable == other.0.refaultable } else { one == other }
}

#[test]
fn the_eras_agree_on_single_threaded_programs() {
    let mut machine = Machine::new();
    let (mut collapsed, mut exact) = (0, 0);
    for seed in 0..PROGRAMS {
        let program = single_threaded(seed);
        let [pre_seed, seed_v3, v66, fixed] =
            Era::ALL.map(|era| final_state(&mut machine, &program, era));
        let text = || racewalk::print_program(&program);
        assert!(
            agree(&pre_seed, &v66, &program),
            "seed {seed}: {pre_seed:#?} {v66:#?}\n{}",
            text()
        );
        assert!(agree(&seed_v3, &v66, &program), "seed {seed}: {seed_v3:#?} {v66:#?}\n{}", text());
        assert!(agree(&fixed, &v66, &program), "seed {seed}: {fixed:#?} {v66:#?}\n{}", text());
        collapsed += u64::from(v66.0.exact.contains("huge"));
        exact += u64::from(pre_seed == v66);
    }
    println!("{PROGRAMS} programs: {collapsed} end with a huge PMD, {exact} agree in every detail");
    assert!(collapsed > PROGRAMS / 20, "only {collapsed} programs end with a huge PMD");
    assert!(exact > PROGRAMS / 2, "only {exact} programs agree in every detail");
}
