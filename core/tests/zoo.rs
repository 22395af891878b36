//! Every exhibit of the zoo as a pair: with the patch its program ends in its oracle, without it the same program and
//! schedule are clean.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use racewalk::mm::steps::Steps;
use racewalk::{
    EXHIBITS, Era, Exhibit, Machine, ORACLES, Options, Outcome, Program, Protection, Variant,
};

fn room() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("core/ lies in the workspace")
        .join("corpus/zoo")
}

fn program(exhibit: &Exhibit) -> Program {
    let path = room().join(format!("{}.rw", exhibit.name));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let document = racewalk::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    document.program
}

fn run(machine: &mut Machine, program: &Program, variant: Variant) -> Outcome {
    machine.run(program, &Options { variant: Some(variant), record: true, ..Options::default() })
}

/// The kernel of an exhibit's day without the bug.
fn kernel_of_its_day(exhibit: &Exhibit, of_its_day: fn(&mut Steps)) -> Variant {
    let mut variant = Variant::era(exhibit.era);
    variant.without.push(Box::leak(Box::new(Protection {
        name: "of_its_day",
        about: "what later kernels do in another way",
        eras: &Era::ALL,
        leave_out: of_its_day,
    })));
    variant
}

/// What is wrong with an exhibit, in words.
fn complaints(machine: &mut Machine, exhibit: &'static Exhibit) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut complain = |what: String| wrong.push(format!("{}: {what}", exhibit.name));
    let program = program(exhibit);
    let variant = Variant::of(&program);
    if variant != Variant::exhibit(exhibit) {
        complain(format!("the file is about {variant}, not the exhibit alone"));
    }
    let on = run(machine, &program, variant);
    if on.verdict.name() != exhibit.oracle {
        complain(format!("expected {}, got {}", exhibit.oracle, on.verdict.name()));
    }
    if on.preemptions != u32::from(exhibit.preemptions) {
        let known = exhibit.preemptions;
        complain(format!("preempts {} times, and {known} are said to do", on.preemptions));
    }
    if !on.unreached.is_empty() {
        complain(format!("turns {:?} did not come to their place", on.unreached));
    }
    if let Some(of_its_day) = exhibit.of_its_day {
        let off = run(machine, &program, kernel_of_its_day(exhibit, of_its_day));
        if !off.verdict.is_clean() {
            complain(format!("{} in the kernel of its day without it", off.verdict.name()));
        }
    }
    // A bug that lives in another era than `fixed` may be cured there by something else than its own fix.
    let clean = [exhibit.era, Era::Fixed]
        .into_iter()
        .any(|era| run(machine, &program, Variant::era(era)).verdict.is_clean());
    if !clean {
        complain(format!("{} and fixed are not clean without it", exhibit.era.name()));
    }
    let live = !run(machine, &program, Variant::era(Era::V66)).verdict.is_clean();
    if exhibit.live && !live {
        complain("is said to be live in v6.6, which is clean".to_owned());
    }
    wrong
}

#[test]
fn every_exhibit_is_a_pair() {
    let mut machine = Machine::new();
    let wrong: Vec<String> =
        EXHIBITS.iter().flat_map(|exhibit| complaints(&mut machine, exhibit)).collect();
    assert!(wrong.is_empty(), "{} complaints\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_exhibit_names_an_oracle() {
    for exhibit in EXHIBITS {
        assert!(ORACLES.iter().any(|oracle| oracle.name == exhibit.oracle), "{}", exhibit.name);
    }
}

#[test]
fn the_room_holds_the_exhibits_and_nothing_else() {
    let held: BTreeSet<String> = fs::read_dir(room())
        .expect("the room is there")
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".rw")?.to_owned()))
        .collect();
    let listed: BTreeSet<String> = EXHIBITS.iter().map(|e| e.name.to_owned()).collect();
    assert_eq!(held, listed);
}
