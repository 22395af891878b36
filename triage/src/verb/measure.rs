//! The verb `measure`: how good triage is, on crashes of kernels of which it is known what they lack.
//!
//! A crash is made by a search of random programs without one protection, and kept as it was found. What triage makes
//! of it can then be compared with the program in `corpus/litmus/without` that a person has kept of that protection,
//! and what it takes for the same bug with what is.

mod crashes;
mod groups;
mod small;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::args::Format;
use crate::progress::ProgressArgs;
use crate::refusal::Refusal;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk measure crashes --protections 30 --each 34     crashes into target/crashes/PROTECTION
  cargo racewalk measure minimise --each 4                      minimised and kept reproducers side by side
  cargo racewalk measure groups                                 does a group mix protections, is one split";

/// Where crashes are kept.
const FOLDER: &str = "target/crashes";

/// Measures triage.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
    /// Where the crashes are, a folder for each protection.
    #[arg(long, value_name = "DIR", default_value = FOLDER, global = true)]
    crashes: PathBuf,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// What is measured.
#[derive(clap::Subcommand, Debug)]
enum What {
    /// Search without one protection after the other, and keep each crash as it was found.
    Crashes(crashes::Args),
    /// Minimise crashes, and compare with the reproducers in corpus/litmus/without.
    Minimise(small::Args),
    /// Group crashes by signature, and compare with the protections they are of.
    Groups(groups::Args),
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let progress = args.progress.start();
    match &args.what {
        What::Crashes(what) => crashes::run(what, &args.crashes, args.format, &progress),
        What::Minimise(what) => small::run(what, &args.crashes, args.format, &progress),
        What::Groups(what) => groups::run(what, &args.crashes, args.format, &progress),
    }
}
