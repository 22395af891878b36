//! To build an engine is to have cargo-fuzz compile a target together with libFuzzer.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Checkout, tools};
use crate::progress::Progress;
use crate::refusal::Refusal;

/// What to do if cargo-fuzz is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Install {
    /// Install it.
    IfMissing,
    /// Do without the engine.
    Never,
}

/// A fuzz target, built.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(super) binary: PathBuf,
}

impl Engine {
    /// Builds a target. `None`: the tool is not there and was not wanted enough to be installed.
    pub(crate) fn build(
        checkout: &Checkout,
        target: &str,
        install: Install,
        progress: &Progress,
    ) -> Result<Option<Engine>, Refusal> {
        let tool = match (tools::find(checkout), install) {
            (Some(tool), _) => tool,
            (None, Install::IfMissing) => tools::install(checkout, progress)?,
            (None, Install::Never) => return Ok(None),
        };
        let host = host()?;
        let binary = checkout.builds().join(&host).join("release").join(target);
        if !binary.exists() {
            progress.line(&format!(
                "building the target {target}; the first time takes a minute or two"
            ));
        }
        let built = cargo_fuzz(&tool, checkout, target, &host)
            .output()
            .map_err(|error| Refusal::new(format!("cargo-fuzz could not be started: {error}")))?;
        if !built.status.success() || !binary.exists() {
            let said = String::from_utf8_lossy(&built.stderr);
            let message = format!("the target {target} could not be built ({})", built.status);
            return Err(Refusal::with_help(message, last_lines(&said, 30)));
        }
        Ok(Some(Engine { binary }))
    }
}

/// Stable Rust, no sanitizer, and no instrumentation of comparisons: the model compares all the time, and what it
/// compares says nothing about interleavings.
fn cargo_fuzz(tool: &Path, checkout: &Checkout, target: &str, host: &str) -> Command {
    let mut command = Command::new(tool);
    command
        .args(["fuzz", "build", "--release", "--sanitizer", "none", "--no-trace-compares"])
        .args(["--target", host])
        .arg("--fuzz-dir")
        .arg(checkout.root().join("fuzz"))
        .arg("--target-dir")
        .arg(checkout.builds())
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
