//! A report is a finding as a person reads it: what broke, the program, the diagram, and how to see it again.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::case::Case;
use crate::diagram::{Diagram, Options};

/// Writes the report.
pub(crate) fn print(case: &Case, path: &Path, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", Diagram::of(&case.program, &case.outcome, Options::default()))?;
    writeln!(out, "{}", racewalk::print_program(&case.program))?;
    writeln!(out, "Kernel:    {}", case.finding.variant)?;
    if let Some(upstream) = case.upstream {
        writeln!(out, "Upstream:  the same program and schedule on v6.6: {upstream}")?;
    }
    let (before, after) = (case.minimised.before, case.minimised.after);
    let bounded = if case.minimised.complete { "" } else { " (stopped at its limit)" };
    writeln!(
        out,
        "Minimised: {} ops -> {}, {} decisions -> {}, {} runs{bounded}",
        before.ops, after.ops, before.decisions, after.decisions, case.minimised.runs
    )?;
    if !case.stable {
        writeln!(out, "Warning:   two runs of it differ; this is a bug of racewalk")?;
    }
    if !case.fits_a_file() {
        writeln!(out, "Warning:   its schedule is longer than a file may hold, and was cut")?;
    }
    writeln!(out, "Replay:    cargo racewalk replay {}", path.display())
}

/// The same for programs.
pub(crate) fn json(case: &Case, path: &Path) -> Value {
    let (before, after) = (case.minimised.before, case.minimised.after);
    let violation = case.outcome.verdict.violation();
    json!({
        "file": path,
        "kernel": case.finding.variant.to_string(),
        "oracle": case.finding.signature.oracle,
        "function": case.finding.signature.function,
        "detail": violation.map(|violation| violation.detail.as_str()),
        "upstream": case.upstream,
        "stable": case.stable,
        "ops": { "before": before.ops, "after": after.ops },
        "decisions": { "before": before.decisions, "after": after.decisions },
        "runs": case.minimised.runs,
        "program": racewalk::print_program(&case.program),
        "diagram": Diagram::of(&case.program, &case.outcome, Options::default()).to_string(),
    })
}
