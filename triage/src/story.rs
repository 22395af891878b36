//! A story is all there is to say of one failing run: what broke, who raced with whom, what a right kernel does under
//! the same schedule, what was done to the object before, and how to see it again.

mod history;
mod page;
mod test;
mod timeline;

use std::io::{self, Write};

use racewalk::prog::Program;
use racewalk::{Machine, Outcome, Variant, place_name};
use serde_json::{Value, json};

use crate::anchor::race;
use crate::departure::{Departure, Reference, kind};
use crate::diagram::{Diagram, Options};
use crate::finding::recorded;
use crate::racing::Pair;
use crate::signature::Signature;
pub(crate) use page::frame;

/// All there is to say of one run.
#[derive(Debug)]
pub(crate) struct Story {
    /// The program, as it is printed and saved.
    program: Program,
    /// Its run, recorded.
    outcome: Outcome,
    /// The run of the same program on a right kernel.
    right: Option<Reference>,
    /// What tells the bug apart.
    pub(crate) signature: Option<Signature>,
    /// The command that shows it again.
    replay: String,
}

impl Story {
    /// The story of a program; it is run for it.
    pub(crate) fn of(machine: &mut Machine, program: &Program, replay: String) -> Story {
        let outcome = recorded(machine, program);
        let right = Reference::of(machine, program);
        let signature = Signature::of(program, &outcome, right.as_ref());
        Story { program: program.clone(), outcome, right, signature, replay }
    }

    fn title(&self) -> String {
        match (&self.program.head.title, self.outcome.verdict.violation()) {
            (Some(title), _) => title.clone(),
            (None, Some(violation)) => crate::finding::Signature::of(violation).to_string(),
            (None, None) => "clean".to_owned(),
        }
    }

    /// The diagram of the failing run.
    fn diagram(&self) -> Diagram {
        Diagram::of(&self.program, &self.outcome, Options::default())
    }

    /// The diagram of the right one, with its kernel's name.
    fn right_diagram(&self) -> Option<(String, Diagram)> {
        let right = self.right.as_ref()?;
        let about = self.outcome.verdict.violation();
        let options = Options { about, ..Options::default() };
        let diagram = Diagram::of(&self.program, &right.outcome, options);
        Some((right.variant.to_string(), diagram))
    }

    /// Where the two runs part, in a sentence.
    fn departure(&self) -> Option<String> {
        let right = self.right.as_ref()?;
        let departure = Departure::between(&self.outcome, &right.outcome)?;
        let Departure { cpu, function, place, .. } = departure;
        let does = departure.wrong.map_or_else(|| "nothing".to_owned(), kind);
        let ought = departure.right.map_or_else(|| "another CPU goes on".to_owned(), kind);
        let at =
            if place == function { String::new() } else { format!(" at {}", place_name(place)) };
        Some(format!(
            "cpu{cpu} in {}{at}: `{does}`; on {}: `{ought}`",
            place_name(function),
            right.variant
        ))
    }

    /// The number of the event, after the set-up, at which the two runs part.
    fn parts_at(&self) -> Option<usize> {
        let right = self.right.as_ref()?;
        let events =
            |outcome: &Outcome| outcome.trace.as_ref().map(|trace| trace.events().to_vec());
        let (wrong, right) = (events(&self.outcome)?, events(&right.outcome)?);
        let at = wrong.iter().zip(&right).take_while(|(one, other)| one == other).count();
        at.checked_sub(wrong.len() - race(&wrong).len())
    }

    /// The racing pair, in a sentence.
    fn race(&self) -> Option<String> {
        let Pair { first, second } = Pair::of(&self.outcome, self.hpn())?;
        Some(format!(
            "cpu{} in {}, then cpu{} in {}, both at {}",
            first.cpu,
            place_name(first.function),
            second.cpu,
            place_name(second.function),
            racewalk::object_name(second.obj, self.hpn())
        ))
    }

    fn hpn(&self) -> u32 {
        u32::from(self.program.head.hpn)
    }

    fn debts(&self) -> Vec<String> {
        let debts = self.outcome.verdict.violation().map(|violation| &violation.debts);
        debts.into_iter().flatten().map(|(cpu, debt)| format!("cpu{cpu}: {debt}")).collect()
    }

    fn history(&self) -> Vec<String> {
        history::of(&self.outcome, self.hpn())
    }

    /// The program's text.
    pub(crate) fn text(&self) -> String {
        racewalk::print_program(&self.program)
    }

    /// A test that shows it.
    pub(crate) fn test(&self) -> String {
        test::source(&self.program, &self.outcome, self.right.as_ref())
    }

    /// The story as a page that needs nothing but itself.
    pub(crate) fn page(&self) -> String {
        page::of(self).into_string()
    }

    /// The story as text.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.diagram())?;
        match self.right_diagram() {
            Some((kernel, diagram)) => {
                writeln!(out, "The same program and schedule on {kernel}, which is clean:\n")?;
                writeln!(out, "{diagram}")?;
            }
            None => writeln!(out, "No kernel is known on which this program is clean.\n")?,
        }
        let list = |out: &mut dyn Write, head: &str, lines: &[String]| -> io::Result<()> {
            if lines.is_empty() {
                return Ok(());
            }
            writeln!(out, "{head}")?;
            lines.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
            writeln!(out)
        };
        list(out, "Where the runs part:", &self.departure().into_iter().collect::<Vec<_>>())?;
        list(out, "The racing pair:", &self.race().into_iter().collect::<Vec<_>>())?;
        list(out, "What was done to the object, the last first:", &self.history())?;
        list(out, "Still owed:", &self.debts())?;
        writeln!(out, "{}", self.text())?;
        writeln!(out, "Kernel: {}", Variant::of(&self.program))?;
        if let Some(signature) = &self.signature {
            writeln!(out, "Signature: {signature}")?;
        }
        writeln!(out, "Replay: {}\n", self.replay)?;
        writeln!(out, "As a test:\n\n{}", self.test())
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let violation = self.outcome.verdict.violation();
        json!({
            "title": self.title(),
            "kernel": Variant::of(&self.program).to_string(),
            "verdict": self.outcome.verdict.name(),
            "why": violation.map(|violation| violation.oracle.why),
            "detail": violation.map(|violation| violation.detail.as_str()),
            "signature": self.signature.as_ref().map(Signature::to_string),
            "departure": self.departure(),
            "race": self.race(),
            "history": self.history(),
            "debts": self.debts(),
            "program": self.text(),
            "diagram": self.diagram().to_string(),
            "right_kernel": self.right.as_ref().map(|right| right.variant.to_string()),
            "right_diagram": self.right_diagram().map(|(_, diagram)| diagram.to_string()),
            "replay": self.replay,
            "test": self.test(),
        })
    }
}
