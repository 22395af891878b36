//! The selection: of all events of a run, the few that a reader needs, as rows of a diagram.
//!
//! Always shown: every change of a page-table entry, reads of entries that another CPU changes, user accesses, waits,
//! folios that are freed, and every change of the objects that the violation names. Locks, flushes and invalidation
//! ranges are shown where the oracle is about them. The functions around them give the indentation.

use racewalk::{
    Class, Event, LockMode, Obj, Place, Violation, What, object_name, place_name, value_name,
};

use super::Options;
use super::start::is_entry;

/// One line of the diagram.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Whose column.
    pub(super) cpu: u8,
    /// How deep in the calls.
    pub(super) depth: usize,
    /// What is written.
    pub(super) text: String,
    /// The function that it belongs to.
    pub(super) function: Place,
    /// The label passed last.
    pub(super) place: Place,
    /// The object of a change, for footnotes.
    pub(super) changed: Option<Obj>,
    /// The footnote's number.
    pub(super) note: Option<usize>,
    /// Whether rows like it follow each other in a loop.
    pub(super) repeats: bool,
}

/// Rows of a diagram that one can still take in at a glance.
const ROWS_MAX: usize = 48;
/// Rows of a loop that are shown.
const LOOP_ROWS: usize = 2;

/// Where the set-up ends, in a trace. A violation in the set-up is shown with the set-up.
pub(super) fn set_up_ends(events: &[Event], violation: Option<&Violation>) -> usize {
    let begun = events.iter().position(|event| matches!(event.what, What::OpBegin(_)));
    match (begun, violation) {
        (None, Some(_)) => 0,
        (begun, _) => begun.unwrap_or(events.len()),
    }
}

/// The rows of a run.
pub(super) fn rows(
    events: &[Event],
    violation: Option<&Violation>,
    options: Options<'_>,
    hpn: u32,
) -> Vec<Row> {
    let wanted = Wanted::new(events, violation, options);
    let mut stacks: [Vec<(Place, bool)>; 8] = Default::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut read = Read::default();
    for event in events {
        let stack = &mut stacks[usize::from(event.cpu) % 8];
        match event.what {
            What::Enter(function) => stack.push((function, false)),
            What::Leave => {
                stack.pop();
            }
            _ => {
                let Some((text, changed, repeats)) = wanted.text(event, hpn) else { continue };
                if read.again(event, &rows) {
                    continue;
                }
                // The notifier's own function says it all.
                if matches!(event.what, What::Notifier { .. }) {
                    if stack.last().is_some_and(|(_, shown)| *shown) {
                        continue;
                    }
                    stack.truncate(stack.len().saturating_sub(1));
                }
                open_calls(event.cpu, stack, event.place, &mut rows);
                if matches!(event.what, What::Notifier { .. }) {
                    stack.push((Place(0), true));
                }
                let depth = stack.len() - usize::from(matches!(event.what, What::Notifier { .. }));
                let function = stack.last().map_or(Place(0), |(function, _)| *function);
                rows.push(Row {
                    cpu: event.cpu,
                    depth,
                    text,
                    function,
                    place: event.place,
                    changed,
                    note: None,
                    repeats,
                });
            }
        }
    }
    if let Some(violation) = violation.filter(|v| v.function != "quiescence") {
        let depth = stacks[usize::from(violation.cpu) % 8].len();
        open_calls(violation.cpu, &mut stacks[usize::from(violation.cpu) % 8], Place(0), &mut rows);
        let text = format!("^^^ {}", violation.oracle.name);
        let (function, place) = (Place(0), Place(0));
        rows.push(Row {
            cpu: violation.cpu,
            depth,
            text,
            function,
            place,
            changed: None,
            note: None,
            repeats: false,
        });
    }
    shorten(fold_loops(rows))
}

/// The reads that were shown, each with the number of rows before it.
#[derive(Default)]
struct Read(Vec<(u8, Obj, u64, usize)>);

