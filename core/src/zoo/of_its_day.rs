//! What the kernels of other days did in another way than v6.6, and rightly: the surroundings of exhibits.
//!
//! Whatever was found in v6.6 since stays mended, so that there is one bug in an exhibit and no more.

use crate::mm::steps::{FileSteps, NofailSteps, Steps};

/// Before the patch: a collapse holds every lock for write, and page tables are retracted under mmap_lock, which is tried.
/// Faults on files take mmap_lock.
pub(super) fn before_the_patch(steps: &mut Steps) {
    let old = Steps::PRE_SEED;
    *steps = Steps {
        collapse_pte_mapped_thp: old.collapse_pte_mapped_thp,
        collapse_locked: old.collapse_locked,
        khugepaged_pte_mapped: old.khugepaged_pte_mapped,
        khugepaged_visit: old.khugepaged_visit,
        checks_before_page_lock: old.checks_before_page_lock,
        free_table: old.free_table,
        frees_tables_with_entries: old.frees_tables_with_entries,
        i_mmap_lock: old.i_mmap_lock,
        i_mmap_unlock: old.i_mmap_unlock,
        anon_vma_lock: old.anon_vma_lock,
        anon_vma_unlock: old.anon_vma_unlock,
        table_sync: old.table_sync,
        file: FileSteps { retract: old.file.retract, ..FileSteps::FIXED },
        ..Steps::FIXED
    };
    steps.moves.vma_lock_anon_check_early =
        |cpu, k, vma| k.vma(vma).spec().file.is_some() || k.vma_anon_vma(cpu, vma).is_none();
}

/// Before v6.5: `pte_offset_map()` cannot fail, since whoever holds one of the locks keeps the table.
pub(super) fn map_cannot_fail(steps: &mut Steps) {
    before_the_patch(steps);
    NofailSteps::enable(steps);
}

/// A flush of TLBs interrupts nobody: hardware that flushes by broadcast, or a hypervisor.
pub(super) fn flush_by_broadcast(steps: &mut Steps) {
    steps.tlb.flush_interrupts = || false;
}
