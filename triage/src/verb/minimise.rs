//! The verb `minimise`: makes a program that fails small.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use racewalk::prog::{self, Document, Program};
use racewalk::{Machine, Variant};
use serde_json::{Value, json};

use crate::args::{Format, VariantArgs};
use crate::case::Case;
use crate::finding::Finding;
use crate::minimise::{Limits, Minimised, Shape, minimise};
use crate::progress::ProgressArgs;
use crate::refusal::Refusal;
use crate::signature::Signature;
use crate::source::Source;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk minimise target/findings/lost_write-quiescence.rw
  cargo racewalk minimise fuzz/artifacts/race/crash-0af3 --kernel seed-v3 -o small.rw
  cargo racewalk minimise crash-0af3 --mode crash -o crash-min       bytes again, for the engine
  cargo racewalk minimise FILE --seconds 60 --format json

The program stays one that the same oracle notices in the same function, and that is clean on the kernel with nothing
left out, or on `fixed`, if it was so at first. What an engine saves does not name its kernel: say --kernel and
--without as for the engine. OUT is text if it is called .rw or if nothing else is asked for; in mode `crash` it may
be bytes.
Exit code: 0 the program is clean, there is nothing to minimise; 1 it fails and was minimised; 2 could not.";

/// What the result is for.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// For an engine: the schedule stays counted steps, OUT may be bytes.
    Crash,
    /// For people: turns end at named places where that comes to the same.
    #[default]
    Readability,
}

/// Makes a program that fails small.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Program text, or the bytes that an engine saved.
    file: PathBuf,
    /// Where the result goes; without it, to the standard output.
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    #[command(flatten)]
    variant: VariantArgs,
    /// What the result is for.
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// At most so long; then the smallest so far.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let ask = args.variant.ask()?;
    let mut program = Source::read(&args.file)?.document.program;
    ask.apply(&mut program);
    let mut machine = Machine::new();
    let variant = Variant::of(&program);
    let Some(finding) = Finding::of(&mut machine, &program, &variant) else {
        return clean(args, &variant);
    };
    let limits = Limits { time: Duration::from_secs(args.seconds), ..Limits::default() };
    let progress = args.progress.start();
    let begun = Instant::now();
    let (program, minimised) = match args.mode {
        Mode::Readability => {
            let case = Case::work_up(&finding, &limits, &progress);
            (case.program, case.minimised)
        }
        Mode::Crash => {
            let minimised = minimise(&finding, &limits, &progress);
            progress.finish();
            (minimised.finding.program.clone(), minimised)
        }
    };
    let signature = Signature::found_by(&mut machine, &program);
    let done = Done { args, program, minimised, signature, seconds: begun.elapsed().as_secs_f64() };
    done.save()?;
    let mut out = stdout().lock();
    match args.format {
        Format::Text => done.print(&mut out)?,
        Format::Json => writeln!(out, "{:#}", done.json())?,
    }
    Ok(ExitCode::from(1))
}

fn clean(args: &Args, variant: &Variant) -> Result<ExitCode, Refusal> {
    let mut out = stdout().lock();
    match args.format {
        Format::Text => {
            writeln!(out, "nothing to minimise: it is clean on {variant}\nverdict: clean")?;
        }
        Format::Json => writeln!(
            out,
            "{:#}",
            json!({ "file": args.file, "kernel": variant.to_string(), "verdict": "clean" })
        )?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A program that was minimised, and the answer to be given.
struct Done<'a> {
    args: &'a Args,
    program: Program,
    minimised: Minimised,
    signature: Option<Signature>,
    seconds: f64,
}

impl Done<'_> {
    fn text(&self) -> String {
        racewalk::print(&Document::from(self.program.clone()))
    }

    fn save(&self) -> Result<(), Refusal> {
        let Some(out) = &self.args.out else { return Ok(()) };
        let text = out.extension().is_some_and(|suffix| suffix == "rw")
            || self.args.mode == Mode::Readability;
        let bytes = if text { self.text().into_bytes() } else { self.bytes(out)? };
        fs::write(out, bytes).map_err(|error| Refusal::io(out, &error))
    }

    fn bytes(&self, out: &Path) -> Result<Vec<u8>, Refusal> {
        prog::encode(&self.program).map_err(|error| {
            Refusal::with_help(format!("{}: {error}", out.display()), "give it the suffix .rw")
        })
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        match &self.args.out {
            Some(path) => writeln!(out, "saved: {}", path.display())?,
            None => writeln!(out, "{}", self.text())?,
        }
        let (before, after) = (self.minimised.before, self.minimised.after);
        let line = |what: &str, before: usize, after: usize| format!("{before} {what} -> {after}");
        writeln!(
            out,
            "minimised: {}, {}, {}, {}; {} runs in {:.1} s{}",
            line("CPUs", before.cpus, after.cpus),
            line("operations", before.ops, after.ops),
            line("items of the set-up", before.setup, after.setup),
            line("decisions", before.decisions, after.decisions),
            self.minimised.runs,
            self.seconds,
            if self.minimised.complete { "" } else { " (stopped at its limit)" }
        )?;
        if let Some(signature) = &self.signature {
            writeln!(out, "signature: {signature}")?;
        }
        writeln!(out, "verdict: {}", self.minimised.finding.signature.oracle)
    }

    fn json(&self) -> Value {
        let shape = |shape: Shape| json!({ "cpus": shape.cpus, "ops": shape.ops, "setup": shape.setup, "decisions": shape.decisions });
        json!({
            "file": self.args.file,
            "out": self.args.out,
            "kernel": self.minimised.finding.variant.to_string(),
            "verdict": self.minimised.finding.signature.oracle,
            "function": self.minimised.finding.signature.function,
            "signature": self.signature.as_ref().map(Signature::to_string),
            "before": shape(self.minimised.before),
            "after": shape(self.minimised.after),
            "runs": self.minimised.runs,
            "seconds": self.seconds,
            "complete": self.minimised.complete,
            "program": self.text(),
        })
    }
}
