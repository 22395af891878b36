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
    // How many steps, and the hash of the trace, change with the model: core's own test watches them.
    let lines = text.lines().filter(|line| !line.starts_with("run: "));
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
