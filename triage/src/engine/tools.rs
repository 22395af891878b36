//! A tool is a program that builds targets for an engine, at one version: it knows the flags that this needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Checkout;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// A tool, at the version that this project is tested with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
    /// How to ask for its version.
    ask: &'static [&'static str],
}

/// For libFuzzer, with coverage of the code.
pub(super) const CARGO_FUZZ: Tool =
    Tool { name: "cargo-fuzz", version: "0.13.2", ask: &["--version"] };
/// For AFL++, which it brings along.
pub(super) const CARGO_AFL: Tool =
    Tool { name: "cargo-afl", version: "0.18.2", ask: &["afl", "--version"] };

/// The tool: ours, or one on the search path, or else it is installed.
pub(super) fn get(
    tool: Tool,
    checkout: &Checkout,
    progress: &Progress,
) -> Result<PathBuf, Refusal> {
    match find(tool, checkout) {
        Some(path) => Ok(path),
        None => install(tool, checkout, progress),
    }
}

/// The tool in its right version, if there is one.
fn find(tool: Tool, checkout: &Checkout) -> Option<PathBuf> {
    let ours = checkout.tools().join("bin").join(tool.name);
    [ours, PathBuf::from(tool.name)].into_iter().find(|path| tool.is(path))
}

/// Installs it into `target/tools`, and says so.
fn install(tool: Tool, checkout: &Checkout, progress: &Progress) -> Result<PathBuf, Refusal> {
    let Tool { name, version, .. } = tool;
    progress.line(&format!(
        "installing {name} {version} into target/tools, once; this takes a few minutes"
    ));
    let status = Command::new("cargo")
        .args(["install", "--quiet", "--locked", "--version", version, "--root"])
        .arg(checkout.tools())
        .arg(name)
        // A target folder set for the project's own builds is not meant for its tools.
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    let path = checkout.tools().join("bin").join(name);
    match status {
        Ok(status) if status.success() && tool.is(&path) => Ok(path),
        Ok(status) => Err(Refusal::with_help(
            format!("{name} {version} could not be installed ({status})"),
            "`racewalk run` searches without an engine",
        )),
        Err(error) => Err(Refusal::new(format!("cargo could not be started: {error}"))),
    }
}

impl Tool {
    /// Whether the program at a path is this tool in its version.
    fn is(self, path: &Path) -> bool {
        let said =
            Command::new(path).args(self.ask).stdin(Stdio::null()).stderr(Stdio::null()).output();
        said.is_ok_and(|said| {
            let said = String::from_utf8_lossy(&said.stdout);
            let mut words = said.split_whitespace();
            words.next() == Some(self.name) && words.next() == Some(self.version)
        })
    }
}
