//! The timeline: a lane for each CPU, time going right, locks as bars, the racing pair linked.
//!
//! It is one SVG. Every event is a mark that says what it is when one points at it.

use std::collections::BTreeMap;

use maud::{Markup, html};
use racewalk::prog::Program;
use racewalk::{Event, Obj, Outcome, What, object_name, place_name};

use crate::anchor::race;
use crate::diagram::text;
use crate::racing::Pair;

/// Between two events.
const STEP: usize = 9;
/// Left of the first.
const LEFT: usize = 64;
/// A lane: the operations, the events, and the locks below them.
const OPS_HEIGHT: usize = 20;
const EVENTS_HEIGHT: usize = 34;
const LOCK_HEIGHT: usize = 13;

/// A stretch of time in a lane: from one event to another.
#[derive(Debug, PartialEq, Eq)]
struct Bar {
    cpu: u8,
    from: usize,
    to: usize,
    row: usize,
    text: String,
}

/// The timeline of a run, with a line before the event at which it parts from another.
pub(super) fn of(program: &Program, outcome: &Outcome, parts_at: Option<usize>) -> Markup {
    let hpn = u32::from(program.head.hpn);
    let events = race(outcome.trace.as_ref().map_or(&[][..], |trace| trace.events()));
    let locks = locks(events, hpn);
    let ops = operations(events, program);
    let rows = |cpu: u8| {
        locks.iter().filter(|bar| bar.cpu == cpu).map(|bar| bar.row + 1).max().unwrap_or(0)
    };
    let mut tops = Vec::new();
    let mut height = 8;
    for cpu in 0..program.cpus.len() as u8 {
        tops.push(height);
        height += OPS_HEIGHT + EVENTS_HEIGHT + LOCK_HEIGHT * rows(cpu) + 14;
    }
    let moments = moments(events);
    let x = |at: usize| LEFT + STEP * moments[at.min(events.len())];
    let width = x(events.len()) + 3 * STEP;
    let top = |cpu: u8| tops.get(usize::from(cpu)).copied().unwrap_or(0);
    let middle = |cpu: u8| top(cpu) + OPS_HEIGHT + EVENTS_HEIGHT / 2;
    let pair = Pair::of(outcome, hpn);
    let violation = outcome.verdict.violation();
    html! {
        svg.timeline xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) role="img" aria-label="timeline" {
            @for (cpu, &top) in tops.iter().enumerate() {
                text.lane x="6" y=(top + OPS_HEIGHT + EVENTS_HEIGHT / 2 + 4) { "CPU" (cpu) }
                line.lane x1=(LEFT - 8) x2=(width - 8) y1=(middle(cpu as u8)) y2=(middle(cpu as u8)) {}
            }
            @for bar in &ops {
                g.op {
                    title { "cpu" (bar.cpu) ": " (bar.text) }
                    rect x=(x(bar.from)) y=(top(bar.cpu)) width=(x(bar.to) - x(bar.from)) height=(OPS_HEIGHT - 4) rx="3" {}
                    text x=(x(bar.from) + 4) y=(top(bar.cpu) + 12) { (fitting(&bar.text, x(bar.to) - x(bar.from))) }
                }
            }
            @for bar in &locks {
                @let y = top(bar.cpu) + OPS_HEIGHT + EVENTS_HEIGHT + LOCK_HEIGHT * bar.row;
                g.lock {
                    title { "cpu" (bar.cpu) " holds " (bar.text) }
                    rect x=(x(bar.from)) y=(y) width=(x(bar.to) - x(bar.from)) height=(LOCK_HEIGHT - 2) rx="2" {}
                    text x=(x(bar.from) + 3) y=(y + 9) { (fitting(&bar.text, x(bar.to) - x(bar.from))) }
                }
            }
            @if let Some(at) = parts_at {
                line.parts x1=(x(at) - STEP / 2) x2=(x(at) - STEP / 2) y1="0" y2=(height) {}
            }
            @if let Some(Pair { first, second }) = pair {
                @let (x1, y1, x2, y2) = (x(first.at), middle(first.cpu), x(second.at), middle(second.cpu));
                path.race d=(format!("M {x1} {y1} C {} {y1}, {} {y2}, {x2} {y2}", (x1 + x2) / 2, (x1 + x2) / 2)) {}
                circle.race cx=(x1) cy=(y1) r="8" {}
                circle.race cx=(x2) cy=(y2) r="8" {}
            }
            @for (at, event) in events.iter().enumerate() {
                @if let Some(class) = class(event.what) {
                    circle.(class) cx=(x(at)) cy=(middle(event.cpu)) r=(if class == "pass" { 1 } else { 4 }) tabindex="0" data-step=(step(event, hpn)) {
                        title { (step(event, hpn)) }
                    }
                }
            }
            @if let Some(violation) = violation {
                @let at = x(events.len());
                g.noticed {
                    title { (violation.oracle.name) ": " (violation.detail) }
                    path d=(format!("M {} {} l 12 12 m 0 -12 l -12 12", at - 2, middle(violation.cpu) - 6)) {}
                }
            }
        }
    }
}

