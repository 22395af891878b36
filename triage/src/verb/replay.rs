//! The verb `replay`: runs one program and says what came of it.

use std::fs::File;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use racewalk::prog::{Program, Schedule, Until};
use racewalk::{Machine, Outcome, Variant, vocabulary};
use serde_json::{Value, json};

use crate::args::VariantArgs;
use crate::diagram::{self, Diagram};
use crate::finding::{Signature, recorded};
use crate::refusal::Refusal;
use crate::source::{Source, TargetArgs};
use crate::story::Story;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk replay target/findings/page_table_check-zap_pte_range.rw
  cargo racewalk replay crash-0af3 --kernel v6.6            the bytes that an engine saved
  cargo racewalk replay fuzz/artifacts/abort/crash-0af3     the same of another target: see `racewalk list targets`
  cargo racewalk replay FILE --without recheck_page --diagram
  cargo racewalk replay FILE --trace --format json
  cargo racewalk replay FILE --format html -o report.html   with a timeline, for a browser

The last line is `verdict: clean` or `verdict: ORACLE`. --kernel K is that kernel with all that it has: the
`without` lines of the file belong to the file's own kernel. --without alone adds to them.
Exit code: 0 clean, 1 violation, 2 not a program or bad usage.";

/// Runs one program and says what came of it.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Program text, or the bytes that an engine saved.
    file: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    variant: VariantArgs,
    /// Draw who did what when, even if it is clean.
    #[arg(long)]
    diagram: bool,
    /// Show lock lines in the diagram.
    #[arg(long)]
    locks: bool,
    /// Print every event.
    #[arg(long)]
    trace: bool,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Where the answer goes; without it, to the standard output.
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
}

/// How the answer is written.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// All there is to say, as a report of `triage`: both runs, what was done to the object, a test.
    Story,
    /// The same as a page with a timeline and the run of a right kernel beside it; it needs no network.
    Html,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let ask = args.variant.ask()?;
    let source = Source::read_as(&args.file, args.target.target)?;
    let mut program = source.document.program;
    ask.apply(&mut program);
    let mut machine = Machine::new();
    let outcome = recorded(&mut machine, &program);
    let again = recorded(&mut machine, &program);
    let stable = hash(&outcome) == hash(&again) && outcome.verdict.name() == again.verdict.name();
    for turn in &outcome.unreached {
        eprintln!(
            "note: turn {} of the schedule was not reached: {}",
            turn + 1,
            place_of(&program, *turn)
        );
    }
    if !stable {
        eprintln!("warning: two runs of this program differ; this is a bug of racewalk");
    }
    let replayed = Replayed { args, program: &program, outcome: &outcome, stable };
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => Box::new(File::create(path).map_err(|error| Refusal::io(path, &error))?),
        None => Box::new(stdout().lock()),
    };
    match args.format {
        Format::Text => replayed.print(&mut out)?,
        Format::Json => writeln!(out, "{:#}", replayed.json())?,
        Format::Story | Format::Html => {
            let replay = format!("cargo racewalk replay {}", args.file.display());
            let story = Story::of(&mut machine, &program, replay);
            match args.format {
                Format::Html => out.write_all(story.page().as_bytes())?,
                _ => story.print(&mut out)?,
            }
        }
    }
    Ok(ExitCode::from(u8::from(!outcome.verdict.is_clean())))
}

fn hash(outcome: &Outcome) -> Option<u64> {
    outcome.trace.as_ref().map(|trace| trace.hash())
}

/// What the turn of a schedule waits for.
pub(super) fn place_of(program: &Program, turn: usize) -> String {
    let Schedule::Turns(turns) = &program.schedule else { return String::new() };
    match turns.get(turn) {
        Some(turn) => match turn.until {
            Until::Place { place, nth: 1 } => {
                format!("cpu{} until {}", turn.cpu, vocabulary().place(place))
            }
            Until::Place { place, nth } => {
                format!("cpu{} until {}#{nth}", turn.cpu, vocabulary().place(place))
            }
            Until::Steps(steps) => format!("cpu{} for {steps}", turn.cpu),
            Until::Exit => format!("cpu{} until exit", turn.cpu),
        },
        None => String::new(),
    }
}

/// A program that was run, and the answer to be given.
struct Replayed<'a> {
    args: &'a Args,
    program: &'a Program,
    outcome: &'a Outcome,
    stable: bool,
}

impl Replayed<'_> {
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let hpn = u32::from(self.program.head.hpn);
        if self.args.trace {
            diagram::write_events(self.outcome, hpn, out)?;
            writeln!(out)?;
        }
        if self.args.diagram || !self.outcome.verdict.is_clean() {
            let diagram = Diagram::of(
                self.program,
                self.outcome,
                diagram::Options { locks: self.args.locks, about: None },
            );
            writeln!(out, "{diagram}")?;
        }
        writeln!(out, "kernel: {}", Variant::of(self.program))?;
        let steps = self.outcome.steps;
        writeln!(
            out,
            "run: {steps} steps, {} switches, trace {:016x}",
            self.outcome.preemptions,
            hash(self.outcome).unwrap_or(0)
        )?;
        writeln!(out, "verdict: {}", self.outcome.verdict.name())
    }

    fn json(&self) -> Value {
        let violation = self.outcome.verdict.violation();
        let diagram = self.args.diagram.then(|| {
            Diagram::of(
                self.program,
                self.outcome,
                diagram::Options { locks: self.args.locks, about: None },
            )
            .to_string()
        });
        let events = self
            .args
            .trace
            .then(|| diagram::events_json(self.outcome, u32::from(self.program.head.hpn)));
        let mut answer = json!({
            "file": self.args.file,
            "kernel": Variant::of(self.program).era.name(),
            "without": Variant::of(self.program).without.iter().map(|step| step.name).collect::<Vec<_>>(),
            "hpn": self.program.head.hpn,
            "verdict": self.outcome.verdict.name(),
            "steps": self.outcome.steps,
            "switches": self.outcome.preemptions,
            "trace_hash": format!("{:016x}", hash(self.outcome).unwrap_or(0)),
            "stable": self.stable,
            "reached": self.outcome.reached.names().collect::<Vec<_>>(),
            "unreached": self.outcome.unreached.iter().map(|&turn| place_of(self.program, turn)).collect::<Vec<_>>(),
            "violation": violation.map(|violation| json!({
                "oracle": violation.oracle.name,
                "id": violation.oracle.id,
                "why": violation.oracle.why,
                "function": Signature::of(violation).function,
                "detail": violation.detail,
                "cpu": violation.cpu,
                "op": violation.op,
                "step": violation.step,
                "debts": violation.debts.iter().map(|(cpu, debt)| format!("cpu{cpu}: {debt}")).collect::<Vec<_>>(),
            })),
        });
        if let Some(diagram) = diagram {
            answer["diagram"] = diagram.into();
        }
        if let Some(events) = events {
            answer["events"] = events;
        }
        answer
    }
}
