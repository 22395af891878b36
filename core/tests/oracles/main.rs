//! Every oracle is able to fail: for each there is a program with a fault that it reports first, by name; the same
//! program and schedule without the fault are clean. Which others report too, if the run goes on, is written down in
//! `core/tests/data/oracles.txt`; with BLESS=1 in the environment it is written anew.
//!
//! A new oracle needs one line in `table.rs`.

mod planted;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use racewalk::mm::steps::{Protection, Steps};
use racewalk::{Era, Machine, ORACLES, Options, Outcome, Program, Variant};
use table::{PROOFS, Proof, Source};

const OTHERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/oracles.txt");

fn program_of(proof: &Proof) -> Program {
    let text = match proof.source {
        Source::Text(text) => format!("racewalk 1\nkernel  fixed\n{text}"),
        Source::File(path) => {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("core/ has a parent");
            fs::read_to_string(root.join("corpus").join(path)).expect("the file is there")
        }
    };
    let document = racewalk::parse(&text);
    document.unwrap_or_else(|error| panic!("{}: {error}", proof.oracle)).program
}

/// The variant with the fault: what the program's header leaves out, and what is planted.
fn faulty(proof: &Proof, program: &Program) -> Variant {
    let mut variant = Variant::of(program);
    if let Some(plant) = proof.planted {
        let planted = Protection {
            name: "planted",
            about: "a fault of the test's own",
            eras: &[Era::Fixed],
            leave_out: plant as fn(&mut Steps),
        };
        variant.without.push(Box::leak(Box::new(planted)));
    }
    variant
}

fn run(machine: &mut Machine, program: &Program, variant: Variant, go_on: bool) -> Outcome {
    machine.run(program, &Options { variant: Some(variant), go_on, ..Options::default() })
}

#[test]
fn every_oracle_has_a_proof() {
    for oracle in ORACLES {
        let proofs = PROOFS.iter().filter(|proof| proof.oracle == oracle.name).count();
        assert_eq!(proofs, 1, "{} needs a line in core/tests/oracles/table.rs", oracle.name);
    }
    assert_eq!(PROOFS.len(), ORACLES.len(), "a proof of an oracle that does not exist");
}

#[test]
fn every_oracle_reports_its_fault_first_and_is_silent_without_it() {
    let mut machine = Machine::new();
    let mut wrong = Vec::new();
    for proof in PROOFS {
        let program = program_of(proof);
        let outcome = run(&mut machine, &program, faulty(proof, &program), false);
        if outcome.verdict.name() != proof.oracle {
            let detail = outcome.verdict.violation().map_or("", |violation| &violation.detail);
            wrong.push(format!("{}: {} {detail}", proof.oracle, outcome.verdict.name()));
        }
        let outcome = run(&mut machine, &program, Variant::era(Era::Fixed), false);
        if !outcome.verdict.is_clean() {
            wrong.push(format!("{}: without the fault {}", proof.oracle, outcome.verdict.name()));
        }
    }
    assert!(wrong.is_empty(), "{} failures\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn who_else_reports_is_written_down() {
    let mut machine = Machine::new();
    let (mut found, mut wrong) = (BTreeMap::new(), Vec::new());
    for proof in PROOFS {
        let program = program_of(proof);
        let outcome = run(&mut machine, &program, faulty(proof, &program), true);
        if outcome.verdict.name() != proof.oracle {
            wrong.push(format!("{}: {} comes first", proof.oracle, outcome.verdict.name()));
        }
        let mut others: Vec<_> = outcome.others.iter().map(|oracle| oracle.name).collect();
        others.sort_unstable();
        found.insert(proof.oracle, others.join(" "));
    }
    let mut text = String::new();
    for (oracle, others) in &found {
        let line = format!("{oracle}: {others}");
        writeln!(text, "{}", line.trim_end()).expect("a string takes everything");
    }
    if env::var_os("BLESS").is_some() {
        fs::write(OTHERS, &text).expect("the file can be written");
    }
    assert!(wrong.is_empty(), "{} failures\n{}", wrong.len(), wrong.join("\n"));
    let known = fs::read_to_string(OTHERS).unwrap_or_default();
    assert_eq!(text, known, "run the test with BLESS=1 if this is as it should be");
}
