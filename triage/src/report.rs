//! A report is a finding as a person reads it.
use std::io::{self, Write};
use std::path::Path;
use serde_json::{Value, json};
use crate::case::Case;
use crate::diagram::{Diagram, Options};
/// x
pub(crate) fn print(case: &Case, path: &Path, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}\n{}\nracewalk replay {}", racewalk::print_program(&case.program), Diagram::of(&case.program, &case.outcome, Options::default()), path.display())
}
/// x
pub(crate) fn json(_: &Case, path: &Path) -> Value { json!({"file": path}) }
