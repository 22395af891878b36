//! To build an engine is to compile a target together with libFuzzer, with or without coverage of the code, or for AFL++.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Checkout, afl, tools};
use crate::progress::Progress;
use crate::refusal::Refusal;

/// What libFuzzer is told of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Feedback {
    /// Which access of one CPU followed which of another. The code is not instrumented: its edges say little about
    /// races, and looking at thousands of them after each run costs two thirds of the time.
    Interleaving,
    /// Edges of the code too, as cargo-fuzz instruments it.
    Coverage,
}

/// Who searches.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Kind {
    /// libFuzzer, in the target's own process.
    #[default]
    Libfuzzer,
    /// AFL++, which drives the target from outside, and always sees edges of the code too.
    Afl,
}

/// What to do if something has to be installed or built from scratch first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Install {
    /// Do it.
    IfMissing,
    /// Do without the engine.
    Never,
}

/// A fuzz target, built.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(super) kind: Kind,
    pub(super) binary: PathBuf,
    /// The program that drives the target, if it does not drive itself.
    pub(super) driver: Option<PathBuf>,
}

impl Engine {
    /// Builds a target for AFL++.
    pub(crate) fn build_for_afl(
        checkout: &Checkout,
        target: &str,
        progress: &Progress,
    ) -> Result<Engine, Refusal> {
        let tool = tools::get(tools::CARGO_AFL, checkout, progress)?;
        let folder = checkout.builds().join("afl");
        let name = format!("{target}-afl");
        let binary = folder.join("release").join(&name);
        if !binary.exists() {
            progress.line(&format!(
                "building the target {target} for AFL++; the first time takes a minute or two"
            ));
        }
        let mut command = Command::new(tool);
        // It expects to be started by cargo, which says where it is.
        if env::var_os("CARGO").is_none() {
            command.env("CARGO", "cargo");
        }
        command
            .args(["afl", "build", "--release", "--locked", "--package", "racewalk-afl"])
            .args(["--features", "afl", "--bin", &name, "--target-dir"])
            .arg(&folder)
            .current_dir(checkout.root())
            .stdin(Stdio::null());
        finish(command, target, &binary)?;
        Ok(Engine { kind: Kind::Afl, binary, driver: Some(afl::driver()?) })
    }

    /// Builds a target with libFuzzer. `None`: it takes long and was not wanted enough.
    pub(crate) fn build(
        checkout: &Checkout,
        target: &str,
        feedback: Feedback,
        install: Install,
        progress: &Progress,
    ) -> Result<Option<Engine>, Refusal> {
        let host = host()?;
        let folder = match feedback {
            Feedback::Interleaving => checkout.builds(),
            Feedback::Coverage => checkout.builds().join("coverage"),
        };
        let binary = folder.join(&host).join("release").join(target);
        if !binary.exists() {
            if install == Install::Never {
                return Ok(None);
            }
            progress.line(&format!(
                "building the target {target}; the first time takes a minute or two"
            ));
        }
        let command = match feedback {
            Feedback::Interleaving => cargo(checkout, target, &host, &folder),
            Feedback::Coverage => {
                let tool = tools::get(tools::CARGO_FUZZ, checkout, progress)?;
                cargo_fuzz(&tool, checkout, target, &host, &folder)
            }
        };
        finish(command, target, &binary)?;
        Ok(Some(Engine { kind: Kind::Libfuzzer, binary, driver: None }))
    }
}

/// Runs a build to its end.
fn finish(mut command: Command, target: &str, binary: &Path) -> Result<(), Refusal> {
    let built = command
        .output()
        .map_err(|error| Refusal::new(format!("cargo could not be started: {error}")))?;
    if !built.status.success() || !binary.exists() {
        let said = String::from_utf8_lossy(&built.stderr);
        let message = format!("the target {target} could not be built ({})", built.status);
        return Err(Refusal::with_help(message, last_lines(&said, 30)));
    }
    Ok(())
}

/// libFuzzer linked in, nothing instrumented.
fn cargo(checkout: &Checkout, target: &str, host: &str, folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--package", "racewalk-fuzz", "--bin", target])
        .args(["--target", host, "--target-dir"])
        .arg(folder)
        .current_dir(checkout.root())
        .stdin(Stdio::null());
    command
}

/// Stable Rust, no sanitizer, and no instrumentation of comparisons: the model compares all the time, and what it
/// compares says nothing about interleavings.
fn cargo_fuzz(
    tool: &Path,
    checkout: &Checkout,
    target: &str,
    host: &str,
    folder: &Path,
) -> Command {
    let mut command = Command::new(tool);
    command
        .args(["fuzz", "build", "--release", "--sanitizer", "none", "--no-trace-compares"])
        .args(["--target", host])
        .arg("--fuzz-dir")
        .arg(checkout.root().join("fuzz"))
        .arg("--target-dir")
        .arg(folder)
        .arg(target)
        .current_dir(checkout.root())
        .stdin(Stdio::null());
    command
}

/// The triple that the compiler makes programs for when nothing is said.
fn host() -> Result<String, Refusal> {
    let said = Command::new("rustc").arg("-vV").stdin(Stdio::null()).output();
    let said =
        said.map_err(|error| Refusal::new(format!("rustc could not be started: {error}")))?;
    let said = String::from_utf8_lossy(&said.stdout);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Refusal::new("rustc does not say what machine this is"))
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
