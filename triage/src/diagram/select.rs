//! The selection: of all events of a run, the few that a reader needs, as rows of a diagram.
//!
//! Always shown: every change of a page-table entry, reads of entries that another CPU changes, user accesses, open and
//! closed invalidation ranges, waits, what is freed, and every change of the objects that the violation names. The
//! functions around them give the indentation.

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
    options: Options,
    hpn: u32,
) -> Vec<Row> {
    let wanted = Wanted::new(events, violation, options);
    let mut stacks: [Vec<(Place, bool)>; 8] = Default::default();
    let mut rows = Vec::new();
    for event in events {
        let stack = &mut stacks[usize::from(event.cpu) % 8];
        match event.what {
            What::Enter(function) => stack.push((function, false)),
            What::Leave => {
                stack.pop();
            }
            _ => {
                let Some((text, changed, repeats)) = wanted.text(event, hpn) else { continue };
                // The notifier's own function says it all.
                if matches!(event.what, What::Notifier { .. }) {
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
}

impl Wanted {
    fn new(events: &[Event], violation: Option<&Violation>, options: Options) -> Wanted {
        let oracle = violation.map_or("", |v| v.oracle.name);
        let about_locks = ["lock", "atomic", "deadlock"].iter().any(|word| oracle.contains(word));
        Wanted {
            contended: contended(events),
            named: violation.map(|v| v.objects.clone()).unwrap_or_default(),
            locks: options.locks || about_locks,
            flushes: oracle.contains("translation") || oracle.contains("coexist"),
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
            What::Wait { obj } => line(format!("waits for {}", name(obj))),
            What::Free(obj) => line(format!("frees {}", name(obj))),
            What::Flush { target, .. } if self.flushes => {
                line(format!("flushes the TLB of cpu{target}"))
            }
            What::Lock { obj, mode } if self.locks => {
                let how = match mode {
                    LockMode::Exclusive => "lock",
                    LockMode::Read => "down_read",
                    LockMode::Write => "down_write",
                };
                line(format!("{how}({})", name(obj)))
            }
            What::Unlock { obj } if self.locks => line(format!("unlock({})", name(obj))),
            What::Notifier { open, .. } => line(format!(
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

/// Shows two rows of a loop, and how many more there were.
fn fold_loops(rows: Vec<Row>) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::new();
    let mut run = 0;
    for row in rows {
        let same = folded.last().is_some_and(|last: &Row| {
            last.repeats
                && row.repeats
                && last.cpu == row.cpu
                && last.function == row.function
                && last.changed.is_some() == row.changed.is_some()
        });
        run = if same { run + 1 } else { 0 };
        if run < LOOP_ROWS {
            folded.push(row);
        } else if run == LOOP_ROWS {
            folded.push(Row { text: "... and 1 more".to_owned(), ..row });
        } else if let Some(last) = folded.last_mut() {
            last.text = format!("... and {} more", run - LOOP_ROWS + 1);
        }
    }
    folded
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
