//! The steps of `collapse_huge_page` (kernel-semantics section 9.11).

use super::group::steps;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::collapse_huge_page::{self as ch, CollapseHuge};
use crate::mm::khugepaged::revalidate::{self, Handle};
use crate::mm::khugepaged::{ScanResult, scan_pmd};
use crate::mm::types::{FolioId, MmId, Pfn, Pte, Vaddr, VmaId};
use crate::sync::Cpu;

/// A stage of a collapse.
pub(super) type AnonAct = fn(&Cpu<'_>, &Kernel, &CollapseHuge);
/// The pages of the first entries are released.
type Release = fn(&Cpu<'_>, &Kernel, &mut CollapseHuge, u32);

/// A stage that is left out.
pub(super) fn skip_anon(_: &Cpu<'_>, _: &Kernel, _: &CollapseHuge) {}

steps! {
    /// The part of the table that is about collapses of anonymous memory.
    pub struct AnonSteps;

    /// `hpage_collapse_scan_abort`: the page's node is too far from the others. There is one node.
    scan_abort: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = |_, _, _| false;
    /// `userfaultfd_armed`, before an entry becomes a page of zeroes.
    uffd_armed: fn(&Kernel, VmaId) -> bool = scan_pmd::userfaultfd_armed;
    /// userfaultfd protects the entry.
    uffd_wp: fn(Pte) -> bool = scan_pmd::uffd_wp;
    /// `hugepage_vma_revalidate` wants anonymous memory.
    expect_anon: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = revalidate::is_anon;
    /// mmap_lock for write.
    mmap_lock: fn(&Cpu<'_>, &Kernel, MmId) = ch::mmap_lock;
    /// ... and dropped.
    mmap_unlock: fn(&Cpu<'_>, &Kernel, MmId) = ch::mmap_unlock;
    /// `hugepage_vma_revalidate` under it.
    revalidate: fn(&Cpu<'_>, &Kernel, (MmId, Vaddr), Handle, bool) -> Result<Handle, ScanResult> = revalidate::anon_vma_only;
    /// `check_pmd_still_valid`.
    check_pmd: fn(&Cpu<'_>, &Kernel, &CollapseHuge) -> ScanResult = ch::check_pmd;
    /// `vma_start_write`.
    start_write: fn(&Cpu<'_>, &Kernel, VmaId) = |cpu, k, vma| k.vma_start_write(cpu, vma);
    /// `check_pmd_still_valid` where it must wait for those who hold the VMA's lock only: not in v6.6, where no such one
    /// removes a table.
    check_pmd_late: fn(&Cpu<'_>, &Kernel, &CollapseHuge) -> ScanResult = |_, _, _| ScanResult::Succeed;
    /// `anon_vma_lock_write`.
    anon_vma_lock: AnonAct = ch::anon_vma_lock;
    /// ... dropped before the pages are locked.
    unlock_anon_vma_early: AnonAct = skip_anon;
    /// ... dropped when they are, or when the table is linked again.
    anon_vma_unlock: AnonAct = ch::anon_vma_unlock;
    /// The invalidation range is opened.
    notify_start: AnonAct = ch::notify_start;
    /// ... and closed.
    notify_end: AnonAct = ch::notify_end;
    /// pml around the unlinking.
    lock_pml: AnonAct = ch::lock_pml;
    /// ... and dropped.
    unlock_pml: AnonAct = ch::unlock_pml;
    /// `tlb_remove_table_sync_one`.
    sync_one: fn(&Cpu<'_>, &Kernel) = ch::sync_one;
    /// An entry is present when its page is to be isolated.
    isolate_present: fn(Pte) -> bool = ch::is_present;
    /// `trylock_page`. There may be more of them than lockdep has room for.
    trylock_page: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = ch::trylock_page;
    /// `unlock_page`.
    unlock_page: fn(&Cpu<'_>, &Kernel, FolioId) = ch::unlock_page;
    /// `is_refcount_suitable` of a locked page.
    check_count: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = ch::refcount_suitable;
    /// `isolate_lru_page`.
    isolate_lru: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = ch::isolate_lru;
    /// `putback_lru_page`.
    putback_lru: fn(&Cpu<'_>, &Kernel, FolioId) = ch::putback_lru;
    /// `pmd_populate` of the old table.
    restore_pmd: AnonAct = ch::restore_pmd;
    /// `release_pte_pages`.
    release_pages: Release = ch::release_pages;
    /// What a failed copy does: both.
    copy_failed: fn(&Cpu<'_>, &Kernel, &mut CollapseHuge) = ch::restore_then_release;
    /// A page that was not there is counted.
    count_zero_page: AnonAct = ch::count_zero_page;
    /// An entry of the old table is cleared.
    clear_old_pte: fn(&Cpu<'_>, &Kernel, &CollapseHuge, Vaddr, Pte) = ch::clear_old_pte;
    /// ... and its rmap removed.
    remove_rmap: fn(&Cpu<'_>, &Kernel, Pfn) = |cpu, k, page| k.page_remove_rmap(cpu, page);
    /// ... and its reference put.
    free_old_page: fn(&Cpu<'_>, &Kernel, FolioId) = ch::free_old_page;
    /// `pgtable_trans_huge_deposit` of the old table.
    deposit: AnonAct = ch::deposit;
}