impl Read {
    /// Whether this read was shown before, and only this CPU's rows since: the same again tells nothing.
    fn again(&mut self, event: &Event, rows: &[Row]) -> bool {
        let What::Load { obj, value } = event.what else { return false };
        let last = self.0.iter().rev().find(|(cpu, read, ..)| (*cpu, *read) == (event.cpu, obj));
        let again = last.is_some_and(|&(_, _, held, shown)| {
            held == value && rows[shown..].iter().all(|row| row.cpu == event.cpu)
        });
        if !again {
            self.0.push((event.cpu, obj, value, rows.len()));
        }
        again
    }
}

/// Writes the calls that lead here and have not been written yet.
fn open_calls(cpu: u8, stack: &mut [(Place, bool)], place: Place, rows: &mut Vec<Row>) {
    for (depth, (function, shown)) in stack.iter_mut().enumerate() {
        if !std::mem::replace(shown, true) {
            let text = format!("{}()", place_name(*function));
            rows.push(Row {
                cpu,
                depth,
                text,
                function: *function,
                place,
                changed: None,
                note: None,
                repeats: false,
            });
        }
    }
}

/// What is wanted of a run.
struct Wanted {
    /// Entries that one CPU changes and another one reads or changes.
    contended: Vec<Obj>,
    /// What the violation names.
    named: Vec<Obj>,
    locks: bool,
    flushes: bool,
    ranges: bool,
}

impl Wanted {
    fn new(events: &[Event], violation: Option<&Violation>, options: Options<'_>) -> Wanted {
        let violation = violation.or(options.about);
        let oracle = violation.map_or("", |v| v.oracle.name);
        let about_locks = ["lock", "atomic", "deadlock"].iter().any(|word| oracle.contains(word));
        Wanted {
            contended: contended(events),
            named: violation.map(|v| v.objects.clone()).unwrap_or_default(),
            locks: options.locks || about_locks,
            flushes: oracle.contains("translation") || oracle.contains("coexist"),
            ranges: oracle.contains("notifier") || oracle.contains("secondary"),
        }
    }

    /// The event's line, the object that it changed, and whether it is one of a loop; `None`: not wanted.
    fn text(&self, event: &Event, hpn: u32) -> Option<(String, Option<Obj>, bool)> {
        let name = |obj| object_name(obj, hpn);
        let line = |text: String| Some((text, None, false));
        match event.what {
            What::Store { obj, old, value } | What::Rmw { obj, old, value } => {
                let shown = old != value && (is_entry(obj) || self.named.contains(&obj));
                let (from, to) = (value_name(obj, old, hpn), value_name(obj, value, hpn));
                shown.then(|| {
                    (format!("{}: {from} -> {to}", name(obj)), Some(obj), Class::Pte.has(obj))
                })
            }
            What::Load { obj, value } if self.contended.contains(&obj) && Class::Pte.has(obj) => {
                Some((
                    format!("READ_ONCE({}) == {}", name(obj), value_name(obj, value, hpn)),
                    None,
                    true,
                ))
            }
            What::UserLoad { page, value, .. } => {
                line(format!("user reads page {page}: {value:#x}"))
            }
            What::UserStore { page, value, .. } => {
                line(format!("user stores {value:#x} to page {page}"))
            }
            What::UffdStore { page, value, .. } => {
                line(format!("fills page {page} with {value:#x}"))
            }
            What::FileStore { index, value, .. } => {
                line(format!("write() stores {value:#x} to page {index} of the file"))
            }
            What::Wait { obj } => line(format!("waits for {}", name(obj))),
            What::Free(obj) if Class::Folio.has(obj) || self.named.contains(&obj) => {
                Some((format!("frees {}", name(obj)), Some(obj), false))
            }
            What::Flush { target, .. } if self.flushes => {
                line(format!("flushes the TLB of cpu{target}"))
            }
            What::GupDone { page, pfn, .. } => {
                line(format!("get_user_pages() returns pfn {pfn} for page {page}"))
            }
            What::GupPut { pfn } => line(format!("gives pfn {pfn} back")),
            What::Fork { child, done: true, .. } => line(format!("m{child} is a copy now")),
            What::Lock { obj, mode } if self.locks => {
                let how = match mode {
                    LockMode::Exclusive => "lock",
                    LockMode::Read => "down_read",
                    LockMode::Write => "down_write",
                };
                line(format!("{how}({})", name(obj)))
            }
            What::Unlock { obj } if self.locks => line(format!("unlock({})", name(obj))),
            What::Notifier { open, .. } if self.ranges => line(format!(
                "mmu_notifier_invalidate_range_{}()",
                if open { "start" } else { "end" }
            )),
            _ => None,
        }
    }
}

