//! The committed seeds of each target are few, clean, and reach all that there is to reach.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use racewalk::{Machine, Options, Reader, Target, vocabulary};

/// Files of one target: as many as one can review.
const FILES_MAX: usize = 300;

/// Places that no seed reaches, and why.
const UNREACHED: &[(&str, &str)] = &[
    ("collapse_and_free_pmd", "only pre-seed has it"),
    ("khugepaged_add_pte_mapped_thp", "only pre-seed and seed-v3 have it"),
    ("khugepaged_collapse_pte_mapped_thps", "only pre-seed and seed-v3 have it"),
    ("mlock", "a name that turns may end at: nothing enters it"),
    ("pmdp_get_lockless", "a name that turns may end at: nothing enters it"),
    ("pr1", "page-table reclaim, which v6.6 does not have"),
    ("pte_free_now", "a name that turns may end at: nothing enters it"),
    ("scan_large", "a collapse of large folios, which v6.6 does not have"),
    ("shmem_get_folio", "a name that turns may end at: nothing enters it"),
    ("unmap_page_range", "a name that turns may end at: nothing enters it"),
];

fn files(target: Target) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let folder = root.join(target.seeds().name());
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Runs all seeds of a target; what they reach.
fn reach(target: Target) -> BTreeSet<&'static str> {
    let (mut machine, mut reader) = (Machine::new(), Reader::new(target));
    let mut reached = BTreeSet::new();
    let files = files(target);
    assert!(!files.is_empty() && files.len() <= FILES_MAX, "{}", target.name());
    for path in files {
        let text = fs::read_to_string(&path).expect("a seed is text");
        let program =
            racewalk::parse(&text).unwrap_or_else(|error| panic!("{path:?}: {error}")).program;
        assert!(program.head.expect.iter().any(|expect| expect.verdict.is_none()), "{path:?}");
        assert!(reader.write(&program).is_some(), "{path:?} is no program of {}", target.name());
        let outcome = machine.run(&program, &Options::default());
        assert!(outcome.verdict.is_clean(), "{path:?}: {}", outcome.verdict.name());
        reached.extend(outcome.reached.names());
    }
    reached
}

#[test]
fn seeds_of_whole_programs_reach_every_function_and_every_step() {
    let reached = reach(Target::Race);
    let excused = |place: &&str| UNREACHED.iter().any(|(name, _)| name == place);
    let all = vocabulary().places.iter().skip(1);
    let missed: Vec<_> = all.filter(|place| !reached.contains(*place) && !excused(place)).collect();
    assert!(missed.is_empty(), "not reached: {missed:?}");
    for (place, reason) in UNREACHED {
        assert!(!reason.is_empty() && vocabulary().places.contains(place), "{place}");
        assert!(!reached.contains(place), "{place} is reached after all");
    }
}

#[test]
fn seeds_of_other_targets_reach_their_subject() {
    let subjects: &[(Target, &[&str])] = &[
        (Target::Schedule, &["cp1", "cp14", "cf10", "rt1", "ch7", "zp1", "ff2", "wp4", "fk5"]),
        (
            Target::Collapse,
            &["cp1", "cp5", "cp6", "cp11", "cp14", "abort", "step5", "rt1", "rt6", "cf10"],
        ),
        (Target::Abort, &["cp5", "cp6", "abort", "abort_put", "wp3", "wp4"]),
        (Target::Fault, &["pf1", "pf3", "fa1", "df1", "ff2", "wp1", "wp4", "sw1", "sw3", "kvm1"]),
        (Target::Protocols, &["cp14", "abort"]),
        (Target::Zoo, &["cp14", "abort"]),
        (Target::Codec, &["cp14", "abort"]),
    ];
    assert_eq!(subjects.len() + 1, Target::ALL.len());
    for (target, subject) in subjects {
        let reached = reach(*target);
        let missed: Vec<_> = subject.iter().filter(|place| !reached.contains(*place)).collect();
        assert!(missed.is_empty(), "{}: not reached: {missed:?}", target.name());
    }
}
