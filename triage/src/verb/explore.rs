//! The verb `explore`: runs all schedules of a program that preempt at most so often.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use racewalk::{Machine, Variant};
use serde_json::{Value, json};

use crate::args::{Format, VariantArgs};
use crate::case::Case;
use crate::explore::{Exploration, Explored, Why};
use crate::finding::{self, FOLDER};
use crate::interrupt::Interrupt;
use crate::known::{Known, KnownArgs};
use crate::minimise::Limits;
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use crate::report;
use crate::source::{self, Source};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk explore corpus/litmus/review/recheck_page.rw           finds it with one preemption
  cargo racewalk explore FILE --kernel fixed --preemptions 3            there is nothing up to three
  cargo racewalk explore FILE --kernel fixed --without second_look      what breaks without it
  cargo racewalk explore corpus/litmus/collapse --kernel fixed --preemptions 1

To preempt is to switch away from a CPU that could go on; whom to let go when one blocks or ends costs nothing, and all
are tried. A CPU that does nothing but tlb_fill, tlb_evict, rcu_gp, lru_drain and context_switch costs nothing either:
it comes in at every step, for one operation at a time. The file's own schedule is not looked at.
Exit code: 0 nothing found, 1 found, 2 could not run, or was interrupted.";

/// Runs all schedules of a program that preempt at most so often.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Programs, as text or bytes, and folders that are searched for .rw files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    variant: VariantArgs,
    /// Preemptions of a schedule, at most.
    #[arg(long, value_name = "K", default_value_t = 2)]
    preemptions: u32,
    /// Schedules of a program, at most: if there are more, the rest gives way to --random.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max: u64,
    /// Random schedules, if there are more than --max.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    random: u64,
    /// At most so long for a program.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    #[command(flatten)]
    known: KnownArgs,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// One program that was explored.
#[derive(Debug)]
struct Row {
    path: PathBuf,
    variant: Variant,
    explored: Explored,
    /// The finding worked up, and where it was saved.
    case: Option<(Box<Case>, PathBuf)>,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let mut files = Vec::new();
    for path in &args.paths {
        source::collect(path, &mut files)?;
    }
    let progress = args.progress.start();
    let interrupt = Interrupt::listen();
    let mut machine = Machine::new();
    let mut rows: Vec<Row> = Vec::new();
    let single = files.len() == 1;
    for path in files {
        let row = explore(args, path, &mut machine, &interrupt, &progress)?;
        if !single && args.format == Format::Text {
            writeln!(stdout(), "{}", in_a_line(args, &row))?;
        }
        rows.push(row);
        if interrupt.came() {
            break;
        }
    }
    progress.finish();
    let mut out = stdout().lock();
    match (args.format, rows.as_slice()) {
        (Format::Json, _) => writeln!(out, "{:#}", as_json(args, &rows))?,
        (Format::Text, [row]) if single => print(args, row, &mut out)?,
        (Format::Text, _) => print_sum(&rows, &mut out)?,
    }
    let has = |why| rows.iter().any(|row| row.explored.why == why);
    Ok(ExitCode::from(match () {
        () if has(Why::Found) => 1,
        () if has(Why::Interrupted) => 2,
        () => 0,
    }))
}

