//! A report is a finding as a person reads it: what broke, the program, the diagram, and how to see it again.

use std::io::{self, Write};
use std::path::Path;

use racewalk::{Obj, Violation, What, place_name};
use serde_json::{Value, json};

use crate::case::Case;
use crate::diagram::{Diagram, Options, text};

/// Writes the report.
pub(crate) fn print(case: &Case, path: &Path, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", Diagram::of(&case.program, &case.outcome, Options::default()))?;
    writeln!(out, "{}", racewalk::print_program(&case.program))?;
    if let Some(violation) = case.outcome.verdict.violation() {
        writeln!(out, "Oracle:    {}", noticed(violation))?;
        for action in last_actions(case, violation) {
            writeln!(out, "Before:    {action}")?;
        }
    }
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

/// Which invariants, and who noticed it where.
fn noticed(violation: &Violation) -> String {
    let Violation { oracle, function, label, cpu, step, .. } = violation;
    match *function {
        "quiescence" => format!("{} ({}), when all was quiet", oracle.name, oracle.id),
        // The end of an operation is at no label.
        _ if *label == "nowhere" => {
            format!("{} ({}), cpu{cpu} at its step {step}", oracle.name, oracle.id)
        }
        _ => format!("{} ({}), cpu{cpu} at its step {step}, at {label}", oracle.name, oracle.id),
    }
}

/// The last two things that anybody did to the object that is wrong, the last one first.
fn last_actions(case: &Case, violation: &Violation) -> Vec<String> {
    let hpn = u32::from(case.program.head.hpn);
    let events = case.outcome.trace.as_ref().map_or(&[][..], |trace| trace.events());
    let Some(&object) = violation.objects.first() else { return Vec::new() };
    let of_it = events.iter().rev().filter(|event| acts_on(event.what, object));
    of_it
        .take(2)
        .map(|event| {
            let (place, text) = (place_name(event.place), text(event, hpn));
            format!("cpu{} at its step {}, at {place}: {text}", event.cpu, event.step)
        })
        .collect()
}

/// Whether it changes the object, takes it, or gives it up.
fn acts_on(what: What, object: Obj) -> bool {
    match what {
        What::Store { obj, .. }
        | What::Rmw { obj, .. }
        | What::Lock { obj, .. }
        | What::Unlock { obj }
        | What::Alloc(obj)
        | What::Free(obj) => obj == object,
        What::Link { table, pmd } | What::Unlink { table, pmd } => [table, pmd].contains(&object),
        _ => false,
    }
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
        "invariants": violation.map(|violation| violation.oracle.id),
        "cpu": violation.map(|violation| violation.cpu),
        "step": violation.map(|violation| violation.step),
        "label": violation.map(|violation| violation.label),
        "debts": violation.map(|violation| {
            violation.debts.iter().map(|(cpu, debt)| format!("cpu{cpu}: {debt}")).collect::<Vec<_>>()
        }),
        "last_actions": violation.map(|violation| last_actions(case, violation)),
        "upstream": case.upstream,
        "stable": case.stable,
        "ops": { "before": before.ops, "after": after.ops },
        "decisions": { "before": before.decisions, "after": after.decisions },
        "runs": case.minimised.runs,
        "program": racewalk::print_program(&case.program),
        "diagram": Diagram::of(&case.program, &case.outcome, Options::default()).to_string(),
    })
}
