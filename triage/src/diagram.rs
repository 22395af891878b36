//! A diagram shows who did what when: a column for each CPU, time going down, and what matters marked.

mod columns;
mod event_text;
mod footnotes;
mod select;
mod start;
mod subject;

use std::fmt;

use racewalk::{Outcome, Program, Violation};

pub(crate) use event_text::{events_json, text, write_events};
pub(crate) use footnotes::counts;
use select::Row;

/// What is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'a> {
    /// Lock and unlock lines too; without it only where the oracle is about locks.
    pub(crate) locks: bool,
    /// What a clean run is looked at for: the violation of the run that it is shown beside.
    pub(crate) about: Option<&'a Violation>,
}

/// A diagram of one run.
#[derive(Debug)]
pub(crate) struct Diagram {
    heading: Option<String>,
    cpus: usize,
    start: Vec<String>,
    rows: Vec<Row>,
    footnotes: Vec<String>,
    quiescence: Option<String>,
}

impl Diagram {
    /// The diagram of a run that was recorded.
    pub(crate) fn of(program: &Program, outcome: &Outcome, options: Options<'_>) -> Diagram {
        let hpn = u32::from(program.head.hpn);
        let violation = outcome.verdict.violation();
        let events = outcome.trace.as_ref().map_or(&[][..], |trace| trace.events());
        let split = select::set_up_ends(events, violation);
        let mut rows = select::rows(&events[split..], violation, options, hpn);
        let start = start::entries(&events[..split], &events[split..], hpn);
        let footnotes = violation.map(|v| footnotes::mark(&mut rows, v)).unwrap_or_default();
        let at_rest = violation.filter(|v| v.function == "quiescence");
        Diagram {
            heading: violation.map(heading),
            cpus: program.cpus.len(),
            start,
            rows,
            footnotes,
            quiescence: at_rest.map(|v| format!("all quiet: ^^^ {}", v.oracle.name)),
        }
    }
}

/// Subject, the sentence that was broken, and what was found instead.
fn heading(violation: &Violation) -> String {
    let place = match violation.function {
        "quiescence" => "at quiescence".to_owned(),
        function => format!("in {function}"),
    };
    let mut text =
        format!("{}: {} {place}\n\n", subject::file_of(violation.function), violation.oracle.name);
    text += &columns::wrap(violation.oracle.why, 72);
    text += &columns::wrap(&format!("Here {}.", violation.detail), 72);
    if !violation.debts.is_empty() {
        let debts: Vec<String> =
            violation.debts.iter().map(|(cpu, debt)| format!("cpu{cpu}: {debt}")).collect();
        let of_one = violation.debts.iter().all(|&(cpu, _)| cpu == violation.cpu);
        let operations = if of_one { "the operation" } else { "the operations" };
        text += &columns::wrap(
            &format!("Still owed by {operations} in flight: {}.", debts.join(", ")),
            72,
        );
    }
    text
}

impl fmt::Display for Diagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(heading) = &self.heading {
            writeln!(f, "{heading}")?;
        }
        columns::write(f, self.cpus, &self.start, &self.rows)?;
        if let Some(line) = &self.quiescence {
            writeln!(f, "\t{line}")?;
        }
        if !self.footnotes.is_empty() {
            writeln!(f)?;
        }
        self.footnotes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}
