//! The steps about VMAs: their locks, their bounds, their anon_vmas, and the end of an mm.

use super::group::steps;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::mm_slot;
use crate::mm::mmap::{exit, free_pgtables, i_mmap, prep};
use crate::mm::rmap::anon_vma;
use crate::mm::types::{AnonVmaId, FileId, FolioId, MmId, Vaddr, VmaId};
use crate::mm::vma;
use crate::sync::{Cpu, Rwsem};

steps! {
    /// The part of the table that is about VMAs.
    pub struct VmaSteps;

    /// munmap locks the VMA for write.
    munmap_start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// `__split_vma` locks the VMA for write.
    split_start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// `vma_merge` and `vma_expand` lock the VMAs for write.
    merge_start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// `mmap_region` locks the new VMA for write.
    mmap_start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// The VMA is locked for write before its flags change.
    flags_start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// `free_pgtables` locks the VMA for write, if mmap_lock is held for write.
    free_pgtables_start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// `free_pgtables` takes the VMA out of the rmap trees.
    unlink_before_tables: fn(&Cpu<'_>, &Kernel, VmaId) = free_pgtables::unlink;
    /// ... after the tables are gone.
    unlink_after_tables: fn(&Cpu<'_>, &Kernel, VmaId) = |_, _, _| {};
    /// `vma_prepare` takes i_mmap for write.
    vma_adjust_i_mmap_lock: fn(&Cpu<'_>, &Kernel, FileId) = i_mmap::lock_write;
    /// `vma_complete` drops it.
    vma_adjust_i_mmap_unlock: fn(&Cpu<'_>, &Kernel, FileId) = i_mmap::unlock_write;
    /// `vma_prepare` takes the root of the anon_vma for write.
    vma_adjust_anon_vma_lock: fn(&Cpu<'_>, &Kernel, AnonVmaId) = prep::anon_vma_lock;
    /// `vma_complete` drops it.
    vma_adjust_anon_vma_unlock: fn(&Cpu<'_>, &Kernel, AnonVmaId) = prep::anon_vma_unlock;
    /// `vma_adjust_trans_huge` splits the huge PMD across a new bound.
    vma_split_huge_pmd: fn(&Cpu<'_>, &Kernel, VmaId, Vaddr) = prep::split_huge_pmd_if_needed;
    /// `vma_start_read` compares the sequence numbers again under `vm_lock`.
    vma_lock_seq_recheck: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = vma::lock::seq_unchanged;
    /// `lock_vma_under_rcu` refuses an anonymous VMA without an anon_vma.
    vma_lock_anon_check: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = vma::lock::anon_vma_missing;
    /// `lock_vma_under_rcu` looks at the VMA's bounds again.
    vma_lock_range_check: fn(&Kernel, VmaId, Vaddr) -> bool = vma::lock::contains;
    /// `lock_vma_under_rcu` finds out that the VMA has left the tree.
    vma_lock_detached_check: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = vma::lock::detached;
    /// `vm_area_free`.
    vma_free_rcu: fn(&Cpu<'_>, &Kernel, VmaId) = vma::free_by_rcu;
    /// The lock around each change of `i_mmap`.
    i_mmap_link_lock: fn(&Cpu<'_>, &Kernel, FileId) = i_mmap::lock_write;
    /// ... and its release.
    i_mmap_link_unlock: fn(&Cpu<'_>, &Kernel, FileId) = i_mmap::unlock_write;
    /// `anon_vma_prepare`, under the locks.
    anon_vma_recheck: fn(&Cpu<'_>, &Kernel, VmaId, AnonVmaId) -> bool = anon_vma::install_if_missing;
    /// `anon_vma_clone` gives an anon_vma of the chain to a VMA that is forked.
    anon_vma_reusable: fn(&Kernel, AnonVmaId, VmaId) -> bool = anon_vma::unused;
    /// `folio_lock_anon_vma_read` looks at the folio again.
    anon_vma_mapped_recheck: fn(&Kernel, FolioId) -> bool = anon_vma::still_mapped;
    /// A migration keeps the anon_vma.
    migrate_anon_vma_ref: fn(&Cpu<'_>, &Kernel, FolioId) -> Option<AnonVmaId> = anon_vma::get_for_migration;
    /// `unlink_anon_vmas` takes the root's lock.
    unlink_anon_vma_lock: for<'k> fn(&Cpu<'_>, &'k Kernel, &mut Option<&'k Rwsem>, AnonVmaId) = anon_vma::lock_root;
    /// `exit_mmap` unmaps with mmap_lock for read.
    exit_mmap_read_lock: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.mmap_read_lock(cpu, mm);
    /// ... and drops it.
    exit_mmap_read_unlock: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.mmap_read_unlock(cpu, mm);
    /// `exit_mmap` frees the tables with mmap_lock for write.
    exit_mmap_lock: fn(&Cpu<'_>, &Kernel, MmId) = exit::lock_write;
    /// ... and drops it.
    exit_mmap_unlock: fn(&Cpu<'_>, &Kernel, MmId) = exit::unlock_write;
    /// khugepaged asks whether the mm exits, each time when it has taken mmap_lock.
    test_exit: fn(&Cpu<'_>, &Kernel, MmId) -> bool = mm_slot::test_exit;
    /// `__khugepaged_exit` waits for a scan of the mm.
    khugepaged_exit_wait: fn(&Cpu<'_>, &Kernel, MmId) = mm_slot::wait_for_scan;
}
