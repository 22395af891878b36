//! The verb `triage`: from a folder of crashes to a report for each bug.

mod group;
mod index;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use racewalk::Machine;
use serde_json::Value;

use crate::args::{Ask, Format, VariantArgs};
use crate::crash::{self, Crash, What};
use crate::interrupt::Interrupt;
use crate::minimise::Limits;
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use group::Group;
use index::Index;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk triage fuzz/artifacts/race --kernel seed-v3
  cargo racewalk triage afl-out/default/crashes target/findings --out target/triage
  cargo racewalk triage target/crashes --jobs 2 --format json

It takes .rw files, libFuzzer's crash-*, timeout-* and oom-*, and AFL's id:*, below the folders. Each is run twice and
made small; those with the same oracle and the same racing functions are a group; one of each group is run 100 times,
and explained in OUT/GROUP/report.{txt,json,html}. What an engine saves does not name its kernel: say --kernel and
--without as for the engine. It can be interrupted: the same command goes on where it stopped.
Exit code: 0 nothing fails, 1 something does, 2 could not.";

/// Groups crashes by what is wrong, makes one of each group small, and reports.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folders of crashes, or files.
    #[arg(required = true, value_name = "DIR")]
    paths: Vec<PathBuf>,
    /// Where the reports go.
    #[arg(long, value_name = "DIR", default_value = "target/triage")]
    out: PathBuf,
    #[command(flatten)]
    variant: VariantArgs,
    /// How long one crash may be made small for.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Crashes at the same time; by default as many as there are processors.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// What is remembered of each crash.
const MEMORY: &str = "crashes.jsonl";

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let ask = args.variant.ask()?;
    let mut files = Vec::new();
    for path in &args.paths {
        crash::collect(path, &mut files).map_err(|error| Refusal::io(path, &error))?;
    }
    let refuse = |error: std::io::Error| Refusal::io(&args.out, &error);
    fs::create_dir_all(&args.out).map_err(refuse)?;
    let progress = args.progress.start();
    let interrupt = Interrupt::listen();
    let memory = args.out.join(MEMORY);
    let known = remembered(&memory);
    let mut append = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&memory)
        .map_err(|error| Refusal::io(&memory, &error))?;
    let limits = Limits { time: Duration::from_secs(args.seconds), ..Limits::default() };
    let work = Work { files: &files, ask: &ask, limits, known: &known, interrupt: &interrupt };
    let jobs = args.jobs.or(thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let crashes = examine(&work, jobs, &mut append, &progress)
        .map_err(|error| Refusal::io(&memory, &error))?;
    let mut groups: BTreeMap<&str, Vec<(&Path, &crash::Failing)>> = BTreeMap::new();
    for crash in crashes.values() {
        if let What::Failing(failing) = &crash.what {
            groups.entry(&failing.signature).or_default().push((&crash.file, failing));
        }
    }
    let fails = !groups.is_empty();
    let mut done = Vec::new();
    let mut machine = Machine::new();
    let count = groups.len();
    for (n, (signature, members)) in groups.into_iter().enumerate() {
        if interrupt.came() {
            break;
        }
        progress.tick(|| format!("report {} of {count}: {signature}", n + 1));
        let taken = |folder: &str| done.iter().any(|group: &Group| group.folder == folder);
        let group = Group::of(&mut machine, signature, &members, &args.out, &taken)?;
        done.push(group);
    }
    progress.finish();
    let index = Index::new(done, &crashes, files.len(), interrupt.came());
    index.write(&args.out).map_err(refuse)?;
    let mut stdout = std::io::stdout().lock();
    match args.format {
        Format::Text => {
            let page = args.out.join("index.html");
            writeln!(stdout, "{}reports: {}", index.text(), page.display())?;
        }
        Format::Json => writeln!(stdout, "{:#}", index.json())?,
    }
    Ok(ExitCode::from(u8::from(fails)))
}

/// What is known of crashes from an earlier time, by key. A line that was cut off is done again.
fn remembered(memory: &Path) -> HashMap<String, Crash> {
    let text = fs::read_to_string(memory).unwrap_or_default();
    let crashes = text
        .lines()
        .filter_map(|line| Crash::from_json(&serde_json::from_str::<Value>(line).ok()?));
    crashes.map(|crash| (crash.key.clone(), crash)).collect()
}

/// The files to be looked at.
struct Work<'a> {
    files: &'a [PathBuf],
    ask: &'a Ask,
    limits: Limits,
    known: &'a HashMap<String, Crash>,
    interrupt: &'a Interrupt,
}

impl Work<'_> {
    /// The crash in a file, and whether it was known.
    fn one(&self, machine: &mut Machine, file: &Path) -> (Crash, bool) {
        let known = crash::key(file, self.ask).ok().and_then(|key| self.known.get(&key));
        match known {
            Some(known) => (Crash { file: file.to_owned(), ..known.clone() }, true),
            None => (Crash::examine(machine, file, self.ask, &self.limits), false),
        }
    }
}

/// Looks at all files, some at the same time, and writes down what each is as soon as it is known.
fn examine(
    work: &Work<'_>,
    jobs: usize,
    append: &mut File,
    progress: &Progress,
) -> std::io::Result<BTreeMap<usize, Crash>> {
    let next = AtomicUsize::new(0);
    let (sender, found) = mpsc::channel();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let mut machine = Machine::new();
                while !work.interrupt.came() {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = work.files.get(n) else { return };
                    if sender.send((n, work.one(&mut machine, file))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut crashes = BTreeMap::new();
        loop {
            match found.recv_timeout(Duration::from_millis(200)) {
                Ok((n, (crash, known))) => {
                    if !known && !crash.key.is_empty() {
                        writeln!(append, "{}", crash.to_json())?;
                    }
                    crashes.insert(n, crash);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            progress.tick(|| {
                let seconds = begun.elapsed().as_secs();
                format!("{} of {} crashes, {seconds} s", crashes.len(), work.files.len())
            });
        }
        append.flush()?;
        Ok(crashes)
    })
}
