//! The verb `show`: bytes, or text, as canonical program text.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use racewalk::prog::Document;

use crate::refusal::Refusal;
use crate::source::{Source, TargetArgs};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk show crash-0af3             the bytes that an engine saved, as text
  cargo racewalk show corpus/litmus/collapse/w4-cow-existing.rw";

/// Turns bytes into program text.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The bytes that an engine saved, or program text.
    file: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let source = Source::read_as(&args.file, args.target.target)?;
    let document = match source.text {
        Some(_) => source.document,
        None => Document::from(source.document.program),
    };
    write!(stdout().lock(), "{}", racewalk::print(&document))?;
    Ok(ExitCode::SUCCESS)
}
