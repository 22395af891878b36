//! The verb `ablate`: leaves out one protection after the other and says what breaks.

mod hunt;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use racewalk::{Era, PROTECTIONS, Protection};
use serde_json::{Value, json};

use crate::args::{Format, VariantArgs};
use crate::case::Case;
use crate::engine::{Checkout, Engine, Feedback, Install};
use crate::finding;
use crate::known::Known;
use crate::minimise::{Limits, Shape};
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use hunt::{Found, Hunt, Means};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk ablate --seconds 60                 every protection of fixed, a minute each at most
  cargo racewalk ablate --kernel seed-v3 --jobs 2    of the patch as posted, two at a time
  cargo racewalk ablate --only recheck_page --only clear_pte
  cargo racewalk ablate --format json > broken.json";

/// How long a finding may be shrunk for.
const SHRINK: Duration = Duration::from_secs(20);
/// Where findings are kept.
const FOLDER: &str = "target/findings";
/// Entries of a table, unless something else is asked for.
const HPN: u16 = 4;

/// Leave out one protection after the other and say what breaks.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The kernel whose protections are left out (see `racewalk list kernels`).
    #[arg(long, value_name = "KERNEL", default_value = "fixed")]
    kernel: String,
    /// How long to search without each.
    #[arg(long, value_name = "N", default_value = "60", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Only this protection; may be repeated (see `racewalk list steps`).
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Protections at the same time.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// How to search; by default at random for half the time, then with libFuzzer if it is installed.
    #[arg(long, value_name = "ENGINE")]
    engine: Option<Means>,
    /// Base pages to a huge page: 4, 8 or 512; 4 by default.
    #[arg(long, value_name = "N")]
    hpn: Option<u16>,
    /// Where the randomness comes from.
    #[arg(long, value_name = "S", default_value = "1")]
    seed: u64,
    /// How the answer is written.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// A protection that was left out, and what came of it.
#[derive(Debug)]
struct Row {
    protection: &'static Protection,
    runs: u64,
    seconds: f64,
    broken: Option<Broken>,
}

/// What breaks without it.
#[derive(Debug)]
struct Broken {
    oracle: &'static str,
    function: &'static str,
    means: Means,
    shape: Shape,
    file: String,
}

