//! The verb `fuzz`: builds a target, lets the engine search, and works up what it finds.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use racewalk::{Machine, prog};

use crate::args::{Ask, VariantArgs};
use crate::case::Case;
use crate::engine::{Campaign, Checkout, Ended, Engine, Feedback, Input, Install, TARGETS};
use crate::finding::{self, Finding};
use crate::known::KnownArgs;
use crate::minimise::Limits;
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use crate::{report, seeds};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk fuzz --kernel seed-v3 --seconds 60         the bug that the patch's reviewer found
  cargo racewalk fuzz --without recheck_page --seconds 60   what breaks without the check in step 2
  cargo racewalk fuzz --jobs 2 --set ptlock=none            two processes, one lock for all tables
  cargo racewalk fuzz --kernel v6.6 --all-findings          stop at what is in corpus/found too
  cargo racewalk fuzz --no-seeds --runs 1000000 --seed 7    from nothing, and repeatable

Exit code: 0 nothing found, 1 found, 2 could not run.";

/// Where findings are kept.
const FOLDER: &str = "target/findings";

/// Search with a coverage-guided engine; stop at the first violation and explain it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to fuzz: `racewalk list` names the targets
    #[arg(default_value = "race")]
    target: String,
    #[command(flatten)]
    variant: VariantArgs,
    /// Stop after so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Stop after so many runs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// Where the randomness comes from; by default the clock.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Processes at the same time.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// Let libFuzzer see edges of the code too, not interleavings only; needs cargo-fuzz, which is installed into
    /// target/tools if it is missing.
    #[arg(long)]
    coverage: bool,
    /// Start from nothing instead of the corpus.
    #[arg(long)]
    no_seeds: bool,
    #[command(flatten)]
    known: KnownArgs,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Runs the verb.
pub(crate) fn run(args: Args) -> Result<ExitCode, Refusal> {
    let ask = args.variant.ask()?;
    has_target(&args.target)?;
    let known = args.known.of(ask.variant().era)?;
    let checkout = Checkout::find()?;
    let progress = args.progress.start();
    let feedback = if args.coverage { Feedback::Coverage } else { Feedback::Interleaving };
    let engine = Engine::build(&checkout, &args.target, feedback, Install::IfMissing, &progress)?
        .ok_or_else(|| Refusal::new("there is no engine"))?;
    let scratch = checkout.scratch()?;
    let folder = scratch.folder(&format!("seeds/{}", args.target))?;
    if !args.no_seeds {
        say(&seeds::pack(&checkout.corpus(), &ask, &folder)?, &progress);
    }
    let seed = args.seed.unwrap_or_else(by_the_clock);
    progress.line(&format!("fuzzing {} on {}, seed {seed}", args.target, ask.variant()));
    let campaign = Campaign {
        ask: &ask,
        known: &known,
        scratch: &scratch,
        seeds: (!args.no_seeds).then_some(&folder),
        time: args.seconds.map(Duration::from_secs),
        runs: args.runs,
        seed,
        jobs: args.jobs.get(),
    };
    let ended = engine.run(&campaign, &progress)?;
    let code = conclude(&ended, &ask, &progress)?;
    Ok(code)
}

/// Refuses a target that there is not.
fn has_target(target: &str) -> Result<(), Refusal> {
    if TARGETS.iter().any(|(name, _)| *name == target) {
        return Ok(());
    }
    Err(Refusal::unknown("target", target, TARGETS.iter().map(|(name, _)| *name)))
}

fn say(packed: &seeds::Packed, progress: &Progress) {
    progress.line(&match packed.reproducers {
        0 => format!("{} seeds packed", packed.seeds),
        left_out => format!(
            "{} seeds packed; {left_out} left out, which this variant already fails",
            packed.seeds
        ),
    });
}

fn by_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ now.as_secs() & 0xffff_ffff
}

/// Says how it ended, and works up what was found.
fn conclude(ended: &Ended, ask: &Ask, progress: &Progress) -> Result<ExitCode, Refusal> {
    let seconds = ended.elapsed.as_secs_f64();
    let rate = ended.executions as f64 / seconds.max(0.001);
    let known = match ended.known {
        0 => String::new(),
        known => format!(", known findings met at least {known} times"),
    };
    let took = format!("{} runs in {seconds:.1} s, {rate:.0}/s{known}", ended.executions);
    let Some(input) = &ended.input else {
        progress.finish();
        let how = if ended.interrupted { "interrupted" } else { "nothing found" };
        println!("{how}: {took}");
        return Ok(if ended.interrupted { ExitCode::from(2) } else { ExitCode::SUCCESS });
    };
    progress.line(&format!("found after {took}"));
    let found = finding_of(input, ask)?;
    let case = Case::work_up(&found, &Limits::default(), progress);
    let path = finding::save(&case, Path::new(FOLDER))
        .map_err(|error| Refusal::io(Path::new(FOLDER), &error))?;
    progress.finish();
    let mut out = io::stdout().lock();
    report::print(&case, &path, &mut out)
        .and_then(|()| out.flush())
        .map_err(|error| Refusal::io(Path::new("standard output"), &error))?;
    Ok(ExitCode::from(1))
}

/// What the engine's input violates. An input that is clean after all is kept: it shows a fault of ours.
pub(super) fn finding_of(input: &Input, ask: &Ask) -> Result<Finding, Refusal> {
    let mut program = prog::decode(&input.bytes);
    ask.apply(&mut program);
    if let Some(found) = Finding::of(&mut Machine::new(), &program, &ask.variant()) {
        return Ok(found);
    }
    let folder = Path::new(FOLDER);
    let path = folder.join(&input.name);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, &input.bytes))
        .map_err(|error| Refusal::io(&path, &error))?;
    let message =
        format!("the engine stopped at {}, which is clean when it is replayed", path.display());
    Err(Refusal::with_help(message, &*input.said))
}
