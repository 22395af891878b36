//! How small the minimiser makes crashes, beside the programs that are kept in the corpus.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use racewalk::{Machine, Variant};
use serde_json::{Value, json};

use super::crashes::kept;
use crate::args::Format;
use crate::engine::Checkout;
use crate::finding::{Finding, recorded};
use crate::minimise::{Limits, Minimised, Shape, minimise};
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::source::{Source, collect};

/// What to measure.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// At most so many crashes of each protection.
    #[arg(long, value_name = "N", default_value_t = 4)]
    each: usize,
    /// At most so long for a crash.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
}

/// One crash: what was found, what is left of it, and what is kept in the corpus.
#[derive(Debug)]
struct Row {
    protection: String,
    minimised: Minimised,
    kept: Shape,
    same_oracle: bool,
    seconds: f64,
}

/// Measures.
pub(super) fn run(
    args: &Args,
    folder: &Path,
    format: Format,
    progress: &Progress,
) -> Result<ExitCode, Refusal> {
    let corpus = Checkout::find()?.corpus();
    let mut machine = Machine::new();
    let mut rows: Vec<Row> = Vec::new();
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    if format == Format::Text {
        println!("{HEADINGS}");
    }
    for file in files {
        let program = Source::read(&file)?.document.program;
        let variant = Variant::of(&program);
        let Some(protection) = variant.without.first() else { continue };
        if rows.iter().filter(|row| row.protection == protection.name).count() >= args.each {
            continue;
        }
        let Some(finding) = Finding::of(&mut machine, &program, &variant) else { continue };
        let (kept, oracle) = by_hand(&mut machine, &kept(&corpus, protection.name))?;
        let limits = Limits { time: Duration::from_secs(args.seconds), ..Limits::default() };
        let begun = Instant::now();
        let minimised = minimise(&finding, &limits, progress);
        let row = Row {
            protection: protection.name.to_owned(),
            minimised,
            kept,
            same_oracle: finding.signature.oracle == oracle,
            seconds: begun.elapsed().as_secs_f64(),
        };
        if format == Format::Text {
            println!("{}", row.text());
        }
        rows.push(row);
    }
    progress.finish();
    let summary = Summary::of(&rows);
    match format {
        Format::Text => println!("{}", summary.text()),
        Format::Json => {
            let rows: Vec<Value> = rows.iter().map(Row::json).collect();
            println!("{:#}", json!({ "rows": rows, "summary": summary.json() }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The size of a program of the corpus, its decisions counted as a run records them, and its verdict.
fn by_hand(machine: &mut Machine, path: &Path) -> Result<(Shape, &'static str), Refusal> {
    let program = Source::read(path)?.document.program;
    let outcome = recorded(machine, &program);
    let shape = Shape { decisions: outcome.taken.len(), ..Shape::of(&program) };
    Ok((shape, outcome.verdict.name()))
}

const HEADINGS: &str = "protection               found: ops decisions | small: cpus ops set-up decisions  | kept: cpus ops set-up decisions | seconds     runs  violation";

impl Row {
    fn ratio(&self) -> f64 {
        self.minimised.after.ops as f64 / self.kept.ops.max(1) as f64
    }

    fn more_decisions(&self) -> f64 {
        self.minimised.after.decisions as f64 - self.kept.decisions as f64
    }

    fn text(&self) -> String {
        let (before, after, kept) = (self.minimised.before, self.minimised.after, self.kept);
        format!(
            "{:<24} {:>11} {:>9} | {:>11} {:>3} {:>6} {:>9}  | {:>10} {:>3} {:>6} {:>9} | {:>7.2} {:>8}  {}{}",
            self.protection,
            before.ops,
            before.decisions,
            after.cpus,
            after.ops,
            after.setup,
            after.decisions,
            kept.cpus,
            kept.ops,
            kept.setup,
            kept.decisions,
            self.seconds,
            self.minimised.runs,
            self.minimised.finding.signature,
            if self.same_oracle { "" } else { " (another oracle than the kept one's)" },
        )
    }

    fn json(&self) -> Value {
        let shape = |shape: Shape| json!({ "cpus": shape.cpus, "ops": shape.ops, "setup": shape.setup, "decisions": shape.decisions });
        json!({
            "protection": self.protection,
            "oracle": self.minimised.finding.signature.oracle,
            "function": self.minimised.finding.signature.function,
            "same_oracle": self.same_oracle,
            "before": shape(self.minimised.before),
            "after": shape(self.minimised.after),
            "kept": shape(self.kept),
            "seconds": self.seconds,
            "runs": self.minimised.runs,
            "complete": self.minimised.complete,
            "program": racewalk::print_program(&self.minimised.finding.program),
        })
    }
}

/// Medians over all crashes.
#[derive(Debug)]
struct Summary {
    crashes: usize,
    protections: usize,
    ops: f64,
    decisions: f64,
    setup: f64,
    seconds: f64,
    larger: usize,
}

impl Summary {
    fn of(rows: &[Row]) -> Summary {
        let mut names: Vec<&str> = rows.iter().map(|row| row.protection.as_str()).collect();
        names.dedup();
        let of = |figure: fn(&Row) -> f64| median(rows.iter().map(figure).collect());
        Summary {
            crashes: rows.len(),
            protections: names.len(),
            ops: of(Row::ratio),
            decisions: of(Row::more_decisions),
            setup: of(|row| row.minimised.after.setup as f64 - row.kept.setup as f64),
            seconds: of(|row| row.seconds),
            larger: rows
                .iter()
                .filter(|row| row.ratio() > 1.2 || row.more_decisions() > 1.0)
                .count(),
        }
    }

    fn text(&self) -> String {
        format!(
            "{} crashes without {} protections; medians: {:.2} times the kept program's operations, {:+.0} decisions, {:+.0} items of the set-up, {:.2} s; {} have more than 1.2 times the operations or more than one decision more",
            self.crashes,
            self.protections,
            self.ops,
            self.decisions,
            self.setup,
            self.seconds,
            self.larger
        )
    }

    fn json(&self) -> Value {
        json!({
            "crashes": self.crashes,
            "protections": self.protections,
            "median_ops_ratio": self.ops,
            "median_decisions_more": self.decisions,
            "median_setup_more": self.setup,
            "median_seconds": self.seconds,
            "larger": self.larger,
        })
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}
