//! The verb `fuzz`: builds a target, lets the engine search, and works up what it finds.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime};

use racewalk::{Era, Machine, Program, Reader, Target, Variant};

use crate::args::{Ask, VariantArgs};
use crate::case::Case;
use crate::engine::{Campaign, Checkout, Ended, Engine, Feedback, Input, Install, Kind};
use crate::finding::{self, Finding, Signature};
use crate::known::KnownArgs;
use crate::minimise::Limits;
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use crate::source::target_named;
use crate::{report, seeds};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk fuzz --kernel seed-v3 --seconds 60         the bug that the patch's reviewer found
  cargo racewalk fuzz --without recheck_page --seconds 60   what breaks without the check in step 2
  cargo racewalk fuzz --jobs 2 --set ptlock=none            two processes, one lock for all tables
  cargo racewalk fuzz abort --without abort_counter_sub     programs about the abort of a collapse
  cargo racewalk fuzz --engine afl --seconds 300            AFL++ instead of libFuzzer
  cargo racewalk fuzz --jobs 0 --keep-going                 all cores, all night, all findings; Ctrl-C ends it
  cargo racewalk fuzz --kernel v6.6 --all-findings          stop at what is in corpus/found too
  cargo racewalk fuzz --no-seeds --runs 1000000 --seed 7    from nothing, and repeatable

A campaign keeps its inputs in target/corpus/TARGET/KERNEL and goes on from them the next time, unless --seed or
--no-seeds asks for a fresh one. The target `zoo` reads RACEWALK_ZOO.
Exit code: 0 nothing found, 1 found, 2 could not run.";

/// Where findings are kept.
const FOLDER: &str = "target/findings";

/// Search with a coverage-guided engine; stop at the first violation and explain it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to fuzz: `racewalk list` names the targets
    #[arg(default_value = "race", value_parser = target_named)]
    target: Target,
    /// Who searches.
    #[arg(long, value_enum, default_value_t)]
    engine: Kind,
    #[command(flatten)]
    variant: VariantArgs,
    /// Stop after so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Stop after so many runs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// Where the randomness comes from; by default the clock. A campaign with a seed starts afresh.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Processes at the same time; 0 is one for each core.
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: usize,
    /// Go on after a finding; at the end explain one of each kind.
    #[arg(long)]
    keep_going: bool,
    /// Let libFuzzer see edges of the code too, not interleavings only; needs cargo-fuzz, which is installed into
    /// target/tools if it is missing.
    #[arg(long, conflicts_with = "engine")]
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
    let mut ask = args.variant.ask()?;
    if args.target == Target::Zoo {
        in_the_zoo(&mut ask)?;
    }
    let mut known = args.known.of(ask.variant().era)?;
    if args.target == Target::Protocols {
        // It runs a history on these two, whatever the kernel.
        known.join(args.known.of(Era::PreSeed)?);
        known.join(args.known.of(Era::V66)?);
    }
    let checkout = Checkout::find()?;
    let progress = args.progress.start();
    let engine = build(&args, &checkout, &progress)?;
    let scratch = checkout.scratch()?;
    let folder = scratch.folder(&format!("seeds/{}", args.target.name()))?;
    if !args.no_seeds {
        let mut packed = seeds::pack(&checkout.seeds(args.target), &ask, args.target, &folder)?;
        // AFL++ runs each seed several times before it begins, from outside: a thousand would take minutes.
        if args.engine == Kind::Libfuzzer {
            packed.add(&seeds::pack(&checkout.corpus(), &ask, args.target, &folder)?);
        }
        say(&packed, &progress);
    }
    let seed = args.seed.unwrap_or_else(by_the_clock);
    progress.line(&format!("fuzzing {} on {}, seed {seed}", args.target.name(), ask.variant()));
    let afresh = args.seed.is_some() || args.no_seeds;
    let corpus = if afresh {
        scratch.folder("corpus")?
    } else {
        checkout.kept(args.target.name(), &ask.variant().to_string().replace(' ', "-"))?
    };
    let dictionary = checkout.dictionary();
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let campaign = Campaign {
        target: args.target,
        ask: &ask,
        known: &known,
        scratch: &scratch,
        corpus: &corpus,
        seeds: (!args.no_seeds).then_some(&folder),
        dictionary: args.target.has_records().then_some(&dictionary),
        time: args.seconds.map(Duration::from_secs),
        runs: args.runs,
        seed,
        jobs: if args.jobs == 0 { cores() } else { args.jobs },
    };
    let mut findings = Findings { args: &args, ask: &ask, kept: Vec::new() };
    let ended = engine.run(&campaign, &progress, &mut |input| findings.look(input, &progress))?;
    conclude(&ended, &args, &ask, &findings.kept, &progress)
}

/// The zoo's wrong variant is told by the environment, as to the target itself.
fn in_the_zoo(ask: &mut Ask) -> Result<(), Refusal> {
    let name = std::env::var("RACEWALK_ZOO").unwrap_or_default();
    let variant = match name.trim() {
        "" => Variant::era(Era::Fixed),
        name => Variant::named(name).ok_or_else(|| {
            Refusal::with_help(
                format!("RACEWALK_ZOO: the zoo has no `{name}`"),
                "`racewalk list zoo` and `racewalk list steps` name what there is",
            )
        })?,
    };
    (ask.kernel, ask.without, ask.zoo) = (Some(variant.era), variant.without, variant.zoo);
    Ok(())
}

