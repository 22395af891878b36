//! The house is tidy: every file says what it is, no file has outgrown its reader, no folder is called `utils`.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a file may have. What is longer wants a room of its own.
const LINES_MAX: usize = 450;

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("core/ lies in the workspace");
    let mut files = Vec::new();
    for dir in ["core", "triage", "fuzz", "fuzz/afl"] {
        for part in ["src", "tests", "benches", "fuzz_targets", "targets"] {
            rust_files(&root.join(dir).join(part), &mut files);
        }
    }
    files.sort();
    assert!(files.len() > 50, "the sources were not found");
    files
}

fn check(rule: &str, broken: impl Fn(&Path, &str) -> bool) {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|file| broken(file, &fs::read_to_string(file).expect("source is readable")))
        .map(|file| file.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_begins_by_saying_what_it_is() {
    check("no //! line at the top", |_, text| {
        let first = text.lines().find(|line| !line.starts_with("#![") && !line.trim().is_empty());
        !first.is_some_and(|line| line.starts_with("//!"))
    });
}

#[test]
fn no_file_has_outgrown_its_reader() {
    check("too many lines", |_, text| text.lines().count() > LINES_MAX);
}

#[test]
fn mod_files_introduce_and_do_not_do() {
    check("a mod.rs of more than 90 lines", |file, text| {
        file.ends_with("mod.rs") && text.lines().count() > 90
    });
}

#[test]
fn no_room_is_a_lumber_room() {
    let lumber = ["utils", "util", "common", "misc", "helpers"];
    check("a name that says nothing", |file, _| {
        file.iter()
            .any(|part| lumber.contains(&part.to_str().unwrap_or("").trim_end_matches(".rs")))
    });
}

#[test]
fn nothing_is_left_to_be_done() {
    // Spelled in halves, so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("unimpl", "emented!"),
        concat!("XX", "X"),
    ];
    check("unfinished work", |_, text| marks.iter().any(|mark| text.contains(mark)));
}
