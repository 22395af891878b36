//! The verb `oss-check`: asserts of a build what OSS-Fuzz's own checks assert.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::Format;
use crate::engine::Checkout;
use crate::oss::{CHECKS, Sanitizer, subjects};
use crate::progress::ProgressArgs;
use crate::refusal::Refusal;

const EXAMPLES: &str = "\
Examples:
  SRC=/tmp/src OUT=/tmp/out SANITIZER=none bash fuzz/oss-fuzz/build.sh    with a clone at /tmp/src/racewalk
  cargo racewalk oss-check /tmp/out --sanitizer none

Exit code: 0 all hold, 1 one does not, 2 could not run.";

/// Asserts of a build what OSS-Fuzz's own checks assert.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder that was built into: $OUT.
    out: PathBuf,
    /// What it was built with: $SANITIZER.
    #[arg(long, value_enum, default_value = "address")]
    sanitizer: Sanitizer,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let progress = args.progress.start();
    let scratch = Checkout::find()?.scratch()?;
    let subjects = subjects(&args.out, args.sanitizer, &scratch.folder("oss-check")?)?;
    if subjects.is_empty() {
        return Err(Refusal::with_help(
            format!("{}: no fuzz target in there", args.out.display()),
            "build with fuzz/oss-fuzz/build.sh first",
        ));
    }
    let mut results = Vec::new();
    for subject in &subjects {
        for (name, promise, check) in CHECKS {
            progress.tick(|| format!("{}: {promise}", subject.name));
            results.push((&subject.name, *name, *promise, check(subject)));
        }
    }
    progress.finish();
    let failed = results.iter().filter(|(.., result)| result.is_err()).count();
    let mut out = stdout().lock();
    match args.format {
        Format::Json => {
            let entry = |(target, check, promise, result): &(_, _, _, Result<String, String>)| {
                let (Ok(said) | Err(said)) = result;
                json!({"target": target, "check": check, "promise": promise, "ok": result.is_ok(), "said": said})
            };
            let entries: Vec<Value> = results.iter().map(entry).collect();
            writeln!(
                out,
                "{:#}",
                json!({"targets": subjects.len(), "failed": failed, "checks": entries})
            )?;
        }
        Format::Text => {
            for (target, check, promise, result) in &results {
                match result {
                    Ok(said) => writeln!(out, "ok    {target:10} {check:10}  {said}")?,
                    Err(said) => {
                        writeln!(out, "FAIL  {target:10} {check:10}  it {promise}: {said}")?
                    }
                }
            }
            writeln!(out, "{} targets, {} checks, {failed} failed", subjects.len(), results.len())?;
        }
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}
