//! The facts that oracles look at while a program runs: an oracle is asked about those that it names, and no others.

use crate::sync::{UffdFact, What};

/// A kind of fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// Something was freed.
    Free,
    /// A table was unlinked.
    Unlink,
    /// A table was linked.
    Link,
    /// A translation was removed, or permits less.
    Downgrade,
    /// A translation was established.
    Establish,
    /// A user has read.
    UserLoad,
    /// A user has written.
    UserStore,
    /// Somebody who waited for a userfaultfd was killed.
    Killed,
    /// `collapse_pte_mapped_thp` has returned.
    CollapseResult,
    /// MADV_COLLAPSE has returned.
    CollapseReturn,
    /// get_user_pages has returned a page.
    GupDone,
    /// An invalidation range was closed.
    NotifierEnd,
    /// A walker has counted a range.
    Counted,
    /// mincore() takes a page of a file for missing.
    NotUptodate,
    /// A fork has begun, or is done.
    Fork,
}

impl Fact {
    /// How many kinds there are.
    pub const COUNT: usize = Fact::Fork as usize + 1;

    /// The kind of what was noted; `None` for plain accesses and whatever else no oracle asks for.
    #[inline]
    pub fn of(what: What) -> Option<Fact> {
        Some(match what {
            What::Free(_) => Fact::Free,
            What::Unlink { .. } => Fact::Unlink,
            What::Link { .. } => Fact::Link,
            What::Downgrade { .. } => Fact::Downgrade,
            What::Establish { .. } => Fact::Establish,
            What::UserLoad { .. } => Fact::UserLoad,
            What::UserStore { .. } => Fact::UserStore,
            What::Uffd { fact: UffdFact::Killed, .. } => Fact::Killed,
            What::CollapseResult { .. } => Fact::CollapseResult,
            What::CollapseReturn { .. } => Fact::CollapseReturn,
            What::GupDone { .. } => Fact::GupDone,
            What::Notifier { open: false, .. } => Fact::NotifierEnd,
            What::Counted { .. } => Fact::Counted,
            What::NotUptodate { .. } => Fact::NotUptodate,
            What::Fork { .. } => Fact::Fork,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::oracle::ORACLES;

    #[test]
    fn who_looks_at_facts_says_at_which() {
        for oracle in ORACLES {
            assert_eq!(oracle.event.is_some(), !oracle.facts.is_empty(), "{}", oracle.name);
        }
    }
}
