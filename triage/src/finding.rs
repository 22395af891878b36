//! A finding is a program that violates an oracle under a variant of the kernel.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use racewalk::prog::{Document, Policy, Program, Schedule};
use racewalk::{Machine, Options, Outcome, Variant, Violation};

use crate::case::Case;

/// Where findings are saved, from the current folder.
pub(crate) const FOLDER: &str = "target/findings";

/// What tells findings apart: the oracle, and the function in which it noticed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Signature {
    /// The oracle's name.
    pub(crate) oracle: &'static str,
    /// The function.
    pub(crate) function: &'static str,
}

impl Signature {
    /// The signature of a violation.
    pub(crate) fn of(violation: &Violation) -> Signature {
        Signature { oracle: violation.oracle.name, function: violation.function }
    }

    /// The same as part of a file's name.
    pub(crate) fn slug(self) -> String {
        format!("{}-{}", self.oracle, self.function)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.function {
            "quiescence" => write!(f, "{} at quiescence", self.oracle),
            function => write!(f, "{} in {function}", self.oracle),
        }
    }
}

/// A program that violates an oracle.
///
/// The program stands for itself: its header names kernel, left-out steps, HPN and axes, and its schedule is the one
/// that was taken, as decisions.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The program.
    pub(crate) program: Program,
    /// The variant, which the program's header names too.
    pub(crate) variant: Variant,
    /// What was violated, and where.
    pub(crate) signature: Signature,
}

impl Finding {
    /// Runs a program under a variant; `None` if it is clean.
    pub(crate) fn of(
        machine: &mut Machine,
        program: &Program,
        variant: &Variant,
    ) -> Option<Finding> {
        let mut program = program.clone();
        variant.write_to(&mut program.head);
        let outcome = recorded(machine, &program);
        Finding::came_of(program, variant, outcome)
    }

    /// What a recorded run of a program came to; `None` if it was clean. The program's header names the variant.
    pub(crate) fn came_of(
        mut program: Program,
        variant: &Variant,
        outcome: Outcome,
    ) -> Option<Finding> {
        let signature = Signature::of(outcome.verdict.violation()?);
        program.head.policy = Policy::Records;
        program.head.seed = 0;
        program.schedule = Schedule::Decisions(outcome.taken);
        Some(Finding { program, variant: variant.clone(), signature })
    }
}

/// Runs a program as its header says and keeps all there is to know.
pub(crate) fn recorded(machine: &mut Machine, program: &Program) -> Outcome {
    machine.run(program, &Options { record: true, ..Options::default() })
}

/// The signature of the violation that a run ended in, if it did.
pub(crate) fn signature_of(outcome: &Outcome) -> Option<Signature> {
    outcome.verdict.violation().map(Signature::of)
}

/// Writes a finding to `FOLDER/<oracle>-<function>[-n].rw`. A file that is there stays as it is; if it is the very
/// same program, it is the answer.
pub(crate) fn save(case: &Case, folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let text = racewalk::print(&Document::from(case.program.clone()));
    let slug = case.finding.signature.slug();
    for n in 1_u32.. {
        let path =
            folder.join(if n == 1 { format!("{slug}.rw") } else { format!("{slug}-{n}.rw") });
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
                    return Ok(path);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("all numbers are taken"))
}
