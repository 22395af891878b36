//! Single-threaded, the eras agree: the same history leads to the same abstract state (kernel-semantics 9.10).
//!
//! [`single_threaded`] makes a history of any program, [`end_of`] runs it under an era, and [`Ending::agrees`] compares.
//!
//! *Verified*: contents, what is mapped and how, counters, page caches, and that no oracle speaks up on the way.
//! *Not verified*: what the eras promise to do differently, which is left out of a history or said where it is excused.

use crate::mm::steps::Era;
use crate::prog::{self, Axes, GupKind, MapFlags, Op, Program, Schedule, Setup, UffdModes, limits};
use crate::run::{FinalState, Machine, Options, Variant, Violation};

/// How a history ended under an era.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// The final state.
    pub state: FinalState,
    /// Whether a collapse has made a huge page of small ones.
    pub collapsed: bool,
}

/// All operations of a program on one CPU, one after the other, without what the eras do differently on purpose.
pub fn single_threaded(program: &mut Program) {
    let ops = program.cpus.iter().flatten().copied().take(limits::OPS_MAX).collect();
    program.cpus = vec![ops];
    // Before `fixed` a long-term pin may never come to an end (corpus/found/unshare_maps_huge_page_again.rw).
    // Whether GUP-fast gets a page depends on whether it is mapped, in which the eras may differ (see `agrees`); and what
    // is pinned is not split.
    for op in &mut program.cpus[0] {
        match op {
            Op::GupSlow { kind, .. } => *kind = GupKind::Pin,
            Op::GupFast { at, .. } => *op = Op::Read { at: *at },
            // What fails for want of memory depends on how many allocations there were.
            Op::FailAlloc { .. } => *op = Op::RcuGp,
            _ => {}
        }
    }
    // The older collapse_file() fills holes that a userfaultfd wants to hear of (catalogue 16); and whether a page is mapped,
    // in which the eras may differ, decides whether it hears of a minor fault, and whether it can fill the page.
    for item in &mut program.setup {
        match item {
            Setup::Do(op) => only_writes(op),
            Setup::Mmap { flags, .. } => {
                *flags = flags.without(MapFlags::UFFD_MISSING).without(MapFlags::UFFD_MINOR);
            }
            _ => {}
        }
    }
    program.cpus[0].iter_mut().for_each(only_writes);
    program.schedule = Schedule::default();
    prog::fixup(program);
}

fn only_writes(op: &mut Op) {
    match op {
        Op::UffdRegister { modes, .. } if modes.has(UffdModes::WP) => *modes = UffdModes::WP,
        Op::UffdRegister { .. } => *op = Op::RcuGp,
        Op::UffdCopy { at }
        | Op::UffdZeropage { at }
        | Op::UffdContinue { at }
        | Op::UffdPoison { at } => *op = Op::Read { at: *at },
        _ => {}
    }
}

/// Runs a history under an era to its end.
///
/// # Errors
/// The violation, if an oracle speaks up.
pub fn end_of(
    machine: &mut Machine,
    program: &Program,
    era: Era,
) -> Result<Ending, Box<Violation>> {
    // seed-v3 loses the checker's counts, so the checker is off for it (the others keep theirs: it changes no state).
    let checked = usize::from(era == Era::SeedV3);
    let axes = program.head.axes.with(&[(Axes::PAGE_TABLE_CHECK, checked)]);
    let variant = Some(Variant::era(era));
    let options = Options { variant, axes: Some(axes), record: true, ..Options::default() };
    let outcome = machine.run(program, &options);
    match outcome.verdict {
        crate::Verdict::Violation(violation) => Err(violation),
        crate::Verdict::Clean => {
            Ok(Ending { state: outcome.state, collapsed: outcome.reached.has("collapse_file") })
        }
    }
}

impl Ending {
    /// Whether a history has ended alike under an older era (this one) and a newer one.
    ///
    /// The older khugepaged remembers what v6.6 collapses at once, and the older `collapse_file` leaves the tables of
    /// other mms to it: until its next visit the eras differ in pages that the page cache can give back at any time, and
    /// in nothing else. A huge PMD reaches beyond the end of a file that was truncated within a huge page, where a fault
    /// finds nothing: so what is written there depends on who has a huge PMD already; and on what fault-around has mapped
    /// there.
    pub fn agrees(&self, newer: &Ending, program: &Program) -> bool {
        let ops = || program.cpus[0].iter();
        let deferred = ops().any(|op| matches!(op, Op::Khugepaged { .. }));
        let cut = ops().any(|op| matches!(op, Op::Truncate { len, .. } if len.p != 0));
        if (self.collapsed || deferred) && cut {
            return true;
        }
        if deferred || self.collapsed {
            self.state.refaultable == newer.state.refaultable
        } else {
            self == newer
        }
    }
}
