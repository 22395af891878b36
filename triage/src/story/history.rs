//! The history of an object: what was done last to the page, table or counter that is wrong.

use racewalk::{Event, Obj, Outcome, What, object_name, place_name};

use crate::diagram::text;

/// Actions that are told.
const ACTIONS_MAX: usize = 8;

/// The last actions on the first object that the violation names and that anybody did anything to, the last one first.
pub(super) fn of(outcome: &Outcome, hpn: u32) -> Vec<String> {
    let Some(violation) = outcome.verdict.violation() else { return Vec::new() };
    let events = outcome.trace.as_ref().map_or(&[][..], |trace| trace.events());
    let told = |&object: &Obj| {
        let of_it = events.iter().rev().filter(|event| acts_on(event.what, object));
        let lines: Vec<String> = of_it.take(ACTIONS_MAX).map(|event| line(event, hpn)).collect();
        (!lines.is_empty()).then(|| {
            let name = format!("{}:", object_name(object, hpn));
            std::iter::once(name).chain(lines).collect()
        })
    };
    violation.objects.iter().find_map(told).unwrap_or_default()
}

fn line(event: &Event, hpn: u32) -> String {
    let at = match place_name(event.place) {
        "nowhere" => String::new(),
        place => format!(", at {place}"),
    };
    format!("cpu{} at its step {}{at}: {}", event.cpu, event.step, text(event, hpn))
}

/// Whether it changes the object, takes it, or gives it up.
fn acts_on(what: What, object: Obj) -> bool {
    match what {
        What::Store { obj, .. }
        | What::Rmw { obj, .. }
        | What::Lock { obj, .. }
        | What::Unlock { obj }
        | What::Wait { obj }
        | What::Alloc(obj)
        | What::Free(obj) => obj == object,
        What::Link { table, pmd } | What::Unlink { table, pmd } => [table, pmd].contains(&object),
        _ => false,
    }
}
