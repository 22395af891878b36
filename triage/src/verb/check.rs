//! The verb `check`: every program behaves as its `expect` lines say.
//!
//! An `expect` line without a kernel speaks of the file's own variant: its `kernel` line, less what its `without` lines
//! leave out. A line with a kernel speaks of that kernel with all that it has, be it the file's own or another.
//! A place that the schedule waits for must be reached in the file's own variant; elsewhere the code may not come there.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use racewalk::prog::{Expect, Program};
use racewalk::{Era, Machine, Options, Variant, vocabulary};
use serde_json::{Value, json};

use super::replay::place_of;
use crate::args::Format;
use crate::progress::ProgressArgs;
use crate::refusal::Refusal;
use crate::source;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk check                       everything below corpus
  cargo racewalk check corpus/litmus target/findings/lost_write-do_wp_page.rw

An `expect` line without a kernel speaks of the file's own variant (kernel and without lines); one with a kernel
speaks of that kernel with all that it has. One line for each failure: PATH:LINE: expected X, got Y.
Exit code: 0 all as expected, 1 not so, 2 no such file.";

/// Checks that every program behaves as its `expect` lines say.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files, and folders that are searched for .rw files.
    #[arg(default_value = "corpus")]
    paths: Vec<PathBuf>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// One thing that is not as expected.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    path: PathBuf,
    line: usize,
    what: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.what)
    }
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let mut files = Vec::new();
    for path in &args.paths {
        source::collect(path, &mut files)?;
    }
    let progress = args.progress.start();
    let mut machine = Machine::new();
    let (mut failures, mut expectations) = (Vec::new(), 0);
    for (n, path) in files.iter().enumerate() {
        progress.tick(|| format!("{n} of {} files", files.len()));
        expectations += check_file(&mut machine, path, &mut failures);
    }
    progress.finish();
    let mut out = stdout().lock();
    match args.format {
        Format::Text => {
            failures.iter().try_for_each(|failure| writeln!(out, "{failure}"))?;
            writeln!(
                out,
                "{} files, {expectations} expectations, {} failures",
                files.len(),
                failures.len()
            )?;
        }
        Format::Json => writeln!(out, "{:#}", as_json(files.len(), expectations, &failures))?,
    }
    Ok(ExitCode::from(u8::from(!failures.is_empty())))
}

fn as_json(files: usize, expectations: usize, failures: &[Failure]) -> Value {
    let failures: Vec<Value> = failures
        .iter()
        .map(|failure| json!({ "path": failure.path, "line": failure.line, "what": failure.what }))
        .collect();
    json!({ "files": files, "expectations": expectations, "failures": failures })
}

/// Checks one file and returns the number of its expectations.
fn check_file(machine: &mut Machine, path: &Path, failures: &mut Vec<Failure>) -> usize {
    let mut fail =
        |line: usize, what: String| failures.push(Failure { path: path.to_owned(), line, what });
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            fail(1, format!("expected program text, got an error: {error}"));
            return 0;
        }
    };
    let program = match racewalk::parse(&text) {
        Ok(document) => document.program,
        Err(error) => {
            fail(
                error.line,
                format!(
                    "expected a program, got an error in column {}: {}",
                    error.column, error.message
                ),
            );
            return 0;
        }
    };
    if program.head.expect.is_empty() {
        fail(1, "expected an `expect` line, got none".to_owned());
    }
    let lines = Lines::of(&text);
    let own = run_under(machine, &program, Variant::of(&program));
    for turn in own.unreached {
        fail(
            lines.schedule_line(turn),
            format!("expected to reach `{}`, got past it", place_of(&program, turn)),
        );
    }
    for (n, expect) in program.head.expect.iter().enumerate() {
        let (variant, name) = variant_of(&program, expect);
        let wanted = expect.verdict.map_or("clean", |name| vocabulary().oracle(name));
        let got = run_under(machine, &program, variant).verdict.name();
        if got != wanted {
            fail(lines.expect_line(n), format!("expected {wanted}, got {got}{name}"));
        }
    }
    program.head.expect.len()
}

fn run_under(machine: &mut Machine, program: &Program, variant: Variant) -> racewalk::Outcome {
    machine.run(program, &Options { variant: Some(variant), ..Options::default() })
}

/// The variant that an expectation speaks of, and how a failure names it.
fn variant_of(program: &Program, expect: &Expect) -> (Variant, String) {
    match expect.kernel.and_then(|name| Era::ALL.get(usize::from(name.0)).copied()) {
        Some(era) => (Variant::era(era), format!(" under {}", era.name())),
        None => (Variant::of(program), String::new()),
    }
}

/// Where the lines of a program stand in its text.
struct Lines {
    expects: Vec<usize>,
    turns: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Lines {
        let mut lines = Lines { expects: Vec::new(), turns: Vec::new() };
        let mut in_schedule = false;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            match line.split_whitespace().next() {
                Some("expect") => lines.expects.push(number),
                Some("schedule") => in_schedule = true,
                Some("setup") => in_schedule = false,
                Some(_) if in_schedule => lines.turns.push(number),
                _ => {}
            }
        }
        lines
    }

    fn expect_line(&self, n: usize) -> usize {
        self.expects.get(n).copied().unwrap_or(1)
    }

    fn schedule_line(&self, n: usize) -> usize {
        self.turns.get(n).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_found() {
        let lines = Lines::of(
            "racewalk 1\nexpect clean\n# expect x\nsetup\ncpu0\n  rcu_gp\nschedule\n\n  cpu0 for 1 # a\n",
        );
        assert_eq!((lines.expects, lines.turns), (vec![2], vec![9]));
    }
}
