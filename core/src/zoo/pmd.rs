//! PMD entries that are taken for what they are not.

use super::exhibit::{Exhibit, Origin};
use super::of_its_day::map_cannot_fail;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::steps::Era;
use crate::mm::{Kernel, MmId, Vaddr};
use crate::sync::Cpu;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "dontneed-vs-numa-hinting",
        about: "change_huge_pmd() empties the entry for a moment, and MADV_DONTNEED takes it for done",
        origin: Origin { commit: "ced108037c2a", cve: "", versions: "v3.8 to v4.11" },
        oracle: "lost_write",
        without: &["change_huge_invalidate"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "madv-collapse-pmd-misclassify",
        about: "MADV_COLLAPSE takes the migration entry of a huge page for a page table",
        origin: Origin { commit: "edb5d0cf5525", cve: "", versions: "v6.1 to v6.2-rc7" },
        era: Era::PreSeed,
        // pte_offset_map_lock() did not look whether there is a table: whoever called it had.
        of_its_day: Some(|steps| {
            map_cannot_fail(steps);
            steps.pre_seed_map = map_unseen;
        }),
        oracle: "bogus_table_entry",
        without: &["find_pmd_present"],
        ..Exhibit::PLAIN
    },
];

/// `pte_offset_map_lock` before v6.5: whatever the entry is, it is used as that of a table.
fn map_unseen(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) -> Option<(PteMap, Lockptr)> {
    let pmd = k.pmdp_get_lockless(cpu, mm, haddr);
    let ptl = k.pte_lockptr(cpu, mm, pmd);
    let pte = PteMap { table: k.pgtable(cpu, pmd) };
    k.lock(ptl).lock(cpu);
    Some((pte, ptl))
}