/// When each event comes: who goes from function to function takes no time. One more for the end.
fn moments(events: &[Event]) -> Vec<usize> {
    let mut moment = 0;
    let mut moments = Vec::new();
    for event in events {
        moments.push(moment);
        let passes = matches!(event.what, What::Enter(_) | What::Pass(_) | What::Leave);
        moment += usize::from(!passes);
    }
    moments.push(moment);
    moments
}

/// What is said of an event.
fn step(event: &Event, hpn: u32) -> String {
    format!(
        "cpu{} step {}, {}: {}",
        event.cpu,
        event.step,
        place_name(event.place),
        text(event, hpn)
    )
}

/// The kinds of marks; `None`: no mark.
fn class(what: What) -> Option<&'static str> {
    match what {
        What::Leave
        | What::OpBegin(_)
        | What::OpEnd(_)
        | What::Enter(_)
        | What::Lock { .. }
        | What::Unlock { .. } => None,
        What::Pass(_) => Some("pass"),
        What::Load { .. } => Some("read"),
        What::Store { .. } | What::Rmw { .. } => Some("change"),
        What::Wait { .. } => Some("wait"),
        What::Splat(_) => Some("splat"),
        _ => Some("other"),
    }
}

/// What fits into a bar, if anything does.
fn fitting(text: &str, width: usize) -> String {
    let room = width.saturating_sub(6) / 6;
    if text.chars().count() <= room {
        text.to_owned()
    } else if room < 4 {
        String::new()
    } else {
        text.chars().take(room - 1).chain(['…']).collect()
    }
}

/// The operations, each from its beginning to its end, or to the end of all.
fn operations(events: &[Event], program: &Program) -> Vec<Bar> {
    let mut open: BTreeMap<u8, (usize, String)> = BTreeMap::new();
    let mut bars = Vec::new();
    let close = |(from, text), cpu, to| Bar { cpu, from, to, row: 0, text };
    for (at, event) in events.iter().enumerate() {
        match event.what {
            What::OpBegin(op) => {
                let of = program
                    .cpus
                    .get(usize::from(event.cpu))
                    .and_then(|ops| ops.get(usize::from(op)));
                if let Some(op) = of {
                    open.insert(event.cpu, (at, op.to_string()));
                }
            }
            What::OpEnd(_) => {
                bars.extend(open.remove(&event.cpu).map(|op| close(op, event.cpu, at)))
            }
            _ => {}
        }
    }
    bars.extend(open.into_iter().map(|(cpu, op)| close(op, cpu, events.len())));
    bars
}

/// The locks, each from where it was taken to where it was dropped; those held at one time below each other.
fn locks(events: &[Event], hpn: u32) -> Vec<Bar> {
    let mut open: Vec<(u8, Obj, usize, usize)> = Vec::new();
    let mut bars = Vec::new();
    let bar = |(cpu, obj, from, row): (u8, Obj, usize, usize), to| Bar {
        cpu,
        from,
        to,
        row,
        text: object_name(obj, hpn),
    };
    for (at, event) in events.iter().enumerate() {
        match event.what {
            What::Lock { obj, .. } => {
                let taken: Vec<usize> =
                    open.iter().filter(|held| held.0 == event.cpu).map(|held| held.3).collect();
                let row = (0..).find(|row| !taken.contains(row)).unwrap_or(0);
                open.push((event.cpu, obj, at, row));
            }
            What::Unlock { obj } => {
                if let Some(n) = open.iter().rposition(|held| (held.0, held.1) == (event.cpu, obj))
                {
                    bars.push(bar(open.remove(n), at));
                }
            }
            _ => {}
        }
    }
    bars.extend(open.into_iter().map(|held| bar(held, events.len())));
    bars
}

#[cfg(test)]
mod tests {
    use super::{fitting, locks};
    use racewalk::{Class, Event, LockMode, Place, What};

    #[test]
    fn locks_that_overlap_lie_below_each_other() {
        let (one, other) = (Class::Ptl.obj(0), Class::Pml.obj(0));
        let lock = |obj| What::Lock { obj, mode: LockMode::Exclusive };
        let whats = [
            lock(one),
            lock(other),
            What::Unlock { obj: one },
            lock(one),
            What::Unlock { obj: one },
        ];
        let events = whats.map(|what| Event { cpu: 0, step: 0, place: Place(0), what });
        let found: Vec<_> =
            locks(&events, 4).iter().map(|bar| (bar.from, bar.to, bar.row)).collect();
        assert_eq!(found, [(0, 2, 0), (3, 4, 0), (1, 5, 1)]);
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(fitting("madvise(v0, collapse)", 66), "madvise(v…");
        assert_eq!(fitting("ptl", 100), "ptl");
        assert_eq!(fitting("madvise", 10), "");
    }
}
