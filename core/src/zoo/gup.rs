//! GUP-fast against those who unlink the tables that it walks.
//!
//! Both bugs want a flush of TLBs that interrupts nobody: hardware that flushes by broadcast, or a hypervisor.

use super::exhibit::{Exhibit, Origin};
use super::of_its_day::{before_the_patch, flush_by_broadcast};
use crate::mm::steps::Era;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "gup-fast-table-freed-no-ipi",
        about: "a collapse frees a page table at once, while GUP-fast may be inside",
        origin: Origin { commit: "2ba99c5e0881", cve: "", versions: "v2.6.38 to v6.1-rc8" },
        era: Era::PreSeed,
        of_its_day: Some(|steps| {
            before_the_patch(steps);
            flush_by_broadcast(steps);
        }),
        oracle: "pgtable_used_after_free",
        without: &["table_sync"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "gup-fast-vs-collapse-no-recheck",
        about: "GUP-fast looks again at the PTE only: a collapse has unlinked its table, and copied the page",
        origin: Origin { commit: "70cbc3cc78a9", cve: "", versions: "v3.19 to v6.1" },
        // Nor did a collapse send an interrupt of its own at the time.
        of_its_day: Some(|steps| {
            flush_by_broadcast(steps);
            steps.anon.sync_one = |_, _| {};
        }),
        oracle: "gup_page_not_mapped",
        preemptions: 2,
        without: &["gup_pmd_recheck"],
        ..Exhibit::PLAIN
    },
];
