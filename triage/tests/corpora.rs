//! Corpora and targets as scripts see them: packed, merged, distilled, counted, and read back as the right target.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn racewalk(args: &[&str]) -> Output {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("triage/ lies in the workspace");
    let run = Command::new(env!("CARGO_BIN_EXE_racewalk")).args(args).current_dir(root).output();
    run.expect("the binary runs")
}

/// What it printed, if it ended with this code.
#[track_caller]
fn said(args: &[&str], code: i32) -> String {
    let output = racewalk(args);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    out
}

/// A folder that is not there yet.
fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn a_corpus_becomes_small_and_reaches_the_same() {
    let (packed, merged, distilled) = (fresh("packed"), fresh("merged"), fresh("distilled"));
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let kernel = ["--kernel", "fixed"];
    let run = |verb: &str, from: &str, to: &PathBuf| {
        said(&[&["corpus", verb, from][..], &kernel, &["-o", &text(to)]].concat(), 0);
    };
    run("pack", "corpus/litmus/collapse", &packed);
    run("merge", &text(&packed), &merged);
    run("distil", &text(&merged), &distilled);
    assert!(count(&packed) > count(&merged), "what reaches nothing new is left out");
    assert!(count(&merged) > count(&distilled) && count(&distilled) > 0);
    let places = |folder: &PathBuf| {
        let stats = said(
            &[&["corpus", "stats", &text(folder)][..], &kernel, &["--format", "json"]].concat(),
            0,
        );
        let stats: serde_json::Value = serde_json::from_str(&stats).expect("it is JSON");
        (stats["places"].clone(), stats["interleavings"].clone())
    };
    assert_eq!(places(&packed), places(&merged));
    assert_eq!(places(&packed).0, places(&distilled).0);
    let check = racewalk(&["check", &text(&distilled)]);
    assert!(check.status.success(), "each distilled file is as it says");
}

#[test]
fn what_is_not_clean_is_no_seed() {
    let out = fresh("unclean");
    let out_text = out.to_string_lossy();
    let args =
        ["corpus", "pack", "corpus/litmus/review", "--without", "recheck_page", "-o", &out_text];
    let line = said(&args, 0);
    let unclean = line.split("left out: ").nth(1).and_then(|rest| rest.split(' ').next());
    assert!(unclean.is_some_and(|n| n != "0"), "{line}");
}

#[test]
fn a_target_reads_its_own_bytes() {
    let folder = fresh("artifacts").join("artifacts/schedule");
    fs::create_dir_all(&folder).expect("the temporary folder can be written to");
    let file = folder.join("crash-00");
    fs::write(&file, [3, 0x10, 0, 9, 0]).expect("as above");
    let path = file.to_string_lossy();
    let by_folder = said(&["show", &path], 0);
    assert!(by_folder.contains("schedule") && by_folder.contains("title"), "{by_folder}");
    assert_eq!(said(&["show", &path, "--target", "schedule"], 0), by_folder);
    assert_ne!(said(&["show", &path, "--target", "race"], 0), by_folder);
    said(&["replay", &path, "--kernel", "fixed"], 0);
    said(&["show", &path, "--target", "nothing"], 2);
}

#[test]
fn all_targets_have_a_name() {
    let list = said(&["list", "targets"], 0);
    for target in racewalk::Target::ALL {
        assert!(list.contains(&format!("  {}", target.name())), "{list}");
    }
}

#[test]
fn a_build_without_targets_is_refused() {
    said(&["oss-check", "corpus"], 2);
    said(&["oss-check", "no/such/folder"], 2);
}
