//! The verb `bisect`: in which kernels, and with which fixes, a program fails.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use racewalk::Machine;
use serde_json::{Value, json};

use crate::args::{Format, VariantArgs};
use crate::bisect::{Bisected, Fix};
use crate::refusal::Refusal;
use crate::source::Source;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk bisect corpus/found/zap_drops_dirty.rw
  cargo racewalk bisect crash-0af3 --kernel v6.6 --format json

Each kernel runs the same program under the same schedule. A program that leaves protections out is asked about these;
any other about the fixes that `fixed` has on top of v6.6, each left out alone, and each alone put in.
Exit code: 0 the program is clean on its own kernel, 1 it fails, 2 could not.";

/// Says in which kernels a program fails, and which fix cures it.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Program text, or the bytes that an engine saved.
    file: PathBuf,
    #[command(flatten)]
    variant: VariantArgs,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let ask = args.variant.ask()?;
    let mut program = Source::read(&args.file)?.document.program;
    ask.apply(&mut program);
    let bisected = Bisected::of(&mut Machine::new(), &program);
    let mut out = stdout().lock();
    match args.format {
        Format::Text => print(&bisected, &mut out)?,
        Format::Json => writeln!(out, "{:#}", as_json(args, &bisected))?,
    }
    Ok(ExitCode::from(u8::from(bisected.own.verdict != "clean")))
}

fn print(bisected: &Bisected, out: &mut impl Write) -> std::io::Result<()> {
    for tried in &bisected.eras {
        writeln!(out, "{:<28} {}", tried.variant.to_string(), tried.verdict)?;
    }
    if !bisected.own.variant.without.is_empty() {
        writeln!(out, "{:<28} {}", bisected.own.variant.to_string(), bisected.own.verdict)?;
    }
    writeln!(out, "\n{:<28} {:<28} with it alone", "fix", "without it alone")?;
    for fix in bisected.fixes.iter().filter(|fix| fix.is_needed() || fix.is_enough()) {
        writeln!(out, "{:<28} {:<28} {}", fix.protection.name, fix.without, fix.alone)?;
    }
    let others = bisected.fixes.iter().filter(|fix| !fix.is_needed() && !fix.is_enough()).count();
    if others > 0 {
        writeln!(out, "({others} others change nothing)")?;
    }
    writeln!(out)?;
    match &bisected.cures()[..] {
        [] if bisected.own.verdict == "clean" => writeln!(out, "nothing to cure")?,
        [] => writeln!(out, "no fix cures it")?,
        cures => cures.iter().try_for_each(|Fix { protection, .. }| {
            writeln!(out, "cured by {}: {}", protection.name, protection.about)
        })?,
    }
    writeln!(out, "verdict: {}", bisected.own.verdict)
}

fn as_json(args: &Args, bisected: &Bisected) -> Value {
    let fix = |fix: &Fix| json!({ "fix": fix.protection.name, "about": fix.protection.about, "without": fix.without, "alone": fix.alone });
    json!({
        "file": args.file,
        "kernel": bisected.own.variant.to_string(),
        "verdict": bisected.own.verdict,
        "eras": bisected.eras.iter().map(|tried| json!({ "kernel": tried.variant.to_string(), "verdict": tried.verdict })).collect::<Vec<_>>(),
        "fixes": bisected.fixes.iter().map(fix).collect::<Vec<_>>(),
        "cures": bisected.cures().iter().map(|fix| fix.protection.name).collect::<Vec<_>>(),
    })
}
