//! The verb `coverage`: which interleaving points the corpus and a random campaign reach, and who met whom there.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use racewalk::prog::Program;
use racewalk::sched::{Bounded, Frontier};
use racewalk::{Machine, Options, Outcome, Variant};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use crate::args::{Ask, Format, VariantArgs};
use crate::coverage::{Partner, Passage, Reach, Row, rows};
use crate::engine::Checkout;
use crate::explore;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use crate::search::{Search, draw};
use crate::source::{self, Source};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk coverage                                    the corpus, each file with its own schedule
  cargo racewalk coverage --seconds 60 --kernel fixed        and random programs for a minute
  cargo racewalk coverage corpus/litmus/collapse --preemptions 1
  cargo racewalk coverage --seconds 20 --format json > coverage.json

An operation stands at a label from when it passes it to its next step; it meets whoever takes a step meanwhile on an
object that it touches too. A star marks the points of section 19 of the semantics at which a lock was just dropped, or
what was read without a lock is about to be used.
Exit code: 0; with --strict 1, if nobody was met at a star and no reason is given why not; 2 could not run.";

/// Says which interleaving points were reached, and who met whom there.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Programs, and folders that are searched for .rw files; without any the corpus.
    paths: Vec<PathBuf>,
    #[command(flatten)]
    variant: VariantArgs,
    /// Then run random programs for so long.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seconds: u64,
    /// Where the random programs start.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Run each program under all schedules with at most so many preemptions, instead of its own.
    #[arg(long, value_name = "K")]
    preemptions: Option<u32>,
    /// Fail if nobody was met at a star and no reason is given why not.
    #[arg(long)]
    strict: bool,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Runs between two looks at the clock.
const RUNS_A_LOOK: u64 = 64;

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let ask = args.variant.ask()?;
    let mut files = Vec::new();
    if args.paths.is_empty() {
        source::collect(&Checkout::find()?.corpus(), &mut files)?;
    }
    for path in &args.paths {
        source::collect(path, &mut files)?;
    }
    let mut work = Work {
        machine: Machine::new(),
        reach: Reach::default(),
        progress: args.progress.start(),
        interrupt: Interrupt::listen(),
    };
    for path in &files {
        let mut program = Source::read(path)?.document.program;
        ask.apply(&mut program);
        match args.preemptions {
            Some(bound) => work.explore(&program, bound),
            None => work.run(&program, &Options::default()),
        }
    }
    let corpus = work.reach.runs;
    work.campaign(args, &ask);
    work.progress.finish();
    let reach = &work.reach;
    let rows = rows(reach);
    let report = Report { files: files.len(), corpus, reach, rows: &rows };
    let mut out = stdout().lock();
    match args.format {
        Format::Text => report.print(&mut out)?,
        Format::Json => writeln!(out, "{:#}", report.json())?,
    }
    let faults = rows.iter().any(|row| row.fault().is_some());
    Ok(ExitCode::from(u8::from(args.strict && faults)))
}

/// The runs, and what they reached.
struct Work {
    machine: Machine,
    reach: Reach,
    progress: Progress,
    interrupt: Interrupt,
}

impl Work {
    fn run(&mut self, program: &Program, options: &Options) {
        let options = Options { record: true, ..options.clone() };
        let outcome = self.machine.run(program, &options);
        self.take_in(program, &outcome);
    }

    fn take_in(&mut self, program: &Program, outcome: &Outcome) {
        if let Some(trace) = &outcome.trace {
            self.reach.take_in(program, trace.events());
        }
    }

    fn explore(&mut self, program: &Program, bound: u32) {
        let variant = Some(Variant::of(program));
        let options = Options { record: true, variant, ..Options::default() };
        let environment = explore::environment(program);
        let mut frontier = Frontier::new(bound, program.cpus.len(), environment);
        let mut bounded = Bounded::default();
        while frontier.next(&mut bounded) && !self.interrupt.came() {
            let outcome = self.machine.run_bounded(program, &options, &mut bounded);
            if frontier.ran(bounded.log()) {
                self.take_in(program, &outcome);
            }
            self.tell();
        }
    }

