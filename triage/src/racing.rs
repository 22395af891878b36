//! The racing pair: the two accesses, of two CPUs, that a violation comes from, as far as a trace can tell.
//!
//! A violation names objects. What was done to them last, by two CPUs, one of which changed something, is the pair; an
//! entry that is counted by an object stands for it. Where the violation names nothing that two CPUs touched, it is
//! the last entry of a page table that one CPU changed and another one used.

use racewalk::{Class, Event, Obj, Outcome, Place, Violation, What, object_name};

use crate::anchor::race;
use crate::diagram::{counts, text};

/// One access of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Access {
    /// Its number among the events after the set-up.
    pub(crate) at: usize,
    /// Who.
    pub(crate) cpu: u8,
    /// In which function.
    pub(crate) function: Place,
    /// The place passed last: a label, or the function.
    pub(crate) place: Place,
    /// To what.
    pub(crate) obj: Obj,
    /// Whether it changed it.
    pub(crate) change: bool,
}

/// Two accesses, the earlier one first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pair {
    /// The earlier one.
    pub(crate) first: Access,
    /// The later one.
    pub(crate) second: Access,
}

impl Pair {
    /// The pair of a run that was recorded and ended in a violation; `None` if no two CPUs met.
    pub(crate) fn of(outcome: &Outcome, hpn: u32) -> Option<Pair> {
        let violation = outcome.verdict.violation()?;
        let events = race(outcome.trace.as_ref().map_or(&[][..], |trace| trace.events()));
        let accesses = accesses(events);
        let named =
            accesses.iter().filter(|access| is_about(access, &events[access.at], violation, hpn));
        let entries = accesses.iter().filter(|access| is_entry(access.obj));
        last_conflict(&named.copied().collect::<Vec<_>>())
            .or_else(|| last_conflict(&entries.copied().collect::<Vec<_>>()))
    }
}

/// All accesses of a run, each with the function that it was made in.
pub(crate) fn accesses(events: &[Event]) -> Vec<Access> {
    let mut stacks: [Vec<Place>; 8] = Default::default();
    let mut accesses = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let stack = &mut stacks[usize::from(event.cpu) % 8];
        match event.what {
            What::Enter(function) => stack.push(function),
            What::Leave => {
                stack.pop();
            }
            _ => {
                let Some((obj, change)) = touched(event.what) else { continue };
                let function = stack.last().copied().unwrap_or(event.place);
                let Event { cpu, place, .. } = *event;
                accesses.push(Access { at, cpu, function, place, obj, change });
            }
        }
    }
    accesses
}

/// The object that an event is an access to, and whether it changes it.
fn touched(what: What) -> Option<(Obj, bool)> {
    match what {
        What::Load { obj, .. } => Some((obj, false)),
        What::Store { obj, old, value } | What::Rmw { obj, old, value } => {
            Some((obj, old != value))
        }
        What::Alloc(obj) | What::Free(obj) => Some((obj, true)),
        What::Link { table, .. } | What::Unlink { table, .. } => Some((table, true)),
        _ => None,
    }
}

/// Whether an access is one to what the violation names, or to an entry by which that is counted.
fn is_about(access: &Access, event: &Event, violation: &Violation, hpn: u32) -> bool {
    violation.objects.iter().any(|&named| {
        named == access.obj
            || (access.change && counts(named, access.obj, &text(event, hpn)))
            || (Class::Table.has(named)
                && Class::Pte.has(access.obj)
                && object_name(access.obj, hpn).starts_with(&format!("pt{}[", named.index())))
    })
}

/// Whether it is a PTE or a PMD entry.
fn is_entry(obj: Obj) -> bool {
    Class::Pte.has(obj) || Class::Pmd.has(obj)
}

/// The last access that conflicts with an earlier one of another CPU, and the last of those.
fn last_conflict(accesses: &[Access]) -> Option<Pair> {
    accesses.iter().enumerate().rev().find_map(|(n, &second)| {
        let conflicts = |first: &&Access| {
            first.cpu != second.cpu && first.obj == second.obj && (first.change || second.change)
        };
        let first = accesses[..n].iter().rev().find(conflicts)?;
        Some(Pair { first: *first, second })
    })
}

#[cfg(test)]
mod tests {
    use super::{Access, Pair, last_conflict};
    use racewalk::{Class, Machine, Place, place_name};

    fn access(at: usize, cpu: u8, index: u32, change: bool) -> Access {
        let obj = Class::Pte.obj(index);
        Access { at, cpu, function: Place(1), place: Place(1), obj, change }
    }

    #[track_caller]
    fn check(accesses: &[Access], pair: Option<(usize, usize)>) {
        assert_eq!(last_conflict(accesses).map(|pair| (pair.first.at, pair.second.at)), pair);
    }

    #[test]
    fn the_last_two_of_two_cpus_with_a_change_among_them() {
        let (read, change) = (false, true);
        check(&[access(0, 0, 1, read), access(1, 1, 1, read)], None);
        check(&[access(0, 0, 1, change), access(1, 0, 1, change)], None);
        check(&[access(0, 0, 1, change), access(1, 1, 2, change)], None);
        check(&[access(0, 0, 1, read), access(1, 1, 1, change)], Some((0, 1)));
        let more = [access(0, 0, 1, change), access(1, 1, 1, read), access(2, 1, 1, change)];
        check(&more, Some((0, 2)));
    }

    #[test]
    fn the_pair_of_a_copy_that_a_collapse_has_not_seen() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/litmus/review/recheck_page.rw");
        let text = std::fs::read_to_string(path).expect("the corpus can be read");
        let program = racewalk::parse(&text).expect("the corpus is right").program;
        let outcome = crate::finding::recorded(&mut Machine::new(), &program);
        let Pair { first, second } = Pair::of(&outcome, 4).expect("two CPUs met");
        assert_eq!((first.cpu, place_name(first.function)), (1, "wp_page_copy"));
        assert_eq!((second.cpu, place_name(second.function)), (0, "collapse_pte_mapped_thp"));
    }
}
