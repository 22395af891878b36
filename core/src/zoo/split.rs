//! Bugs of those who split huge pages, and of those who are in the way.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "madv-remove-page-lock-deadlock",
        about: "a zap locks a file's page to split its PMD, with i_mmap_rwsem held",
        origin: Origin { commit: "1c2f67308af4", cve: "", versions: "v5.8 to v5.11-rc7" },
        oracle: "lock_order",
        preemptions: 0,
        without: &["split_no_folio_lock"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "gup-grab-compound-vs-split",
        about: "GUP-fast does not ask again whose head it has taken a reference of",
        origin: Origin { commit: "c24d37322548", cve: "", versions: "v4.3 to v5.14-rc1" },
        oracle: "refcount_mismatch",
        // A split unmaps and flushes. Where that interrupts it waits for GUP-fast; a hypervisor, or hardware that
        // broadcasts, flushes without it.
        without: &["gup_head_recheck", "flush_interrupts"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "split-invalid-migration-pmd",
        about: "a split of one huge page looks up the frame of another one's migration entry",
        origin: Origin {
            commit: "be6e843fc51a",
            cve: "CVE-2025-37958",
            versions: "v4.14 to v6.15-rc6",
        },
        oracle: "vm_bug_on",
        live: true,
        without: &["split_present"],
        ..Exhibit::PLAIN
    },
];
