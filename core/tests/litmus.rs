//! The litmus scenarios (kernel-semantics section 17): each program in `corpus/litmus/NN-*` is clean on `fixed` under
//! every schedule with at most two preemptions, at HPN 4; with more than a million of them, under 10,000 random ones.
//!
//! Number 31 is what section 16.4 asks for: many address spaces with one file. Number 25 has no program: it is
//! `eras.rs`.
//!
//! Without optimisation, where that takes too long, under every schedule with one preemption.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use racewalk::prog::Policy;
use racewalk::sched::{Bounded, Frontier};
use racewalk::{Era, Machine, Options, Outcome, Program, Variant};

/// Preemptions of a schedule.
const PREEMPTIONS: u32 = if cfg!(debug_assertions) { 1 } else { 2 };
/// More schedules than this are not run one by one.
const MOST: u64 = 1_000_000;
/// Random ones then.
const RANDOM: u64 = 10_000;

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("core/ lies in the workspace");
    let folders = fs::read_dir(root.join("corpus/litmus")).expect("the corpus is there").flatten();
    let mut found = Vec::new();
    for folder in folders.map(|entry| entry.path()) {
        if number(&folder).is_some() {
            let inside = fs::read_dir(&folder).expect("a scenario is a folder").flatten();
            found.extend(inside.map(|entry| entry.path()));
        }
    }
    found.sort();
    found
}

/// The scenario that a folder is named after.
fn number(folder: &Path) -> Option<u8> {
    folder.file_name()?.to_str()?.split_once('-')?.0.parse().ok()
}

fn read(path: &Path) -> Program {
    let text = fs::read_to_string(path).expect("the file is readable");
    let document = racewalk::parse(&text);
    let mut program =
        document.unwrap_or_else(|error| panic!("{}: {error}", path.display())).program;
    program.head.hpn = 4;
    program
}

/// What came of a program: how many schedules were run, random ones instead of the rest, and what broke.
#[derive(Default)]
struct Explored {
    schedules: u64,
    random: u64,
    broken: Option<String>,
}

fn explore(machine: &mut Machine, program: &Program) -> Explored {
    let options = Options { variant: Some(Variant::era(Era::Fixed)), ..Options::default() };
    let mut explored = Explored::default();
    let mut frontier = Frontier::new(PREEMPTIONS, program.cpus.len(), environment(program));
    let mut bounded = Bounded::default();
    while frontier.next(&mut bounded) {
        if explored.schedules == MOST {
            return at_random(machine, program, explored);
        }
        let outcome = machine.run_bounded(program, &options, &mut bounded);
        explored.schedules += u64::from(frontier.ran(bounded.log()));
        explored.broken = broken(&outcome);
        if explored.broken.is_some() {
            break;
        }
    }
    explored
}

fn at_random(machine: &mut Machine, program: &Program, mut explored: Explored) -> Explored {
    let options = Options { variant: Some(Variant::era(Era::Fixed)), ..Options::default() };
    let mut program = program.clone();
    for seed in 0..RANDOM {
        program.head.seed = seed;
        program.head.policy = match seed % 2 {
            0 => Policy::Random { mean: 1 << (seed / 2 % 6) },
            _ => Policy::Pct { depth: 2 + (seed / 2 % 4) as u8 },
        };
        explored.random += 1;
        explored.broken = broken(&machine.run(&program, &options));
        if explored.broken.is_some() {
            break;
        }
    }
    explored
}

/// The CPUs that only do what hardware and softirqs do: they cost no preemption.
fn environment(program: &Program) -> u32 {
    let is = |ops: &Vec<_>| !ops.is_empty() && ops.iter().all(racewalk::prog::Op::is_environment);
    program.cpus.iter().enumerate().fold(0, |mask, (cpu, ops)| mask | u32::from(is(ops)) << cpu)
}

fn broken(outcome: &Outcome) -> Option<String> {
    let violation = outcome.verdict.violation()?;
    Some(format!("{} in {}: {}", violation.oracle.name, violation.function, violation.detail))
}

#[test]
fn every_scenario_is_clean_under_every_schedule_with_few_preemptions() {
    let files = files();
    assert!(files.len() > 130, "the scenarios were not found");
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut machine = Machine::new();
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let explored = explore(&mut machine, &read(path));
                    results.lock().expect("nobody panics with it").push((path, explored));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("nobody has panicked");
    results.sort_by_key(|(path, _)| *path);
    let name = |path: &Path| {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        let file = path.file_stem().unwrap_or_default();
        format!("{}/{}", folder.display(), file.display())
    };
    let mut wrong = Vec::new();
    for (path, explored) in &results {
        println!("{:9} {:6} {}", explored.schedules, explored.random, name(path));
        if let Some(broken) = &explored.broken {
            wrong.push(format!("{}: {broken}", name(path)));
        }
    }
    let schedules: u64 = results.iter().map(|(_, explored)| explored.schedules).sum();
    println!(
        "{} programs, {schedules} schedules with at most {PREEMPTIONS} preemptions",
        files.len()
    );
    assert!(wrong.is_empty(), "{} failures\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_scenario_says_what_it_expects_and_has_no_schedule_of_its_own() {
    for path in files() {
        let program = read(&path);
        assert!(number(path.parent().expect("a scenario")).is_some_and(|n| (1..=31).contains(&n)));
        assert!(program.schedule == racewalk::prog::Schedule::default(), "{}", path.display());
        assert!(program.head.expect.len() >= 2, "{}", path.display());
        assert!(program.cpus.len() >= 2, "{}", path.display());
    }
}

#[test]
fn all_scenarios_are_there() {
    let there: Vec<u8> = files().iter().filter_map(|path| number(path.parent()?)).collect();
    let missing: Vec<u8> = (1..=31).filter(|n| *n != 25 && !there.contains(n)).collect();
    assert!(missing.is_empty(), "scenarios without a program: {missing:?}");
}