fn explore(
    args: &Args,
    path: PathBuf,
    machine: &mut Machine,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<Row, Refusal> {
    let ask = args.variant.ask()?;
    let mut program = Source::read(&path)?.document.program;
    ask.apply(&mut program);
    let variant = Variant::of(&program);
    let known: Known = args.known.of(variant.era)?;
    let asked = Exploration {
        bound: args.preemptions,
        most: args.max,
        random: args.random,
        time: args.seconds.map(Duration::from_secs),
        known: &known,
        interrupt,
    };
    let explored = asked.of(machine, &path.display().to_string(), &program, progress);
    let case = match &explored.finding {
        Some(finding) => {
            let case = Case::work_up(finding, &Limits::default(), progress);
            let folder = Path::new(FOLDER);
            let saved =
                finding::save(&case, folder).map_err(|error| Refusal::io(folder, &error))?;
            Some((Box::new(case), saved))
        }
        None => None,
    };
    Ok(Row { path, variant, explored, case })
}

impl Row {
    fn verdict(&self) -> String {
        match &self.explored.finding {
            Some(finding) => finding.signature.oracle.to_owned(),
            None => "clean".to_owned(),
        }
    }

    /// How much of the search was done, in words that follow a number of schedules.
    fn extent(&self, args: &Args) -> String {
        let within = |bound: usize| format!("all with at most {}", preemptions(bound));
        let done = match self.explored.complete.checked_sub(1) {
            Some(bound) => within(bound),
            None => "not even all without a preemption".to_owned(),
        };
        match self.explored.why {
            Why::All => within(args.preemptions as usize),
            Why::TooMany(least) => format!(
                "{done}; with at most {} there are at least {least}, so {} random ones were run",
                args.preemptions, self.explored.random
            ),
            Why::Found => "then a violation".to_owned(),
            Why::Time => format!("{done}; the time was up"),
            Why::Interrupted => format!("{done}; interrupted"),
        }
    }
}

fn preemptions(count: usize) -> String {
    format!("{count} preemption{}", if count == 1 { "" } else { "s" })
}

fn print(args: &Args, row: &Row, out: &mut impl Write) -> std::io::Result<()> {
    let explored = &row.explored;
    if let Some((case, saved)) = &row.case {
        report::print(case, saved, out)?;
        writeln!(out)?;
    }
    writeln!(out, "kernel: {}", row.variant)?;
    for (bound, count) in explored.schedules.iter().enumerate() {
        let complete = if bound < explored.complete { "" } else { ", not complete" };
        writeln!(out, "  {:14} {count:>9} schedules{complete}", preemptions(bound))?;
    }
    writeln!(out, "{} schedules: {}", explored.total(), row.extent(args))?;
    let seconds = explored.elapsed.as_secs_f64();
    let mean = explored.steps / explored.runs.max(1);
    writeln!(
        out,
        "{} runs in {seconds:.1} s, {:.0} runs/s, {mean} steps a run",
        explored.runs,
        explored.rate()
    )?;
    if explored.known > 0 {
        writeln!(out, "known findings met: {}", explored.known)?;
    }
    writeln!(out, "verdict: {}", row.verdict())
}

fn in_a_line(args: &Args, row: &Row) -> String {
    let mut line = format!(
        "{}: {}, {} schedules, {}",
        row.path.display(),
        row.verdict(),
        row.explored.total(),
        row.extent(args)
    );
    if row.explored.known > 0 {
        line += &format!(", known findings met {} times", row.explored.known);
    }
    if let Some((_, saved)) = &row.case {
        line += &format!(": cargo racewalk replay {}", saved.display());
    }
    line
}

fn print_sum(rows: &[Row], out: &mut impl Write) -> std::io::Result<()> {
    let sum = |of: fn(&Explored) -> u64| rows.iter().map(|row| of(&row.explored)).sum::<u64>();
    let seconds: f64 = rows.iter().map(|row| row.explored.elapsed.as_secs_f64()).sum();
    let count =
        |wanted: fn(Why) -> bool| rows.iter().filter(|row| wanted(row.explored.why)).count();
    writeln!(
        out,
        "{} files, {} of them completely; {} schedules and {} random ones in {seconds:.1} s, {:.0} runs/s; {} violations",
        rows.len(),
        count(|why| why == Why::All),
        sum(Explored::total),
        sum(|explored| explored.random),
        sum(|explored| explored.runs) as f64 / seconds.max(1e-6),
        count(|why| why == Why::Found),
    )
}

fn as_json(args: &Args, rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let explored = &row.explored;
        let (ended, least) = match explored.why {
            Why::All => ("complete", None),
            Why::TooMany(least) => ("too_many", Some(least)),
            Why::Found => ("found", None),
            Why::Time => ("time", None),
            Why::Interrupted => ("interrupted", None),
        };
        json!({
            "file": row.path,
            "kernel": row.variant.era.name(),
            "without": row.variant.without.iter().map(|step| step.name).collect::<Vec<_>>(),
            "verdict": row.verdict(),
            "ended": ended,
            "schedules": explored.schedules,
            "complete": explored.complete,
            "at_least": least,
            "random": explored.random,
            "runs": explored.runs,
            "steps": explored.steps,
            "seconds": explored.elapsed.as_secs_f64(),
            "runs_per_second": explored.rate(),
            "known_findings_met": explored.known,
            "finding": row.case.as_ref().map(|(case, saved)| report::json(case, saved)),
        })
    };
    let schedules: u64 = rows.iter().map(|row| row.explored.total()).sum();
    json!({
        "preemptions": args.preemptions,
        "max": args.max,
        "files": rows.iter().map(row).collect::<Vec<_>>(),
        "schedules": schedules,
        "violations": rows.iter().filter(|row| row.explored.why == Why::Found).count(),
    })
}
