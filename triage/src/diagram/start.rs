//! The start: what the entries hold that the run is about, when the race begins.

use racewalk::{Class, Event, Obj, What, object_name, value_name};

/// At the most so many are shown.
const ENTRIES_MAX: usize = 6;

/// The entries that the run touches and that are not empty, in words.
pub(super) fn entries(set_up: &[Event], run: &[Event], hpn: u32) -> Vec<String> {
    let mut touched: Vec<Obj> =
        run.iter().filter_map(|event| written(event).map(|(obj, _)| obj)).collect();
    touched.sort();
    touched.dedup();
    let last = |obj: Obj| set_up.iter().rev().filter_map(written).find(|(found, _)| *found == obj);
    let held = touched.into_iter().filter_map(last).filter(|(_, value)| *value != 0);
    let mut shown: Vec<String> = held
        .map(|(obj, value)| format!("{} -> {}", object_name(obj, hpn), value_name(obj, value, hpn)))
        .collect();
    if shown.len() > ENTRIES_MAX {
        let more = shown.len() - ENTRIES_MAX;
        shown.truncate(ENTRIES_MAX);
        shown.push(format!("{more} more"));
    }
    shown
}

/// The page-table entry that the event wrote, and its new value.
pub(super) fn written(event: &Event) -> Option<(Obj, u64)> {
    match event.what {
        What::Store { obj, value, .. } | What::Rmw { obj, value, .. } if is_entry(obj) => {
            Some((obj, value))
        }
        _ => None,
    }
}

/// Whether it is a PTE or a PMD entry.
pub(super) fn is_entry(obj: Obj) -> bool {
    Class::Pte.has(obj) || Class::Pmd.has(obj)
}
