//! The ladder holds: a room of `core` imports from lower rungs only, and `fuzz/` and `triage/` from the root only.

use std::fs;
use std::path::{Path, PathBuf};

/// The rungs. Rooms on one rung do not see each other, but for the exceptions below.
const LADDER: &[&[&str]] =
    &[&["trace", "prog"], &["sync", "sched"], &["mm"], &["zoo", "oracle"], &["run"]];

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return files };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("core/ lies in the workspace").to_owned()
}

fn rung(room: &str) -> Option<usize> {
    LADDER.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that a line of code names after `crate::`.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or("");
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
}

#[test]
fn rooms_import_downwards_only() {
    let src = root().join("core/src");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let relative = file.strip_prefix(&src).expect("it was found there");
        let room = relative.iter().next().and_then(|room| room.to_str()).unwrap_or("");
        let Some(mine) = rung(room) else { continue };
        let text = fs::read_to_string(&file).expect("source is readable");
        for (n, line) in text.lines().enumerate() {
            for named in rooms_named(line) {
                let allowed = named == room || rung(named).is_none_or(|its| its < mine);
                if !allowed {
                    wrong.push(format!("{}:{}: {room} imports {named}", file.display(), n + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_fibres_know_how_stacks_are_switched() {
    let src = root().join("core/src");
    let named: Vec<_> = rust_files(&src)
        .into_iter()
        .filter(|file| fs::read_to_string(file).is_ok_and(|text| text.contains("corosensei::")))
        .collect();
    let allowed =
        |file: &PathBuf| file.ends_with("run/fibre.rs") || file.ends_with("run/stacks.rs");
    assert!(!named.is_empty());
    assert!(named.iter().all(allowed), "{named:?}");
}

#[test]
fn the_core_has_no_clock_and_prints_nothing() {
    let src = root().join("core/src");
    for file in rust_files(&src) {
        let text = fs::read_to_string(&file).expect("source is readable");
        for forbidden in
            ["std::time", "println!", "eprintln!", "HashMap", "thread_local!", "static mut"]
        {
            assert!(!text.contains(forbidden), "{}: {forbidden}", file.display());
        }
    }
}

#[test]
fn the_kernel_has_not_heard_of_the_layers_above() {
    for file in rust_files(&root().join("core/src/mm")) {
        let text = fs::read_to_string(&file).expect("source is readable");
        for word in ["fibre", "crate::oracle", "crate::prog", "crate::run", "crate::sched"] {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            assert!(
                !code.into_iter().any(|line| line.contains(word)),
                "{}: {word}",
                file.display()
            );
        }
    }
}