/// Entries that one CPU changes while another one looks at them or changes them.
fn contended(events: &[Event]) -> Vec<Obj> {
    let mut readers: Vec<(Obj, u8, bool)> = events
        .iter()
        .filter_map(|event| match event.what {
            What::Load { obj, .. } => Some((obj, event.cpu, false)),
            What::Store { obj, old, value } | What::Rmw { obj, old, value } => {
                Some((obj, event.cpu, old != value))
            }
            _ => None,
        })
        .filter(|(obj, ..)| is_entry(*obj))
        .collect();
    readers.sort();
    readers.dedup();
    let raced = |obj: Obj| {
        let of_it = || readers.iter().filter(move |(o, ..)| *o == obj);
        of_it().any(|(_, cpu, wrote)| *wrote && of_it().any(|(_, other, _)| other != cpu))
    };
    let mut objs: Vec<Obj> =
        readers.iter().map(|(obj, ..)| *obj).filter(|&obj| raced(obj)).collect();
    objs.dedup();
    objs
}

/// Shows the first turns of a loop, and how many more there were.
///
/// A turn is one row, or a read and a change. Turns differ in nothing but the page: what another CPU put there breaks
/// the row, and is seen.
fn fold_loops(rows: Vec<Row>) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::new();
    let mut rest = &rows[..];
    while let Some(first) = rest.first() {
        let period = if turns(rest, 1) > 1 { 1 } else { 2 };
        let (turns, shown) = (turns(rest, period), LOOP_ROWS / period);
        if turns < shown + 2 {
            folded.push(first.clone());
            rest = &rest[1..];
            continue;
        }
        folded.extend_from_slice(&rest[..shown * period]);
        let text = format!("... and {} more", turns - shown);
        folded.push(Row { text, changed: None, ..first.clone() });
        rest = &rest[turns * period..];
    }
    folded
}

/// How many turns of `period` rows the rows begin with, if that is a loop.
fn turns(rows: &[Row], period: usize) -> usize {
    let shape = |row: &Row| (row.cpu, row.depth, row.function, shape(&row.text));
    let is_turn = |turn: &&[Row]| {
        turn.iter().zip(rows).all(|(row, first)| row.repeats && shape(row) == shape(first))
    };
    rows.chunks_exact(period).take_while(is_turn).count()
}

/// A line without the numbers of its pages: `pt0[]: folio128+ -> none`.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut in_page = false;
    for c in text.chars() {
        in_page = matches!(c, '[' | '+') || in_page && c.is_ascii_digit();
        if !in_page || !c.is_ascii_digit() {
            shape.push(c);
        }
    }
    shape
}

/// Keeps what fits: the end of a run explains it, its beginning the least.
fn shorten(mut rows: Vec<Row>) -> Vec<Row> {
    if rows.len() > ROWS_MAX {
        rows.retain(|row| !row.text.starts_with("READ_ONCE"));
    }
    if rows.len() > ROWS_MAX {
        let cut = rows.len() - ROWS_MAX;
        rows.drain(..cut);
        rows[0].text = format!("({cut} lines before)");
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[track_caller]
    fn check(one: &str, other: &str, same: bool) {
        assert_eq!(shape(one) == shape(other), same, "{one} | {other}");
    }

    #[test]
    fn turns_of_a_loop_differ_in_the_page_only() {
        check("pt0[0]: folio128+0 -> none", "pt0[12]: folio128+12 -> none", true);
        check("pt0[0]: folio128+0 -> none", "pt1[0]: folio128+0 -> none", false);
        check("pt0[0]: folio128+0 -> none", "pt0[1]: folio2 rw -> none", false);
    }
}
