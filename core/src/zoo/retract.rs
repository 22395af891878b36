//! Page tables that are retracted under somebody who walks them.

use super::exhibit::{Exhibit, Origin};
use super::of_its_day::map_cannot_fail;
use crate::mm::steps::Era;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "retract-anon-vma-race",
        about: "retract_page_tables() asks for an anon_vma before the lock that keeps a fault from attaching one",
        origin: Origin {
            commit: "023f47a8250c",
            cve: "CVE-2023-52935",
            versions: "v4.8 to v6.2-rc7",
        },
        oracle: "table_unlinked_with_entries",
        without: &["retract_recheck_anon_vma"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "retract-forgot-test-exit",
        about: "retract_page_tables() frees the tables of a process that ends, and is taking them down itself",
        origin: Origin { commit: "18e77600f7a1", cve: "", versions: "v4.8 to v5.9-rc1" },
        era: Era::PreSeed,
        // The end of a process went without mmap_lock, and a walk did not expect a table to vanish.
        of_its_day: Some(|steps| {
            map_cannot_fail(steps);
            steps.vma.exit_mmap_read_lock = |_, _, _| {};
            steps.vma.exit_mmap_read_unlock = |_, _, _| {};
        }),
        oracle: "pgtable_used_after_free",
        without: &["retract_test_exit"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "retract-wrong-locks",
        about: "a collapse removes a page table without i_mmap_rwsem, which a walk of rmap relies on",
        origin: Origin { commit: "8d3c106e19e8", cve: "", versions: "v5.4 to v6.1-rc8" },
        era: Era::PreSeed,
        of_its_day: Some(map_cannot_fail),
        oracle: "pgtable_used_after_free",
        without: &["i_mmap_lock"],
        // It did not assert what it did not know.
        patch: |steps| steps.pre_seed_assert_locks = |_, _, _| {},
        ..Exhibit::PLAIN
    },
];
