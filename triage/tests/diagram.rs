//! The diagrams of what the patch's reviewer saw, and of what the second check is for, as they are printed.

use std::path::Path;
use std::process::Command;

fn replayed(file: &str) -> String {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("triage/ lies in the workspace");
    let run = Command::new(env!("CARGO_BIN_EXE_racewalk"))
        .args(["replay", file])
        .current_dir(root)
        .output();
    let text = String::from_utf8(run.expect("the binary runs").stdout).expect("it prints text");
    // The hash of the trace changes with every class of objects: core's own test watches it.
    let is_hash = |line: &str| line.starts_with("run: ");
    let lines = text.lines().map(|line| match line.split_once(", trace ") {
        Some((line, _)) if is_hash(line) => line,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_reviewer_saw() {
    insta::assert_snapshot!(replayed("corpus/litmus/review/pte_clear.rw"));
}

#[test]
fn what_the_second_check_is_for() {
    insta::assert_snapshot!(replayed("corpus/litmus/review/recheck_page.rw"));
}
