//! Every file of the corpus behaves as its `expect` lines say.

use std::fs;
use std::path::{Path, PathBuf};

use racewalk::prog::{Expect, KernelName};
use racewalk::{Document, Era, Machine, Options, PROTECTIONS, Protection, Variant, vocabulary};

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).expect("the corpus is there").flatten().map(|entry| entry.path())
    {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rw") {
            found.push(path);
        }
    }
}

fn corpus() -> Vec<(PathBuf, Document)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("core/ lies in the workspace")
        .join("corpus");
    let mut found = Vec::new();
    files(&root, &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("the file is readable");
        let document =
            racewalk::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, document)
    };
    found.into_iter().map(read).collect()
}

fn era(name: KernelName) -> Variant {
    Variant::era(Era::ALL[usize::from(name.0)])
}

fn expected(expect: &Expect) -> &'static str {
    expect.verdict.map_or("clean", |name| vocabulary().oracle(name))
}

#[test]
fn every_file_behaves_as_it_says() {
    let mut machine = Machine::new();
    let mut wrong = Vec::new();
    let corpus = corpus();
    assert!(corpus.len() > 100, "the corpus was not found");
    for (path, document) in &corpus {
        let program = &document.program;
        assert!(!program.head.expect.is_empty(), "{} expects nothing", path.display());
        for expect in &program.head.expect {
            let variant = expect.kernel.map_or_else(|| Variant::of(program), era);
            let own = expect.kernel.is_none();
            let options = Options { variant: Some(variant), record: true, ..Options::default() };
            let outcome = machine.run(program, &options);
            if outcome.verdict.name() != expected(expect) {
                wrong.push(format!(
                    "{}: expected {}, got {}",
                    path.display(),
                    expected(expect),
                    outcome.verdict.name()
                ));
            }
            if own && !outcome.unreached.is_empty() {
                wrong.push(format!(
                    "{}: turns {:?} did not come to their place",
                    path.display(),
                    outcome.unreached
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} failures\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_file_prints_as_it_is_written() {
    for (path, document) in corpus() {
        let text = fs::read_to_string(&path).expect("the file is readable");
        let again =
            racewalk::parse(&racewalk::print(&document)).expect("what was printed can be read");
        assert_eq!(again.program, document.program, "{}", path.display());
        assert_eq!(racewalk::print(&again), racewalk::print(&document), "{}", path.display());
        assert!(!text.is_empty());
    }
}

#[test]
fn every_file_is_clean_at_every_hpn_where_it_is_clean() {
    let mut machine = Machine::new();
    for (path, document) in corpus() {
        let program = &document.program;
        let clean = program
            .head
            .expect
            .iter()
            .any(|expect| expect.kernel.is_none() && expect.verdict.is_none());
        for hpn in [4, 8].into_iter().filter(|_| clean) {
            let outcome = machine.run(program, &Options { hpn: Some(hpn), ..Options::default() });
            assert_eq!(outcome.verdict.name(), "clean", "{} at HPN {hpn}", path.display());
        }
    }
}

/// The protections in the first column of the table.
fn reasons() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("core/ lies in the workspace")
        .join("corpus/litmus/without/README.md");
    let text = fs::read_to_string(readme).expect("the table of reasons is there");
    let name = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    text.lines().filter_map(name).collect()
}

#[test]
fn every_protection_has_a_reproducer_or_a_reason() {
    let mut shown = std::collections::BTreeSet::new();
    for (_, document) in corpus() {
        let breaks = |expect: &Expect| expect.kernel.is_none() && expected(expect) != "clean";
        if document.program.head.expect.iter().any(breaks) {
            shown.extend(Variant::of(&document.program).without.iter().map(|p| p.name));
        }
    }
    let reasons = reasons();
    let mut wrong = Vec::new();
    for name in PROTECTIONS.iter().map(|protection| protection.name) {
        match (shown.contains(name), reasons.iter().filter(|reason| *reason == name).count()) {
            (true, 0) | (false, 1) => {}
            (true, _) => wrong.push(format!("{name}: has a reproducer, so it needs no reason")),
            (false, 0) => wrong.push(format!("{name}: neither a reproducer nor a reason")),
            (false, _) => wrong.push(format!("{name}: more than one reason")),
        }
    }
    let unknown = |name: &&String| Protection::from_name(name).is_none();
    wrong.extend(reasons.iter().filter(unknown).map(|name| format!("{name}: no such protection")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
