//! The tool is cargo-fuzz, at one version: it knows the flags that a build for libFuzzer needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Checkout;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// The version that this project is tested with.
const VERSION: &str = "0.13.2";

/// A cargo-fuzz of the right version, if there is one: ours, or one on the search path.
pub(super) fn find(checkout: &Checkout) -> Option<PathBuf> {
    let ours = checkout.tools().join("bin/cargo-fuzz");
    [ours, PathBuf::from("cargo-fuzz")].into_iter().find(|tool| is_right(tool))
}

/// Installs cargo-fuzz into `target/tools`, and says so.
pub(super) fn install(checkout: &Checkout, progress: &Progress) -> Result<PathBuf, Refusal> {
    progress.line(&format!(
        "installing cargo-fuzz {VERSION} into target/tools, once; this takes a few minutes"
    ));
    let status = Command::new("cargo")
        .args(["install", "--quiet", "--locked", "--version", VERSION, "--root"])
        .arg(checkout.tools())
        .arg("cargo-fuzz")
        // A target folder set for the project's own builds is not meant for its tools.
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    let tool = checkout.tools().join("bin/cargo-fuzz");
    match status {
        Ok(status) if status.success() && is_right(&tool) => Ok(tool),
        Ok(status) => Err(Refusal::with_help(
            format!("cargo-fuzz {VERSION} could not be installed ({status})"),
            "`racewalk run` searches without an engine",
        )),
        Err(error) => Err(Refusal::new(format!("cargo could not be started: {error}"))),
    }
}

fn is_right(tool: &Path) -> bool {
    let said =
        Command::new(tool).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    said.is_ok_and(|said| {
        String::from_utf8_lossy(&said.stdout).trim() == format!("cargo-fuzz {VERSION}")
    })
}
