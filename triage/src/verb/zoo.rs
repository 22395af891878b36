//! The verb `zoo`: how soon each policy finds each exhibit.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{fs, thread};

use clap::ValueEnum;
use racewalk::{EXHIBITS, Exhibit};

use crate::engine::{Checkout, Engine, Feedback, Install};
use crate::interrupt::Interrupt;
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use crate::trials::memory::Memory;
use crate::trials::table::Row;
use crate::trials::{Asked, Prepared, Trial, Way, curves, table};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk zoo                                              all exhibits, 10 seeds of 60 s: hours, but it goes on where it stopped
  cargo racewalk zoo --exhibit dirty-cow --seconds 20 --seeds 3   one of them
  cargo racewalk zoo --policy mixed --policy pos --policy libfuzzer --policy libfuzzer-blind
  cargo racewalk zoo --format html -o zoo.html                    survival curves
  cargo racewalk list zoo                                         what there is

A trial ends when an oracle speaks up. \"Reached\": a program came to every place that the shortest reproducer comes to.
\"Triggered\": a program came to other places than without the bug; one of eight is compared, and a schedule that falls
elsewhere counts too. Reproducers are not among the
seeds. What is done is remembered in target/zoo/trials.jsonl: use --fresh after a change of the code.
Exit code: 0 all was tried, 1 it was interrupted, 2 could not run.";

/// Measures how soon each policy finds each exhibit of the zoo.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only this exhibit; may be repeated (see `racewalk list zoo`).
    #[arg(long, value_name = "NAME")]
    exhibit: Vec<String>,
    /// Who searches; may be repeated.
    #[arg(long, value_enum, default_value = "mixed")]
    policy: Vec<Way>,
    /// How long each seed may search.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// How many seeds, from 1 on.
    #[arg(long, value_name = "K", default_value_t = 10)]
    seeds: u64,
    /// Trials at the same time; without it one for each core.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Forget what earlier runs have found.
    #[arg(long)]
    fresh: bool,
    /// Where trials are remembered.
    #[arg(long, value_name = "FILE", default_value = "target/zoo/trials.jsonl")]
    memory: PathBuf,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Where it is written, instead of the standard output.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// How the answer is written.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// A page with survival curves.
    Html,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let exhibits = exhibits(&args.exhibit)?;
    let progress = args.progress.start();
    let interrupt = Interrupt::listen();
    let engine = if args.policy.iter().any(|way| way.is_engine()) {
        let checkout = Checkout::find()?;
        let interleaving = Feedback::Interleaving;
        Engine::build(&checkout, "race", interleaving, Install::IfMissing, &progress)?
            .map(|engine| (checkout, engine))
    } else {
        None
    };
    let prepared = Prepared { engine, interrupt: interrupt.clone() };
    let refuse = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Refusal::io(&path, &error)
    };
    let mut memory = Memory::open(&args.memory, args.fresh).map_err(refuse(&args.memory))?;
    let asked = asked(args, &exhibits);
    let todo: Vec<Asked> =
        asked.iter().filter(|asked| memory.get(&asked.key()).is_none()).copied().collect();
    let jobs = args.jobs.or(thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    try_all(&prepared, &todo, jobs, &progress, &mut |trial| {
        memory.add(trial).map_err(refuse(&args.memory))
    })?;
    progress.finish();
    let trials: Vec<Trial> =
        asked.iter().filter_map(|asked| memory.get(&asked.key())).cloned().collect();
    let rows = rows(args, &exhibits, &trials);
    let answer = match args.format {
        Format::Text => table::text(&rows),
        Format::Json => format!("{:#}\n", table::json(&rows)),
        Format::Html => curves::page(&rows, &trials, &command(args)).into_string(),
    };
    match &args.out {
        Some(path) => fs::write(path, answer).map_err(refuse(path))?,
        None => write!(stdout().lock(), "{answer}")?,
    }
    let missing = asked.len() - trials.len();
    if missing > 0 {
        progress.line(&format!("{missing} of {} trials are left: run it again", asked.len()));
    }
    Ok(ExitCode::from(u8::from(missing > 0)))
}

fn exhibits(names: &[String]) -> Result<Vec<&'static Exhibit>, Refusal> {
    if names.is_empty() {
        return Ok(EXHIBITS.iter().collect());
    }
    let known = || EXHIBITS.iter().map(|exhibit| exhibit.name);
    let find = |name: &String| {
        Exhibit::from_name(name).ok_or_else(|| Refusal::unknown("exhibit", name, known()))
    };
    names.iter().map(find).collect()
}

/// All trials, the first seeds of all exhibits first: a run that is stopped has seen a little of everything.
fn asked(args: &Args, exhibits: &[&'static Exhibit]) -> Vec<Asked> {
    let time = Duration::from_secs(args.seconds);
    let mut asked = Vec::new();
    for seed in 1..=args.seeds {
        for &way in &args.policy {
            asked.extend(exhibits.iter().map(|&exhibit| Asked { exhibit, way, seed, time }));
        }
    }
    asked
}

/// Makes the trials, some at the same time, and hands over each as soon as it is done.
fn try_all(
    prepared: &Prepared,
    todo: &[Asked],
    jobs: usize,
    progress: &Progress,
    done: &mut dyn FnMut(Trial) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let next = AtomicUsize::new(0);
    let (sender, made) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while !prepared.interrupt.came() {
                    let Some(asked) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        return;
                    };
                    if sender.send(prepared.run(asked)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut count, mut detected) = (0, 0);
        loop {
            match made.recv_timeout(Duration::from_millis(200)) {
                Ok(trial) => {
                    if let Some(trial) = trial? {
                        count += 1;
                        detected += usize::from(trial.detected.is_some());
                        done(trial)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            progress.tick(|| {
                let now = todo.get(count).map_or("", |asked| asked.exhibit.name);
                format!("{count} of {} trials, {detected} detected: {now}", todo.len())
            });
        }
    })
}

fn rows(args: &Args, exhibits: &[&'static Exhibit], trials: &[Trial]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &exhibit in exhibits {
        for &way in &args.policy {
            let mine = |trial: &&Trial| trial.exhibit == exhibit.name && trial.way == way.name();
            rows.push(Row::of(exhibit, way, &trials.iter().filter(mine).collect::<Vec<_>>()));
        }
    }
    rows
}

/// What repeats it.
fn command(args: &Args) -> String {
    let exhibits = args.exhibit.iter().map(|name| format!(" --exhibit {name}"));
    let policies = args.policy.iter().map(|way| format!(" --policy {}", way.name()));
    let named: String = exhibits.chain(policies).collect();
    format!("racewalk zoo{named} --seconds {} --seeds {}", args.seconds, args.seeds)
}
