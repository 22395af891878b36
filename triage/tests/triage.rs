//! From a crash to its explanation, as the binary does it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn racewalk(args: &[&str]) -> Output {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("triage/ lies in the workspace");
    let run = Command::new(env!("CARGO_BIN_EXE_racewalk")).args(args).current_dir(root).output();
    run.expect("the binary runs")
}

fn said(args: &[&str], code: i32) -> String {
    let output = racewalk(args);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{err}");
    String::from_utf8(output.stdout).expect("it prints text")
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the temporary folder can be written to");
    folder
}

fn copy(from: &str, to: &Path) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    fs::copy(corpus.join(from), to).expect("the corpus can be read");
}

const RECHECK: &str = "corpus/litmus/review/recheck_page.rw";

#[test]
fn a_pile_of_crashes_becomes_a_report_for_each_bug() {
    let (pile, out) = (folder("pile"), folder("triage"));
    let name = |name: &str| pile.join(name).display().to_string();
    copy("litmus/without/counter_sub.rw", &pile.join("one.rw"));
    copy("litmus/without/abort_flush.rw", &pile.join("other.rw"));
    // Clean on its own kernel, but not on the one that is asked for below.
    copy("litmus/collapse/w4-cow-existing.rw", &pile.join("third.rw"));
    fs::write(pile.join("broken.rw"), "racewalk 1\nbogus\n").expect("it can be written");
    // The same crash as an engine would have kept it: it does not say of which kernel it is.
    let bytes = name("crash-1");
    let args =
        ["minimise", "corpus/litmus/without/counter_sub.rw", "--mode", "crash", "-o", &bytes];
    said(&args, 1);
    let (pile, out) = (pile.display().to_string(), out.display().to_string());
    let ask = ["--kernel", "v6.6", "--without", "counter_sub", "--out", &out];
    let first = said(&[&["triage", &pile][..], &ask].concat(), 1);
    assert!(first.contains("5 files: 1 groups, 1 clean, 1 unreadable"), "{first}");
    assert!(first.contains("broken.rw:2:1: `bogus`"), "{first}");
    assert!(first.contains("      3    1          0  100 of 100"), "{first}");
    assert_eq!(said(&[&["triage", &pile][..], &ask].concat(), 1), first, "it goes on where it was");
    let mut files: Vec<_> =
        fs::read_dir(Path::new(&out).join("bad_rss_counter-collapse_pte_mapped_thp"))
            .expect("there is a report")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
    files.sort();
    assert_eq!(
        files,
        ["report.html", "report.json", "report.txt", "reproducer.rs", "reproducer.rw"]
    );
}

#[test]
fn a_report_reads_like_this() {
    let (pile, out) = (folder("report-pile"), folder("report"));
    copy("litmus/without/abort_flush.rw", &pile.join("one.rw"));
    let out_name = out.display().to_string();
    said(&["triage", &pile.display().to_string(), "--out", &out_name], 1);
    let report = out.join("stale_translation-collapse_abort/report.txt");
    let report = fs::read_to_string(report).expect("there is a report");
    insta::assert_snapshot!(report.replace(&out_name, "OUT"));
}

#[test]
fn the_page_needs_no_network() {
    let page = said(&["replay", RECHECK, "--format", "html"], 1);
    assert!(page.starts_with("<!DOCTYPE html>"));
    let foreign = page.matches("http").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!((foreign, page.matches("src=").count(), page.matches("<link").count()), (0, 0, 0));
    assert_eq!(page.matches("<svg").count(), 2, "the failing run and the right one");
    assert!(page.contains("class=\"race\""), "the racing pair is linked");
    assert!(page.contains("recheck_page") && page.contains("data-step"));
}

#[test]
fn the_generated_test_is_the_one_that_is_run_here() {
    let out = folder("generated");
    let page = said(&["replay", RECHECK, "--format", "story"], 1);
    let source = page.split_once("As a test:\n\n").expect("there is a test").1;
    let kept = include_str!("generated.rs");
    if source.trim() != kept.trim() {
        let fresh = out.join("generated.rs");
        fs::write(&fresh, source).expect("it can be written");
        panic!("triage/tests/generated.rs is not what is made now: {}", fresh.display());
    }
}

#[test]
fn minimising_says_what_it_did() {
    let text = said(&["minimise", "corpus/litmus/without/i_mmap_link_lock.rw"], 1);
    assert!(text.contains("4 operations -> 2"), "{text}");
    assert!(text.trim_end().ends_with("verdict: vma_used_after_free"), "{text}");
    let clean = said(&["minimise", "corpus/litmus/collapse/w4-cow-existing.rw"], 0);
    assert!(clean.contains("nothing to minimise"), "{clean}");
}

#[test]
fn minimising_is_deterministic() {
    let once = || {
        let text = said(&["minimise", "corpus/litmus/without/abort_flush.rw"], 1);
        text.lines().filter(|line| !line.starts_with("minimised:")).map(str::to_owned).collect()
    };
    let (first, second): (Vec<String>, Vec<String>) = (once(), once());
    assert_eq!(first, second);
}

#[test]
fn bisecting_finds_the_fix() {
    insta::assert_snapshot!(said(&["bisect", "corpus/found/zap_drops_dirty.rw"], 1));
}
