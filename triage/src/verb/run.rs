//! The verb `run`: random programs without an engine.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::args::{Format, VariantArgs};
use crate::case::Case;
use crate::finding::{self, FOLDER};
use crate::known::KnownArgs;
use crate::minimise::Limits;
use crate::progress::ProgressArgs;
use crate::refusal::Refusal;
use crate::report;
use crate::search::{STAGES, Search, SearchResult, Strategy, Threads, search};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk run                                         10 seconds on v6.6
  cargo racewalk run --without recheck_page --seconds 60     what breaks without the check in step 2
  cargo racewalk run --policy pct --runs 100000 --seed 7     the same programs and schedules each time
  cargo racewalk run --policy pos --without recheck_page     under partial order sampling
  cargo racewalk run --kernel v6.6 --all-findings            stop at what is in corpus/found too
  cargo racewalk run --threads os --seconds 60               on threads that nobody schedules

It stops at the first violation that corpus/found does not show already, which is replayed, made small, explained and saved below target/findings.
Exit code: 0 nothing found, 1 found, 2 could not run.";

/// Without --runs and --seconds.
const SECONDS: u64 = 10;

/// Searches with random programs, without an engine.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    variant: VariantArgs,
    /// How schedules are drawn.
    #[arg(long, value_enum, default_value_t)]
    policy: Strategy,
    /// At most so many programs.
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// At most so long; 10 if there is no --runs.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Where the random programs start.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// What the CPUs run on.
    #[arg(long, value_enum, default_value_t)]
    threads: Threads,
    #[command(flatten)]
    known: KnownArgs,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let seconds = args.seconds.or(args.runs.is_none().then_some(SECONDS));
    let ask = args.variant.ask()?;
    let asked = Search {
        known: args.known.of(ask.variant().era)?,
        ask,
        strategy: args.policy,
        threads: args.threads,
        seed: args.seed,
        runs: args.runs,
        time: seconds.map(Duration::from_secs),
    };
    let progress = args.progress.start();
    let result = search(&asked, &progress);
    progress.finish();
    let case = result
        .finding
        .as_ref()
        .map(|finding| Case::work_up(finding, &Limits::default(), &progress));
    let folder = Path::new(FOLDER);
    let path = match &case {
        Some(case) => {
            Some(finding::save(case, folder).map_err(|error| Refusal::io(folder, &error))?)
        }
        None => None,
    };
    let mut out = stdout().lock();
    let found = case.as_ref().zip(path.as_deref());
    match args.format {
        Format::Text => {
            if let Some((case, path)) = found {
                report::print(case, path, &mut out)?;
                writeln!(out)?;
            }
            print(&asked, &result, &mut out)?;
        }
        Format::Json => writeln!(out, "{:#}", as_json(&asked, &result, found))?,
    }
    Ok(ExitCode::from(u8::from(result.finding.is_some() || result.unconducted.is_some())))
}

fn print(asked: &Search, result: &SearchResult, out: &mut impl Write) -> std::io::Result<()> {
    if let Some((program, violation)) = &result.unconducted {
        write!(out, "{}", racewalk::print_program(program))?;
        writeln!(out, "\n{}: {}", violation.oracle.name, violation.detail)?;
        writeln!(out, "On OS threads nobody decides who runs: this cannot be repeated at will.\n")?;
    }
    let (runs, seconds) = (result.runs, result.elapsed.as_secs_f64());
    writeln!(out, "kernel: {}, seed {}", asked.ask.variant(), asked.seed)?;
    writeln!(out, "{runs} runs in {seconds:.1} s, {:.0} runs/s", result.rate())?;
    if result.known > 0 {
        writeln!(out, "known findings met: {}", result.known)?;
    }
    if asked.threads == Threads::Fibres {
        let mean = |sum: u64| sum as f64 / runs.max(1) as f64;
        let (steps, ops) = (mean(result.steps), mean(result.ops));
        writeln!(out, "{} steps, {steps:.0} a run; {ops:.1} operations a run", result.steps)?;
        let shares: Vec<String> = STAGES
            .iter()
            .enumerate()
            .map(|(n, stage)| format!("{stage} {:.1} %", result.share(n)))
            .collect();
        writeln!(out, "reached while another CPU was live: {}", shares.join(", "))?;
    }
    let verdict = match (&result.finding, &result.unconducted) {
        (Some(finding), _) => finding.signature.oracle,
        (None, Some((_, violation))) => violation.oracle.name,
        (None, None) => "clean",
    };
    writeln!(out, "verdict: {verdict}")
}

fn as_json(asked: &Search, result: &SearchResult, found: Option<(&Case, &Path)>) -> Value {
    let reached: serde_json::Map<String, Value> = STAGES
        .iter()
        .enumerate()
        .map(|(n, &stage)| (stage.to_owned(), json!(result.stages[n])))
        .collect();
    let unconducted = result.unconducted.as_ref();
    json!({
        "kernel": asked.ask.variant().era.name(),
        "without": asked.ask.variant().without.iter().map(|step| step.name).collect::<Vec<_>>(),
        "seed": asked.seed,
        "runs": result.runs,
        "steps": result.steps,
        "operations": result.ops,
        "seconds": result.elapsed.as_secs_f64(),
        "runs_per_second": result.rate(),
        "reached": reached,
        "known_findings_met": result.known,
        "finding": found.map(|(case, path)| report::json(case, path)),
        "unconducted": unconducted.map(|(program, violation)| json!({
            "oracle": violation.oracle.name,
            "detail": violation.detail,
            "program": racewalk::print_program(program),
        })),
    })
}