fn build(args: &Args, checkout: &Checkout, progress: &Progress) -> Result<Engine, Refusal> {
    let target = args.target.name();
    if args.engine == Kind::Afl {
        return Engine::build_for_afl(checkout, target, progress);
    }
    // The codec runs no program: without edges it would be blind.
    let edges = args.coverage || args.target == Target::Codec;
    let feedback = if edges { Feedback::Coverage } else { Feedback::Interleaving };
    Engine::build(checkout, target, feedback, Install::IfMissing, progress)?
        .ok_or_else(|| Refusal::new("there is no engine"))
}

/// What a campaign that goes on has found, one of each kind.
struct Findings<'a> {
    args: &'a Args,
    ask: &'a Ask,
    kept: Vec<Finding>,
}

impl Findings<'_> {
    /// Keeps what an input shows; `None` if the campaign ends with it.
    fn look(&mut self, input: &Input, progress: &Progress) -> Result<Option<Signature>, Refusal> {
        if !self.args.keep_going || says_it_itself(self.args.target) {
            return Ok(None);
        }
        let found = finding_of(input, self.args.target, self.ask)?;
        let signature = found.signature;
        if !self.kept.iter().any(|kept| kept.signature == signature) {
            progress.line(&format!("found: {signature}"));
            self.kept.push(found);
        }
        Ok(Some(signature))
    }
}

/// Whether a target may complain about more than what a run of its program shows.
const fn says_it_itself(target: Target) -> bool {
    matches!(target, Target::Codec | Target::Protocols)
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
fn conclude(
    ended: &Ended,
    args: &Args,
    ask: &Ask,
    kept: &[Finding],
    progress: &Progress,
) -> Result<ExitCode, Refusal> {
    let seconds = ended.elapsed.as_secs_f64();
    let rate = ended.executions as f64 / seconds.max(0.001);
    let known = match ended.known {
        0 => String::new(),
        known => format!(", known findings met at least {known} times"),
    };
    let took = format!("{} runs in {seconds:.1} s, {rate:.0}/s{known}", ended.executions);
    if let Some(input) = &ended.input {
        progress.line(&format!("found after {took}"));
        match finding_of(input, args.target, ask) {
            Ok(found) => work_up(&found, progress)?,
            // The target compares more than one run: there is no schedule to explain.
            Err(_) if says_it_itself(args.target) => show(input, args.target, progress)?,
            Err(refusal) => return Err(refusal),
        }
        return Ok(ExitCode::from(1));
    }
    for found in kept {
        work_up(found, progress)?;
    }
    progress.finish();
    let how = match (kept.len(), ended.interrupted) {
        (0, false) => "nothing found".to_owned(),
        (0, true) => "interrupted".to_owned(),
        (n, interrupted) => {
            let until = if interrupted { ", interrupted" } else { "" };
            format!("{n} {} found{until}", if n == 1 { "finding" } else { "findings" })
        }
    };
    println!("{how}: {took}");
    Ok(match (kept.len(), ended.interrupted) {
        (0, false) => ExitCode::SUCCESS,
        (0, true) => ExitCode::from(2),
        _ => ExitCode::from(1),
    })
}

/// Makes a finding small, saves it and prints it.
fn work_up(found: &Finding, progress: &Progress) -> Result<(), Refusal> {
    let case = Case::work_up(found, &Limits::default(), progress);
    let path = finding::save(&case, Path::new(FOLDER))
        .map_err(|error| Refusal::io(Path::new(FOLDER), &error))?;
    progress.finish();
    let mut out = io::stdout().lock();
    report::print(&case, &path, &mut out)
        .and_then(|()| out.flush())
        .map_err(|error| Refusal::io(Path::new("standard output"), &error))
}

/// Saves an input, and prints its text and what the target said.
fn show(input: &Input, target: Target, progress: &Progress) -> Result<(), Refusal> {
    let path = keep(input, target)?;
    progress.finish();
    let mut program = Program::default();
    Reader::new(target).read(&input.bytes, &mut program);
    println!("{}\n{}", racewalk::print_program(&program), input.said);
    println!("saved: {}", path.display());
    Ok(())
}

/// What the engine's input violates. An input that is clean after all is kept: it shows a fault of ours.
pub(crate) fn finding_of(input: &Input, target: Target, ask: &Ask) -> Result<Finding, Refusal> {
    let mut program = Program::default();
    Reader::new(target).read(&input.bytes, &mut program);
    ask.apply(&mut program);
    if let Some(found) = Finding::of(&mut Machine::new(), &program, &ask.variant()) {
        return Ok(found);
    }
    let path = keep(input, target)?;
    let message =
        format!("the engine stopped at {}, which is clean when it is replayed", path.display());
    Err(Refusal::with_help(message, &*input.said))
}

/// Saves an input as it is, in a folder that names its target.
fn keep(input: &Input, target: Target) -> Result<PathBuf, Refusal> {
    let folder = Path::new(FOLDER).join(target.name());
    let path = folder.join(&input.name);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&path, &input.bytes))
        .map_err(|error| Refusal::io(&path, &error))?;
    Ok(path)
}
