//! A view is everything that a check may look at, and nothing that it may change.

use super::{Fact, Observed, Recount};
use crate::mm::Kernel;
use crate::sync::{Cpu, Obj, Splat, What};

/// What is wrong: a sentence that names objects, and the objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// The sentence.
    pub detail: String,
    /// The objects, the most important one first.
    pub objects: Vec<Obj>,
}

impl Wrong {
    /// Something is wrong with these objects.
    pub fn new(detail: impl Into<String>, objects: impl Into<Vec<Obj>>) -> Wrong {
        Wrong { detail: detail.into(), objects: objects.into() }
    }
}

/// What a check sees.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// What was observed of the run so far.
    pub observed: &'a Observed,
}

/// A complaint of the code: whether it is this oracle's, and if so what is wrong.
pub(super) type SplatCheck = fn(&View<'_>, Splat) -> Option<Wrong>;
/// A fact that was noted. Looks at the object of the fact only.
pub(super) type EventCheck = fn(&View<'_>, &Cpu<'_>, What) -> Result<(), Wrong>;
/// An operation has ended on this CPU.
pub(super) type OpEndCheck = fn(&View<'_>, &Cpu<'_>) -> Result<(), Wrong>;
/// Nothing is in flight. May walk the whole machine.
pub(super) type QuiesceCheck = fn(&View<'_>, &Recount) -> Result<(), Wrong>;

/// A named check.
#[derive(Clone, Copy, Debug)]
pub struct Oracle {
    /// The verdict's name, and part of the key by which crashes are grouped.
    pub name: &'static str,
    /// The invariants of the semantics that it watches.
    pub id: &'static str,
    /// One sentence for the report: what holds in a right kernel.
    pub why: &'static str,
    /// At a complaint of the code.
    pub splat: Option<SplatCheck>,
    /// The facts that it is asked about.
    pub facts: &'static [Fact],
    /// At such a fact.
    pub event: Option<EventCheck>,
    /// At the end of an operation.
    pub op_end: Option<OpEndCheck>,
    /// At quiescence.
    pub quiesce: Option<QuiesceCheck>,
}

impl Oracle {
    /// An oracle that checks nothing yet.
    pub(super) const fn new(name: &'static str, id: &'static str, why: &'static str) -> Oracle {
        Oracle { name, id, why, splat: None, facts: &[], event: None, op_end: None, quiesce: None }
    }
}
