//! The steps of `collapse_file` and `retract_page_tables` (kernel-semantics 9.5 and 9.6).

use super::group::steps;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::collapse_file::{self, CollapseFile};
use crate::mm::khugepaged::{ScanResult, retract, retract_pre_seed};
use crate::mm::pgtable::Lockptr;
use crate::mm::types::{FileId, FolioId, MmId, Pmd, TableId, Vaddr, VmaId};
use crate::sync::Cpu;

/// A stage of collapse_file.
pub(super) type FileAct = fn(&Cpu<'_>, &Kernel, &mut CollapseFile);

/// A stage that is left out.
pub(super) fn skip_file(_: &Cpu<'_>, _: &Kernel, _: &mut CollapseFile) {}

steps! {
    /// The steps of `collapse_file` and `retract_page_tables`.
    pub struct FileSteps;

    /// `collapse_file` gets a huge page.
    alloc_hpage: fn(&Cpu<'_>, &Kernel) -> Result<FolioId, ScanResult> = |cpu, k| k.alloc_charge_hpage(cpu);
    /// A failed collapse puts it.
    put_hpage: fn(&Cpu<'_>, &Kernel, FolioId) = |cpu, k, hpage| k.folio_put(cpu, hpage);
    /// Everything that can fail.
    stages: fn(&Cpu<'_>, &Kernel, &mut CollapseFile) -> ScanResult = collapse_file::run::stages;
    /// ... and if it does.
    rollback: fn(&Cpu<'_>, &Kernel, &mut CollapseFile, ScanResult) = collapse_file::rollback::rollback;
    /// A hole was met, under xa_lock.
    hole: fn(&Cpu<'_>, &Kernel, &mut CollapseFile, u32) = |_, _, _, _| {};
    /// An old page was gathered, under xa_lock.
    replace_page: fn(&Cpu<'_>, &Kernel, &mut CollapseFile, FolioId) = |_, _, _, _| {};
    /// The old pages are nobody's any more.
    free_old_pages: FileAct = collapse_file::store::free_old_pages;
    /// Each of them is unlocked.
    unlock_old: fn(&Cpu<'_>, &Kernel, FolioId) = collapse_file::rollback::unlock_old;
    /// An old page loses its mappings.
    unmap: fn(&Cpu<'_>, &Kernel, FolioId) = collapse_file::gather::unmap;
    /// ... and then has three references and no more.
    check_count: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = collapse_file::gather::count_is_three;
    /// ... and stays locked until the end.
    keep_locked: fn(&Cpu<'_>, &Kernel, FolioId) = collapse_file::gather::keep_locked;
    /// A regular file has one huge page more, unless somebody has opened it for writing.
    nr_thps_inc: fn(&Cpu<'_>, &Kernel, FileId) -> bool = collapse_file::gather::nr_thps_inc;
    /// The flush of what was unmapped, before the copy.
    flush: fn(&Cpu<'_>, &Kernel) = collapse_file::run::flush;
    /// ... after the copy.
    flush_late: fn(&Cpu<'_>, &Kernel) = |_, _| {};
    /// The holes are charged.
    charge_holes: FileAct = collapse_file::holes::charge;
    /// ... and given back if the collapse fails.
    uncharge_holes: FileAct = collapse_file::rollback::uncharge;
    /// The holes are sealed, and xa_lock is taken.
    seal_holes: fn(&Cpu<'_>, &Kernel, &mut CollapseFile) -> ScanResult = collapse_file::holes::seal;
    /// ... by RETRY entries.
    store_retry: fn(&Cpu<'_>, &Kernel, &mut CollapseFile) -> bool = collapse_file::holes::store_retry;
    /// ... and counted again.
    recount_holes: fn(&Cpu<'_>, &Kernel, &mut CollapseFile) -> ScanResult = collapse_file::holes::recount;
    /// Whether a VMA over the range wants to hear of missing pages.
    uffd_missing: fn(&Cpu<'_>, &Kernel, &mut CollapseFile) -> bool = collapse_file::holes::uffd_missing;
    /// The huge page is up to date before it can be found.
    mark_uptodate: FileAct = collapse_file::store::mark_uptodate;
    /// The huge page is unlocked before the page tables are retracted.
    unlock_hpage_early: FileAct = skip_file;
    /// The page tables over the range go.
    retract: fn(&Cpu<'_>, &Kernel, &mut CollapseFile) -> ScanResult = collapse_file::run::retract;
    /// The huge page is unlocked.
    unlock_hpage: FileAct = collapse_file::run::unlock_hpage;

    /// retract_page_tables: i_mmap_rwsem for read.
    retract_lock: fn(&Cpu<'_>, &Kernel, FileId) = retract::lock_i_mmap;
    /// ... and dropped.
    retract_unlock: fn(&Cpu<'_>, &Kernel, FileId) = retract::unlock_i_mmap;
    /// The VMA covers the whole, aligned range.
    retract_covers: fn(&Kernel, VmaId, Vaddr) -> bool = retract::covers;
    /// Whether the VMA has an anon_vma, and so perhaps copies.
    retract_anon_vma: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = retract::has_anon_vma;
    /// Whether userfaultfd's markers may be in the table.
    retract_uffd_wp: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = retract::userfaultfd_wp;
    /// The mm is exiting.
    retract_test_exit: fn(&Cpu<'_>, &Kernel, MmId) -> bool = retract::test_exit;
    /// The invalidation range is opened.
    retract_notify_start: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) = retract::notify_start;
    /// ... and closed.
    retract_notify_end: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) = retract::notify_end;
    /// pml.
    retract_lock_pml: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.lock(k.pmd_lockptr(mm)).lock(cpu);
    /// ... and dropped.
    retract_unlock_pml: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.lock(k.pmd_lockptr(mm)).unlock(cpu);
    /// ptl inside pml.
    retract_lock_ptl: fn(&Cpu<'_>, &Kernel, Lockptr) = |cpu, k, ptl| k.lock(ptl).lock_nested(cpu);
    /// ... and dropped.
    retract_unlock_ptl: fn(&Cpu<'_>, &Kernel, Lockptr) = |cpu, k, ptl| k.lock(ptl).unlock(cpu);
    /// Under the locks: whether an anon_vma has come.
    retract_recheck_anon_vma: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = retract::has_anon_vma;
    /// ... or userfaultfd's write-protection.
    retract_recheck_uffd_wp: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = retract::userfaultfd_wp;
    /// ... or markers of poisoned pages, which v6.6 does not look for.
    retract_recheck_poison: fn(&Cpu<'_>, &Kernel, Pmd) -> bool = |_, _, _| false;
    /// What becomes of the table.
    retract_free: fn(&Cpu<'_>, &Kernel, TableId) = |cpu, k, table| k.pte_free_defer(cpu, table);
}

impl FileSteps {
    /// v6.6 with its fixes.
    pub const FIXED: FileSteps =
        FileSteps { retract_recheck_poison: retract::has_poison_markers, ..FileSteps::V66 };

    /// Before the patch.
    pub const PRE_SEED: FileSteps = FileSteps {
        stages: collapse_file::pre_seed::stages,
        rollback: collapse_file::pre_seed::rollback,
        hole: collapse_file::pre_seed::fill_hole,
        replace_page: collapse_file::pre_seed::replace_page,
        check_count: collapse_file::pre_seed::freeze,
        uncharge_holes: collapse_file::pre_seed::uncharge,
        retract: retract_pre_seed::retract,
        free_old_pages: skip_file,
        ..FileSteps::V66
    };
}
