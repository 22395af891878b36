//! A subject is one target of a build, with what lies beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::refusal::Refusal;

/// What a build was instrumented with.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sanitizer {
    /// AddressSanitizer.
    Address,
    /// Nothing but coverage.
    None,
}

/// A target, and where its checks may write.
#[derive(Debug)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: String,
    /// The folder that it was built into.
    pub(crate) out: PathBuf,
    /// What it was built with.
    pub(crate) sanitizer: Sanitizer,
    /// An empty folder of its own.
    pub(crate) scratch: PathBuf,
}

/// A run of a target.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Whether it ended well.
    pub(crate) success: bool,
    /// What it said.
    pub(crate) said: String,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Ran {
    /// Its last line that holds a word.
    pub(crate) fn line(&self, word: &str) -> &str {
        self.said.lines().rev().find(|line| line.contains(word)).unwrap_or("")
    }

    /// The number behind a word of libFuzzer's final status.
    pub(crate) fn figure(&self, word: &str) -> Option<u64> {
        let mut words = self.line("DONE").split_whitespace().skip_while(|found| *found != word);
        words.nth(1)?.split('/').next()?.parse().ok()
    }

    /// The last lines, for a failure.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<&str> = self.said.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }
}

impl Subject {
    /// The target itself.
    pub(crate) fn binary(&self) -> PathBuf {
        self.out.join(&self.name)
    }

    /// A new empty folder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.scratch.join(name);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        Ok(folder)
    }

    /// Runs the target as a fuzzing machine would: in a folder that is not its own, with little of an environment and
    /// the limits of OSS-Fuzz.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ran, String> {
        let begun = Instant::now();
        let elsewhere = self.folder("elsewhere")?;
        let output = Command::new(self.binary())
            .args(["-rss_limit_mb=2560", "-timeout=25"])
            .args(arguments)
            .current_dir(&elsewhere)
            .env_clear()
            .env("TMPDIR", self.folder("tmp")?)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let took = begun.elapsed();
        let Output { status, stderr, .. } = output;
        let said = String::from_utf8_lossy(&stderr).into_owned();
        if fs::read_dir(&elsewhere).is_ok_and(|mut entries| entries.next().is_some())
            && status.success()
        {
            return Err("it writes to the current folder".to_owned());
        }
        Ok(Ran { success: status.success(), said, took })
    }

    /// The seeds, unpacked.
    pub(crate) fn seeds(&self) -> Result<PathBuf, String> {
        let archive = self.out.join(format!("{}_seed_corpus.zip", self.name));
        if !archive.is_file() {
            return Err(format!("there is no {}", archive.display()));
        }
        let folder = self.folder("seeds")?;
        let unpacked = Command::new("unzip")
            .args(["-q", "-o"])
            .arg(&archive)
            .arg("-d")
            .arg(&folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("unzip: {error}"))?;
        if unpacked.status.success() {
            Ok(folder)
        } else {
            Err(String::from_utf8_lossy(&unpacked.stderr).into_owned())
        }
    }
}

/// The targets in a folder: executables that libFuzzer drives.
pub(crate) fn subjects(
    out: &Path,
    sanitizer: Sanitizer,
    scratch: &Path,
) -> Result<Vec<Subject>, Refusal> {
    let entries = fs::read_dir(out).map_err(|error| Refusal::io(out, &error))?;
    let mut subjects = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let executable = fs::metadata(&path)
            .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0);
        let is_target = executable
            && fs::read(&path).is_ok_and(|bytes| holds(&bytes, b"LLVMFuzzerTestOneInput"));
        if let (true, Some(name)) = (is_target, path.file_name()) {
            let name = name.to_string_lossy().into_owned();
            // Each runs somewhere else: it needs the whole path.
            let out = fs::canonicalize(out).map_err(|error| Refusal::io(out, &error))?;
            subjects.push(Subject { scratch: scratch.join(&name), name, out, sanitizer });
        }
    }
    subjects.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(subjects)
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
