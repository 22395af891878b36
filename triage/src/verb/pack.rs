//! The verb `pack`: program text becomes the bytes that an engine eats.
//!
//! Bytes hold counted decisions only: a schedule in words, or one that a random policy draws, is run, and what was
//! taken is packed, after it has led to the same trace once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use racewalk::Machine;
use racewalk::prog::{self, Policy, Program, Schedule, limits};

use crate::finding::recorded;
use crate::refusal::Refusal;
use crate::source::Source;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk pack corpus/litmus/collapse/w4-cow-existing.rw -o seed.bin
  cargo racewalk show seed.bin

Bytes carry neither title, kernel, without nor expect lines. A schedule of turns is run under the file's own kernel and
becomes the decisions that were taken.";

/// Turns program text into bytes for an engine.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Program text.
    file: PathBuf,
    /// Where the bytes go.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let program = Source::read(&args.file)?.document.program;
    let bytes = bytes_of(&args.file, program)?;
    fs::write(&args.output, bytes).map_err(|error| Refusal::io(&args.output, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// The byte form of a program.
fn bytes_of(path: &Path, mut program: Program) -> Result<Vec<u8>, Refusal> {
    if matches!(program.schedule, Schedule::Turns(_)) {
        program = counted(path, program)?;
    }
    prog::encode(&program).map_err(|error| Refusal::new(format!("{}: {error}", path.display())))
}

/// The program with the decisions that its run takes.
fn counted(path: &Path, mut program: Program) -> Result<Program, Refusal> {
    let mut machine = Machine::new();
    let outcome = recorded(&mut machine, &program);
    let taken = outcome.taken.len();
    if taken > limits::DECISIONS_MAX {
        let message = format!("{}: the run takes {taken} decisions", path.display());
        return Err(Refusal::with_help(
            message,
            format!("bytes have room for {}", limits::DECISIONS_MAX),
        ));
    }
    program.head.policy = Policy::Records;
    program.schedule = Schedule::Decisions(outcome.taken.clone());
    let again = recorded(&mut machine, &program);
    let hash = |outcome: &racewalk::Outcome| outcome.trace.as_ref().map(|trace| trace.hash());
    if hash(&again) != hash(&outcome) {
        return Err(Refusal::new(format!(
            "{}: the decisions of its run lead elsewhere",
            path.display()
        )));
    }
    Ok(program)
}