    fn campaign(&mut self, args: &Args, ask: &Ask) {
        let (begun, most) = (Instant::now(), Duration::from_secs(args.seconds));
        let variant = Some(ask.variant());
        let options = Options { variant, ..Options::default() };
        let search = Search { ask: ask.clone(), seed: args.seed, ..Search::default() };
        let mut source = ChaCha8Rng::seed_from_u64(args.seed);
        for n in 0.. {
            if n % RUNS_A_LOOK == 0 && (begun.elapsed() >= most || self.interrupt.came()) {
                return;
            }
            let mut program = draw(&mut source, &search, n);
            program.head.axes = program.head.axes.with(&ask.axes);
            self.run(&program, &options);
            self.tell();
        }
    }

    fn tell(&self) {
        if self.reach.runs.is_multiple_of(RUNS_A_LOOK) {
            let passages = self.reach.passages.len();
            self.progress.tick(|| format!("{} runs, {passages} passages", self.reach.runs));
        }
    }
}

/// What is to be said.
struct Report<'a> {
    files: usize,
    corpus: u64,
    reach: &'a Reach,
    rows: &'a [Row<'a>],
}

/// Partners that the text names before it only counts them.
const PARTNERS_MAX: usize = 4;

impl Report<'_> {
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut operation = "";
        for row in self.rows.iter().filter(|row| !row.passages.is_empty()) {
            if row.point.operation != operation {
                operation = row.point.operation;
                writeln!(out, "{operation}")?;
            }
            let star = if row.point.star { "*" } else { "" };
            writeln!(out, "  {}{star}", row.point.label)?;
            for (op, passage) in &row.passages {
                let Passage { runs, live, met } = passage;
                writeln!(
                    out,
                    "    {op:24} {runs:>8} runs, {live:>8} with others live, {:>4} partners{}",
                    met.len(),
                    most_frequent(passage)
                )?;
            }
        }
        self.print_sum(out)
    }

    fn print_sum(&self, out: &mut impl Write) -> std::io::Result<()> {
        let stars = || self.rows.iter().filter(|row| row.point.star);
        let missing: Vec<&Row<'_>> = stars().filter(|row| row.is_missing()).collect();
        if !missing.is_empty() {
            writeln!(out, "\nstars at which nobody was met:")?;
        }
        for row in missing {
            let why = row.fault().or(row.point.reason).unwrap_or_default();
            writeln!(out, "  {:20} {:24} {why}", row.point.label, row.point.operation)?;
        }
        for row in self.rows.iter().filter(|row| !row.is_missing()) {
            if let Some(fault) = row.fault() {
                writeln!(out, "  {:20} {:24} {fault}", row.point.label, row.point.operation)?;
            }
        }
        let pairs: usize = self.rows.iter().map(Row::pairs).sum();
        writeln!(
            out,
            "\n{} files in {} runs, {} random runs",
            self.files,
            self.corpus,
            self.reach.runs - self.corpus
        )?;
        writeln!(
            out,
            "{} of {} labels passed, somebody was met at {} of {} stars, {pairs} pairs",
            self.rows.iter().filter(|row| !row.passages.is_empty()).count(),
            self.rows.len(),
            stars().filter(|row| !row.is_missing()).count(),
            stars().count(),
        )
    }

    fn json(&self) -> Value {
        let partner = |(Partner { op, label }, runs): (&Partner, &u64)| json!({ "op": op, "label": label, "runs": runs });
        let passage = |(op, passage): &(&str, &Passage)| {
            json!({
                "op": op,
                "runs": passage.runs,
                "others_live": passage.live,
                "met": passage.met.iter().map(partner).collect::<Vec<_>>(),
            })
        };
        let row = |row: &Row<'_>| {
            json!({
                "label": row.point.label,
                "operation": row.point.operation,
                "star": row.point.star,
                "reason": row.point.reason,
                "fault": row.fault(),
                "passages": row.passages.iter().map(passage).collect::<Vec<_>>(),
            })
        };
        json!({
            "files": self.files,
            "corpus_runs": self.corpus,
            "random_runs": self.reach.runs - self.corpus,
            "pairs": self.rows.iter().map(Row::pairs).sum::<usize>(),
            "labels": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

/// The partners that were met in most runs, in words.
fn most_frequent(passage: &Passage) -> String {
    let mut partners: Vec<(&Partner, &u64)> = passage.met.iter().collect();
    partners.sort_by_key(|(_, runs)| std::cmp::Reverse(**runs));
    let named = partners.iter().take(PARTNERS_MAX).map(|(partner, _)| match partner.label {
        Some(label) => format!("{} at {label}", partner.op),
        None => partner.op.clone(),
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) }
}
