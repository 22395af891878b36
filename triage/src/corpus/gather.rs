//! To gather is to read the programs of files and folders, text or bytes, and to find out what they reach.

use std::fs;
use std::path::{Path, PathBuf};

use racewalk::{Program, Reader, Target, Variant};

use super::{Reach, Scout};
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::seeds;
use crate::source::Source;

/// A program that is clean and that the target can say.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The program, with decisions for a schedule.
    pub(crate) program: Program,
    /// The same as the target's bytes.
    pub(crate) bytes: Vec<u8>,
    /// What it reaches.
    pub(crate) reach: Reach,
}

/// What was found in files and folders.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// The programs, in the order of their paths.
    pub(crate) members: Vec<Member>,
    /// Files that are not clean under the variant: they are no part of a corpus.
    pub(crate) unclean: usize,
    /// Files that the target has no bytes for.
    pub(crate) foreign: usize,
}

impl Gathered {
    /// What all of them reach.
    pub(crate) fn reach(&self) -> Reach {
        let mut all = Reach::default();
        self.members.iter().for_each(|member| all.merge(&member.reach));
        all
    }
}

/// Reads all there is: `.rw` files are text, others are the target's bytes. What an engine keeps beside its corpus
/// (crashes, hangs, figures) is left out.
pub(crate) fn gather(
    paths: &[PathBuf],
    target: Target,
    variant: &Variant,
    progress: &Progress,
) -> Result<Gathered, Refusal> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    let (mut scout, mut reader) = (Scout::new(variant.clone()), Reader::new(target));
    let mut machine = racewalk::Machine::new();
    let mut gathered = Gathered::default();
    for (n, path) in files.iter().enumerate() {
        progress.tick(|| format!("{n} of {} files", files.len()));
        let mut program = Source::read_as(path, Some(target))?.document.program;
        if !seeds::clean(&mut machine, &mut program, variant) {
            gathered.unclean += 1;
            continue;
        }
        let Some(bytes) = reader.write(&program) else {
            gathered.foreign += 1;
            continue;
        };
        match scout.reach(&program) {
            Some(reach) => gathered.members.push(Member { program, bytes, reach }),
            None => gathered.unclean += 1,
        }
    }
    Ok(gathered)
}

/// What is not part of a corpus in an engine's folder.
const NO_CORPUS: [&str; 2] = ["crashes", "hangs"];

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Refusal> {
    let refuse = |error: std::io::Error| Refusal::io(path, &error);
    if !fs::metadata(path).map_err(refuse)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path).map_err(refuse)?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let beside = name.starts_with('.')
            || name.ends_with(".md")
            || NO_CORPUS.contains(&name.as_str())
            || (is_afl(path) && entry.is_file());
        if !beside {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

/// Whether a folder is one of AFL++, which keeps its inputs one below.
fn is_afl(folder: &Path) -> bool {
    folder.join("fuzzer_stats").is_file()
}