/// Runs the verb.
pub(crate) fn run(args: Args) -> Result<ExitCode, Refusal> {
    let asked = VariantArgs {
        kernel: Some(args.kernel.clone()),
        without: args.only.clone(),
        zoo: vec![],
        hpn: args.hpn,
        set: vec![],
    };
    let ask = asked.ask()?;
    let era = ask.variant().era;
    let protections = if ask.without.is_empty() { protections_of(era) } else { ask.without };
    let progress = args.progress.start();
    let hunt = Hunt {
        era,
        hpn: ask.hpn.unwrap_or(HPN),
        means: args.engine,
        engine: engine(&args, &progress)?,
        known: Known::of(era)?,
        seed: args.seed,
        time: Duration::from_secs(args.seconds),
    };
    let next = AtomicUsize::new(0);
    let (sender, rows) = mpsc::channel();
    let rows = thread::scope(|scope| {
        for _ in 0..args.jobs.get() {
            let (sender, hunt, next, protections) = (sender.clone(), &hunt, &next, &protections);
            scope.spawn(move || {
                while let Some((n, protection)) = take(next, protections) {
                    // The table is gone if somebody else has failed; then so is the reason to go on.
                    if sender.send((n, row(hunt, protection))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        gather(&rows, args.format, &protections, &progress)
    })?;
    progress.finish();
    let broken = rows.iter().filter(|row| row.broken.is_some()).count();
    match args.format {
        Format::Text => println!("broken: {broken} of {}", rows.len()),
        Format::Json => {
            let rows: Vec<Value> = rows.iter().map(Row::json).collect();
            println!(
                "{}",
                json!({ "kernel": era.name(), "seconds": args.seconds, "broken": broken, "of": rows.len(), "rows": rows })
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn protections_of(era: Era) -> Vec<&'static Protection> {
    PROTECTIONS.iter().filter(|protection| protection.eras.contains(&era)).collect()
}

/// The engine, if it is wanted: installed if it was asked for by name, used if it happens to be there otherwise.
fn engine(args: &Args, progress: &Progress) -> Result<Option<(Checkout, Engine)>, Refusal> {
    let install = match args.engine {
        Some(Means::Random) => return Ok(None),
        Some(Means::Libfuzzer) => Install::IfMissing,
        None => Install::Never,
    };
    match Checkout::find() {
        Ok(checkout) => {
            Ok(Engine::build(&checkout, "race", Feedback::Interleaving, install, progress)?
                .map(|engine| (checkout, engine)))
        }
        Err(_) if install == Install::Never => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

fn take(
    next: &AtomicUsize,
    protections: &[&'static Protection],
) -> Option<(usize, &'static Protection)> {
    let n = next.fetch_add(1, Ordering::Relaxed);
    protections.get(n).map(|&protection| (n, protection))
}

/// Searches without one protection; shrinks and saves what is found.
fn row(hunt: &Hunt, protection: &'static Protection) -> Result<Row, Refusal> {
    let Found { runs, elapsed, finding } = hunt.without(protection)?;
    let mut row = Row { protection, runs, seconds: elapsed.as_secs_f64(), broken: None };
    if let Some((finding, means)) = finding {
        let limits = Limits { time: SHRINK, ..Limits::default() };
        let case = Case::work_up(&finding, &limits, &Progress::none());
        let folder = Path::new(FOLDER);
        let path = finding::save(&case, folder).map_err(|error| Refusal::io(folder, &error))?;
        row.broken = Some(Broken {
            oracle: case.finding.signature.oracle,
            function: case.finding.signature.function,
            means,
            shape: case.minimised.after,
            file: path.display().to_string(),
        });
    }
    Ok(row)
}

/// Takes in the rows as they come, and prints each as soon as all before it are there.
fn gather(
    incoming: &Receiver<(usize, Result<Row, Refusal>)>,
    format: Format,
    protections: &[&'static Protection],
    progress: &Progress,
) -> Result<Vec<Row>, Refusal> {
    let mut rows: Vec<Option<Row>> = protections.iter().map(|_| None).collect();
    let mut printed = 0;
    let begun = Instant::now();
    if format == Format::Text {
        println!("{}", HEADINGS);
    }
    while printed < rows.len() {
        match incoming.recv_timeout(Duration::from_millis(200)) {
            Ok((n, row)) => rows[n] = Some(row?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        while let Some(Some(row)) = rows.get(printed) {
            if format == Format::Text {
                println!("{}", row.text());
            }
            printed += 1;
        }
        let done = rows.iter().flatten().count();
        let broken = rows.iter().flatten().filter(|row| row.broken.is_some()).count();
        progress.tick(|| {
            let doing = protections.get(printed).map_or("", |protection| protection.name);
            format!(
                "{done} of {} done, {broken} broken, at {doing}, {} s",
                rows.len(),
                begun.elapsed().as_secs()
            )
        });
    }
    Ok(rows.into_iter().flatten().collect())
}

const HEADINGS: &str = "protection              what breaks                          runs   seconds  ops  decisions  file";

impl Row {
    fn text(&self) -> String {
        let mut line = format!("{:<23} ", self.protection.name);
        // To write into a string does not fail.
        let _ = match &self.broken {
            Some(broken) => write!(
                line,
                "{:<29} {:>11} {:>9.2} {:>4} {:>10}  {}",
                broken.oracle,
                self.runs,
                self.seconds,
                broken.shape.ops,
                broken.shape.decisions,
                broken.file
            ),
            None => write!(line, "nothing found in {:.0} s, {} runs", self.seconds, self.runs),
        };
        line
    }

    fn json(&self) -> Value {
        let mut row = json!({
            "protection": self.protection.name,
            "about": self.protection.about,
            "runs": self.runs,
            "seconds": self.seconds,
            "broken": self.broken.is_some(),
        });
        if let Some(broken) = &self.broken {
            row["oracle"] = json!(broken.oracle);
            row["function"] = json!(broken.function);
            row["engine"] = json!(broken.means.name());
            row["cpus"] = json!(broken.shape.cpus);
            row["ops"] = json!(broken.shape.ops);
            row["decisions"] = json!(broken.shape.decisions);
            row["file"] = json!(broken.file);
        }
        row
    }
}
