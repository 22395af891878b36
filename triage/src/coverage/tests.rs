//! Who met whom in programs whose schedules say so.

use racewalk::{Machine, Options, parse};

use super::{Partner, Reach, rows};

fn reach(text: &str) -> Reach {
    let program = parse(text).expect("the test's text is right").program;
    let outcome = Machine::new().run(&program, &Options { record: true, ..Options::default() });
    let mut reach = Reach::default();
    reach.take_in(&program, outcome.trace.expect("it was recorded").events());
    reach
}

const RECHECK: &str = include_str!("../../../corpus/litmus/review/recheck_page.rw");

fn met(reach: &Reach, label: &str) -> Vec<Partner> {
    reach.of(label).flat_map(|(_, passage)| passage.met.keys().cloned()).collect()
}

#[test]
fn the_copy_meets_the_collapse_between_the_two_looks() {
    let reach = reach(RECHECK);
    let (op, passage) = reach.of("cp6").next().expect("it is where cpu0 stops");
    assert_eq!((op.as_str(), passage.runs, passage.live), ("madvise(collapse)", 1, 1));
    let partners = met(&reach, "cp6");
    assert!(partners.iter().any(|p| p.op == "write" && p.label == Some("wp3")), "{partners:?}");
    // The other one stood nowhere while the first one ran: it had not begun, or was done.
    assert!(met(&reach, "wp3").is_empty());
    // It went past the earlier ones without a stop.
    assert!(met(&reach, "cp5").is_empty());
}

#[test]
fn alone_nobody_is_met_and_nobody_is_live() {
    let schedule = RECHECK.find("schedule").expect("there is one");
    let after = format!("{}schedule\n  cpu1 until exit\n  cpu0 until exit\n", &RECHECK[..schedule]);
    let reach = reach(&after);
    assert!(reach.passages.values().all(|passage| passage.met.is_empty()));
    let wp3 = reach.of("wp3").next().expect("cpu1 comes by").1;
    let cp1 = reach.of("cp1").next().expect("cpu0 comes by").1;
    assert_eq!((wp3.live, cp1.live), (1, 0), "cpu0 is yet to come; cpu1 is done");
}

#[test]
fn what_has_nothing_in_common_does_not_meet() {
    // cpu1 works in another mm, on another file: it runs while cpu0 stands at cp6, and is nobody's partner.
    let text = "racewalk 1\nkernel fixed\nsetup\n  m0 = mm()\n  m1 = mm()\n  f0 = file(len=1h, huge)\n  v0 = mmap(m0, f0, at=1h, len=1h, private, rw)\n  v1 = mmap(m1, anon, at=2h, len=1h, rw)\n  pte_alloc(v0)\n  madvise(v0, populate_read)\ncpu0\n  madvise(v0, collapse)\ncpu1\n  write(v1)\nschedule\n  cpu0 until cp6\n  cpu1 until exit\n";
    let reach = reach(text);
    assert!(reach.of("cp6").next().is_some_and(|(_, passage)| passage.live == 1));
    assert!(met(&reach, "cp6").is_empty(), "{:?}", met(&reach, "cp6"));
}

#[test]
fn a_star_that_nobody_was_met_at_is_a_fault() {
    let reach = reach(RECHECK);
    let rows = rows(&reach);
    let row = |label| rows.iter().find(|row| row.point.label == label).expect("it is a label");
    assert_eq!(row("cp6").fault(), None);
    assert_eq!(row("cp5").fault(), Some("passed, but nobody was met there"));
    assert_eq!(row("rt1").fault(), Some("never passed"));
    assert_eq!(row("cf1").fault(), None, "it has no star");
}
