//! The steps of fork, which the eras have in common.

use super::group::steps;
use crate::mm::fork::dup_mmap;
use crate::mm::huge_memory::copy as huge_copy;
use crate::mm::kernel::Kernel;
use crate::mm::memory::{copy, copy_entry, wp};
use crate::mm::mmap::i_mmap;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::rmap::anon_exclusive;
use crate::mm::types::{
    AnonVmaId, FileId, FolioId, MmId, Pfn, Pmd, Pte, SwapId, TableId, Vaddr, VmaId,
};
use crate::mm::vma;
use crate::sync::Cpu;

steps! {
    /// The part of the table that is about fork.
    pub struct ForkSteps;

    /// `dup_mmap` locks each VMA of the parent for write.
    start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// `dup_mmap` holds the child's mmap_lock for write.
    child_lock: fn(&Cpu<'_>, &Kernel, MmId) = dup_mmap::lock_child;
    /// ... and drops it.
    child_unlock: fn(&Cpu<'_>, &Kernel, MmId) = dup_mmap::unlock_child;
    /// The child's VMA is in `i_mmap` before its page tables are filled.
    link_before_copy: fn(&Cpu<'_>, &Kernel, VmaId, VmaId) = dup_mmap::link_file;
    /// ... afterwards.
    link_after_copy: fn(&Cpu<'_>, &Kernel, VmaId, VmaId) = |_, _, _, _| {};
    /// The lock around it.
    link_lock: fn(&Cpu<'_>, &Kernel, FileId) = i_mmap::lock_write;
    /// ... and its release.
    link_unlock: fn(&Cpu<'_>, &Kernel, FileId) = i_mmap::unlock_write;
    /// Where in `i_mmap` the child's VMA is.
    link_order: fn(&Cpu<'_>, &Kernel, FileId, VmaId, VmaId) = dup_mmap::insert_after;
    /// The parent is flushed before its mmap_lock is dropped.
    flush: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.flush_tlb_mm(cpu, mm);
    /// ... afterwards.
    flush_late: fn(&Cpu<'_>, &Kernel, MmId) = |_, _, _| {};
    /// `vma_needs_copy`.
    needs_copy: fn(&Kernel, VmaId, VmaId) -> bool = copy::vma_needs_copy;
    /// The mirrors of the parent are told.
    notify_start: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, u32) = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_start(cpu, mm, start, pages);
    /// ... that it is over.
    notify_end: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, u32) = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_end(cpu, mm, start, pages);
    /// `write_protect_seq` becomes odd.
    seq_begin: fn(&Cpu<'_>, &Kernel, MmId) = copy::write_seqcount_add;
    /// ... and even.
    seq_end: fn(&Cpu<'_>, &Kernel, MmId) = copy::write_seqcount_add;
    /// `copy_pte_range` takes the lock of the parent's table inside that of the child's.
    src_lock: fn(&Cpu<'_>, &Kernel, Lockptr) = |cpu, k, ptl| k.lock(ptl).lock_nested(cpu);
    /// ... and drops it.
    src_unlock: fn(&Cpu<'_>, &Kernel, Lockptr) = |cpu, k, ptl| k.lock(ptl).unlock(cpu);
    /// The parent's entry is write-protected.
    wrprotect: fn(&Cpu<'_>, &Kernel, MmId, PteMap, Vaddr) = copy_entry::wrprotect;
    /// A migration entry of the parent becomes readable.
    migration_readable: fn(Pte) -> Pte = Pte::mkmigration_readable;
    /// The slot of a swap entry is counted once more.
    swap_duplicate: fn(&Cpu<'_>, &Kernel, SwapId) -> bool = |cpu, k, slot| k.swap_duplicate(cpu, slot);
    /// A swap entry of the parent is not exclusive any longer.
    swap_clear_exclusive: fn(Pte) -> Pte = Pte::swp_clear_exclusive;
    /// `page_try_dup_anon_rmap` finds out whether the page may be pinned.
    pinned_check: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = |cpu, k, folio| k.folio_maybe_dma_pinned(cpu, folio);
    /// ... and the page is not exclusive any longer.
    clear_exclusive: fn(&Cpu<'_>, &Kernel, Pfn) = anon_exclusive::clear;
    /// `do_wp_page` finds out whether a page that was shared is the mm's own again.
    wp_reuse: fn(&Cpu<'_>, &Kernel, VmaId, Pfn) -> bool = wp::reuse_if_only_ref;
    /// A page that is not exclusive, and comes back from swap, is found by the oldest anon_vma.
    shared_anon_vma: fn(&Kernel, AnonVmaId) -> AnonVmaId = |k, own| k.anon_vma_root(own);
    /// `copy_huge_pmd` looks at the entry again under both locks.
    huge_recheck: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, Pmd) -> Pmd = huge_copy::read_again;
    /// ... deposits a table for the child.
    huge_deposit: fn(&Cpu<'_>, &Kernel, MmId, TableId) = |cpu, k, mm, table| k.pgtable_trans_huge_deposit(cpu, mm, table);
    /// ... and write-protects the parent's entry.
    huge_wrprotect: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) = huge_copy::wrprotect;
}
