//! The departure: where a failing run first does something else than the run of a right kernel.
//!
//! The same program under the same schedule goes the same way on both kernels until one of them does what the other
//! does not: it takes a lock, looks again, pays a debt. That is where the reason lies, long before an oracle notices,
//! and whichever does. The right kernel is the same one with nothing left out, or else `fixed`; a finding that shows
//! on both has no departure.

use racewalk::prog::Program;
use racewalk::{Class, Era, Event, Machine, Obj, Outcome, Place, Variant, What, class_name};

use crate::finding::recorded;

/// Where two runs part.
#[derive(Clone, Debug)]
pub(crate) struct Departure {
    /// Whose step it is.
    pub(crate) cpu: u8,
    /// The function in which the CPU is.
    pub(crate) function: Place,
    /// The place that it came to last.
    pub(crate) place: Place,
    /// What the failing run does there.
    pub(crate) wrong: Option<What>,
    /// What the right one does.
    pub(crate) right: Option<What>,
}

/// A right kernel, and its run of the program that fails.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The kernel.
    pub(crate) variant: Variant,
    /// Its run.
    pub(crate) outcome: Outcome,
}

impl Reference {
    /// The first kernel of those that ought to be right on which the program and its schedule are clean.
    pub(crate) fn of(machine: &mut Machine, program: &Program) -> Option<Reference> {
        let own = Variant::of(program);
        let candidates = [Variant::era(own.era), Variant::era(Era::Fixed)];
        candidates.into_iter().filter(|variant| *variant != own).find_map(|variant| {
            let mut program = program.clone();
            variant.write_to(&mut program.head);
            let outcome = recorded(machine, &program);
            outcome.verdict.is_clean().then_some(Reference { variant, outcome })
        })
    }
}

impl Departure {
    /// Where two runs of one program part; `None` if one is the beginning of the other.
    pub(crate) fn between(wrong: &Outcome, right: &Outcome) -> Option<Departure> {
        let (wrong, right) = (events(wrong), events(right));
        let at = wrong.iter().zip(right).take_while(|(one, other)| one == other).count();
        // A run that has come to its end, or was stopped by an oracle, does nothing where the other goes on.
        let first = wrong.get(at).or(right.get(at))?;
        let (mut stack, mut place) = (Vec::new(), Place::default());
        for event in wrong[..at].iter().filter(|event| event.cpu == first.cpu) {
            match event.what {
                What::Enter(function) => stack.push(function),
                What::Leave => {
                    stack.pop();
                }
                What::OpBegin(_) => stack.clear(),
                _ => {}
            }
            place = event.place;
        }
        let right = right.get(at).filter(|event| event.cpu == first.cpu);
        Some(Departure {
            cpu: first.cpu,
            function: stack.last().copied().unwrap_or(place),
            place,
            wrong: wrong.get(at).map(|event| event.what),
            right: right.map(|event| event.what),
        })
    }
}

/// All events, those of the set-up too: they may part there already.
fn events(outcome: &Outcome) -> &[Event] {
    outcome.trace.as_ref().map_or(&[][..], |trace| trace.events())
}

/// An event without what differs from run to run: what is done, and to what kind of object.
pub(crate) fn kind(what: What) -> String {
    let of = |verb: &str, obj: Obj| format!("{verb} {}", class_name(obj));
    match what {
        What::Enter(place) => format!("{}()", racewalk::place_name(place)),
        What::Pass(place) => format!("{}:", racewalk::place_name(place)),
        What::Leave => "return".to_owned(),
        What::OpBegin(_) => "begin".to_owned(),
        What::OpEnd(_) => "end".to_owned(),
        What::Load { obj, .. } => of("read", obj),
        What::Store { obj, .. } | What::Rmw { obj, .. } => of("change", obj),
        // Who waits for a lock wants it as much as who gets it.
        What::Lock { obj, .. } | What::Wait { obj } => of("lock", obj),
        What::Unlock { obj } => of("unlock", obj),
        What::Alloc(obj) => of("alloc", obj),
        What::Free(obj) => of("free", obj),
        What::Link { .. } => of("link", Class::Table.obj(0)),
        What::Unlink { .. } => of("unlink", Class::Table.obj(0)),
        What::Flush { .. } => "flush".to_owned(),
        What::Notifier { open: true, .. } => "notifier start".to_owned(),
        What::Notifier { open: false, .. } => "notifier end".to_owned(),
        What::Splat(_) => "complaint".to_owned(),
        other => {
            let debug = format!("{other:?}");
            debug.split([' ', '{', '(']).next().unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Departure, Reference, kind};
    use racewalk::{Era, Machine, Program, place_name};

    fn program(file: &str) -> Program {
        let path = format!("{}/../corpus/{file}.rw", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the corpus can be read");
        racewalk::parse(&text).expect("the corpus is right").program
    }

    fn departure(file: &str) -> (Era, Departure) {
        let (program, mut machine) = (program(file), Machine::new());
        let right = Reference::of(&mut machine, &program).expect("a right kernel is known");
        let wrong = crate::finding::recorded(&mut machine, &program);
        let departure = Departure::between(&wrong, &right.outcome).expect("they part");
        (right.variant.era, departure)
    }

    #[test]
    fn a_protection_that_is_left_out_is_where_the_runs_part() {
        let (era, departure) = departure("litmus/without/abort_flush");
        assert_eq!((era, place_name(departure.function)), (Era::V66, "collapse_abort"));
        assert_eq!(departure.right.map(kind).as_deref(), Some("flush_tlb_mm_range()"));
    }

    #[test]
    fn a_find_in_an_era_is_held_against_the_fixed_one() {
        assert_eq!(departure("found/zap_drops_dirty").0, Era::Fixed);
    }

    #[test]
    fn a_clean_run_parts_from_nothing() {
        let mut program = program("litmus/without/abort_flush");
        program.head.without.clear();
        let outcome = crate::finding::recorded(&mut Machine::new(), &program);
        assert!(Departure::between(&outcome, &outcome).is_none());
    }
}
