//! Entries that move, and translations that stay behind.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "mremap-pmd-move-no-rmap-lock",
        about: "a whole page table moves while a walk of rmap is in it, which then flushes the old address",
        origin: Origin { commit: "97113eb39fa7", cve: "", versions: "v5.0 to v5.14-rc1" },
        // A flush that is put off flushes the whole mm, but migration did not put it off yet.
        of_its_day: Some(|steps| steps.tlb.unmap_batches = || false),
        oracle: "stale_translation",
        preemptions: 2,
        without: &["mremap_pmd_rmap_locks"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "mremap-flush-after-ptl-drop",
        about: "mremap flushes the old addresses when it has dropped the lock that keeps the pages from being freed",
        origin: Origin { commit: "eb66ae030829", cve: "CVE-2018-18281", versions: "v3.2 to v4.19" },
        oracle: "stale_translation",
        without: &["mremap_flush_before_unlock"],
        ..Exhibit::PLAIN
    },
];
