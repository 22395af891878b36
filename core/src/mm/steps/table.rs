//! The steps of each era.

use super::anon::AnonSteps;
use super::file::FileSteps;
use super::fork::ForkSteps;
use super::fs::FsSteps;
use super::group::steps;
use super::gup::GupSteps;
use super::huge::HugeSteps;
use super::moves::MoveSteps;
use super::nofail::NofailSteps;
use super::pt_reclaim::PtReclaimSteps;
use super::swap::SwapSteps;
use super::tlb::TlbSteps;
use super::uffd::UffdSteps;
use super::vma::VmaSteps;
use super::zap::ZapSteps;
use crate::mm::folio::{self, flags};
use crate::mm::gup::{self, FollFlags};
use crate::mm::huge_memory::split;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::revalidate::Handle;
use crate::mm::khugepaged::{
    Collapse, ScanResult, abort, check, clear, driver, free, install, locks, notify, pre_seed,
    read_locked, revalidate, unlink,
};
use crate::mm::kvm;
use crate::mm::mmu_notifier::{self, Itree, Subscriptions};
use crate::mm::mprotect;
use crate::mm::pgtable::{Lockptr, PteMap, pae};
use crate::mm::shmem_undo::{self, Undone};
use crate::mm::types::{FileId, FolioId, MmId, Pfn, Pmd, Pte, Vaddr, VmaId};
use crate::mm::userfaultfd;
use crate::mm::vma;
use crate::sync::{Cpu, Word};

/// A kernel of a certain time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Era {
    /// Before the patch: mmap_lock, i_mmap and anon_vma held for write.
    PreSeed,
    /// The patch as it was posted (v3, 10/13).
    SeedV3,
    /// Linux v6.6, exactly as shipped.
    V66,
    /// v6.6 with the fixes that the finds in it called for, each a step of its own.
    Fixed,
}

impl Era {
    /// All of them, oldest first.
    pub const ALL: [Era; 4] = [Era::PreSeed, Era::SeedV3, Era::V66, Era::Fixed];

    /// Its name on the command line and in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Era::PreSeed => "pre-seed",
            Era::SeedV3 => "seed-v3",
            Era::V66 => "v6.6",
            Era::Fixed => "fixed",
        }
    }

    /// What it is, in a line.
    pub const fn about(self) -> &'static str {
        match self {
            Era::PreSeed => {
                "before the patch: collapse under mmap_lock, i_mmap and anon_vma for write"
            }
            Era::SeedV3 => "the patch as posted: collapse under mmap_lock for read, pte_clear()",
            Era::V66 => "as Linux v6.6 shipped it: ptep_clear(), mmap_lock dropped again at once",
            Era::Fixed => "v6.6 with the fixes that the finds in it called for",
        }
    }

    /// The era of that name.
    pub fn from_name(name: &str) -> Option<Era> {
        Era::ALL.into_iter().find(|era| era.name() == name)
    }

    /// Its table of steps.
    pub fn steps(self) -> Steps {
        match self {
            Era::PreSeed => Steps::PRE_SEED,
            Era::SeedV3 => Steps::SEED_V3,
            Era::V66 => Steps::V66,
            Era::Fixed => Steps::FIXED,
        }
    }
}

/// An action of a collapse.
pub(super) type Act = fn(&Cpu<'_>, &Kernel, &mut Collapse);
/// The checks before the folio lock.
pub(super) type Checks = fn(&Cpu<'_>, &Kernel, MmId, Vaddr, bool) -> Result<Collapse, ScanResult>;
/// How MADV_COLLAPSE calls the collapse; returns whether mmap_lock is held for read afterwards.
pub(super) type Driver = fn(&Cpu<'_>, &Kernel, MmId, Vaddr, &mut ScanResult) -> bool;

/// How a folio's references become 0 at once; whether they did.
pub(super) type Freeze = fn(&Cpu<'_>, &Kernel, FolioId, i64) -> bool;

/// What a collapse leaves out.
pub(super) fn skip(_: &Cpu<'_>, _: &Kernel, _: &mut Collapse) {}

steps! {
    /// The table. Field by field, what the kernel does there.
    pub struct Steps;

    /// `collapse_pte_mapped_thp` itself.
    collapse_pte_mapped_thp: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, bool) -> ScanResult = read_locked::collapse_pte_mapped_thp;
    /// How MADV_COLLAPSE holds mmap_lock around it.
    collapse_locked: Driver = driver::under_read_lock;
    /// MADV_COLLAPSE looks the VMA up again after it has dropped mmap_lock.
    revalidate: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, Handle) -> Result<Handle, ScanResult> = revalidate::any_vma;
    /// What khugepaged does with a PTE-mapped huge page.
    khugepaged_pte_mapped: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) = driver::khugepaged_at_once;
    /// What khugepaged does when it comes to an mm.
    khugepaged_visit: fn(&Cpu<'_>, &Kernel, MmId) = |_, _, _| {};

    /// P1 to P3.
    checks_before_page_lock: Checks = check::vma_then_pmd;
    /// `range_in_vma` of P1.
    vma_covers_range: fn(&Kernel, VmaId, Vaddr) -> bool = check::range_in_vma;
    /// P2.
    fast_look: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) -> Result<ScanResult, ScanResult> = check::fast_look;
    /// `find_pmd_or_thp_or_none` tells entries that are not present from tables.
    find_pmd_present: fn(Pmd) -> bool = Pmd::is_present;
    /// P4.
    check_uffd_wp: fn(&Kernel, VmaId) -> bool = check::userfaultfd_wp;
    /// P5: the huge page, with a reference and locked.
    get_hpage: fn(&Cpu<'_>, &Kernel, &mut Collapse) -> bool = check::find_lock_hpage;
    /// P6.
    check_hpage: fn(&Cpu<'_>, &Kernel, &Collapse) -> Result<(), ScanResult> = check::check_hpage;
    /// P7.
    second_look: Act = check::second_look;
    /// What an abort returns.
    preset_result: fn(&Collapse) -> ScanResult = check::preset_fail;
    /// The loop of step 1.
    step1_check: fn(&Cpu<'_>, &Kernel, &Collapse) -> Result<(), ScanResult> = check::all_ptes;

    /// The invalidation range is opened after step 1, with no spinlock held.
    notify_before_ptl: Act = notify::start;
    /// ... under ptl.
    notify_under_ptl: Act = skip;
    /// ... after step 2.
    notify_after_clear: Act = skip;
    /// The range is closed before pml is dropped.
    notify_end_early: Act = skip;
    /// The range is closed after step 4.
    notify_end: Act = notify::end;

    /// pml is taken before step 2, if userfaultfd may come in between.
    early_pml: Act = locks::early_pml;
    /// How step 2 maps and locks the table.
    map_step2: fn(&Cpu<'_>, &Kernel, &mut Collapse) -> bool = locks::map_nolock;
    /// Step 2 meets an entry that is not present.
    recheck_present: fn(&Collapse, Pte) -> Result<(), ScanResult> = check::recheck_present;
    /// Step 2 meets another page.
    recheck_page: fn(&Kernel, &Collapse, u32, Pte) -> Result<(), ScanResult> = check::recheck_page;
    /// Step 2 clears the entry.
    clear_pte: fn(&Cpu<'_>, &Kernel, &Collapse, PteMap, Vaddr) = clear::ptep_clear;
    /// Step 2 removes the rmap.
    remove_rmap: fn(&Cpu<'_>, &Kernel, Pfn) = clear::remove_rmap;
    /// Step 3: the references.
    ref_sub: Act = clear::ref_sub;
    /// Step 3: the rss counter.
    counter_sub: Act = clear::counter_sub;

    /// The locks of step 4.
    lock_step4: Act = locks::pml_then_ptl;
    /// `pmdp_collapse_flush` of step 4.
    unlink: Act = unlink::collapse_flush;
    /// The flush inside it.
    collapse_flush: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) = unlink::flush;
    /// A flush after the locks were dropped.
    flush_late: Act = skip;
    /// `mm_dec_nr_ptes`.
    dec_nr_ptes: Act = free::dec_nr_ptes;
    /// `page_table_check_pte_clear_range`.
    ptc_clear_range: Act = free::ptc_clear_range;
    /// How the table is freed.
    free_table: Act = free::free_defer;

    /// Tables are freed with entries in them, and the accounting is done afterwards.
    frees_tables_with_entries: bool = false;

    /// `do_set_pmd` finds the PMD empty under pml.
    set_pmd_recheck: fn(&Cpu<'_>, &Word) -> bool = install::pmd_is_none;
    /// `set_huge_pmd` takes a reference.
    set_huge_pmd_ref: Act = install::get_hpage;

    /// The abort flushes.
    abort_flush: Act = abort::flush;
    /// The abort gives references back.
    abort_ref_sub: Act = clear::ref_sub;
    /// The abort corrects the rss counter.
    abort_counter_sub: Act = clear::counter_sub;
    /// The abort drops ptl.
    abort_unlock: Act = abort::unlock;
    /// The abort closes the invalidation range.
    abort_notify_end: Act = notify::end;

    /// The folio lock is dropped before step 3.
    unlock_early: Act = skip;
    /// The folio lock is dropped at the end.
    unlock_hpage: Act = locks::unlock_hpage;
    /// The reference of `find_lock_page` is put at the end.
    put_hpage: Act = locks::put_hpage;

    /// The pre-patch collapse maps the table whose PMD entry it has looked at.
    pre_seed_map: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) -> Option<(PteMap, Lockptr)> = |cpu, k, mm, haddr| k.pte_offset_map_lock(cpu, mm, haddr);
    /// The pre-patch collapse asserts its locks before it removes a table.
    pre_seed_assert_locks: fn(&Cpu<'_>, &Kernel, &Collapse) = pre_seed::assert_locks;
    /// The pre-patch collapse locks the VMA for write.
    pre_seed_start_write: fn(&Cpu<'_>, &Kernel, VmaId) = vma::lock::start_write;
    /// The pre-patch collapse takes i_mmap for write.
    i_mmap_lock: Act = skip;
    /// ... and drops it.
    i_mmap_unlock: Act = skip;
    /// The pre-patch collapse takes anon_vma for write.
    anon_vma_lock: Act = skip;
    /// ... and drops it.
    anon_vma_unlock: Act = skip;
    /// The pre-patch collapse waits for whoever walks with interrupts off.
    table_sync: Act = skip;

    /// `collapse_file` and `retract_page_tables`.
    file: FileSteps = FileSteps::V66;

    /// A fault that shall unshare a page finds none: it makes a copy at once.
    unshare_missing_copies: fn() -> bool = || false;

    /// The last pass of a truncation comes to a folio.
    undo_entry: fn(&Cpu<'_>, &Kernel, FileId, FolioId, (u32, u32)) -> Undone = shmem_undo::undo_whole;
    /// Files: truncation, holes, write(), opening for writing.
    fs: FsSteps = FsSteps::V66;

    /// `__split_huge_pmd` of a file's page gives the reference and the rss back.
    split_uncount: fn(&Cpu<'_>, &Kernel, MmId, FolioId) = split::put_then_uncount;

    /// `pte_offset_map` opens an RCU read section.
    pte_map_rcu_lock: fn(&Cpu<'_>) = |cpu| cpu.rcu_read_lock();
    /// `pte_unmap` closes it.
    pte_map_rcu_unlock: fn(&Cpu<'_>) = |cpu| cpu.rcu_read_unlock();
    /// `pte_offset_map_lock` looks at the PMD again under ptl.
    pte_map_recheck: fn(&Cpu<'_>, &Kernel, &Word, Pmd) -> bool = |cpu, k, pmdp, pmd| k.pmdp_read_lockless(cpu, pmdp) == pmd;

    /// VMAs, their locks and their anon_vmas, and the end of an mm.
    vma: VmaSteps = VmaSteps::V66;
    /// userfaultfd.
    uffd: UffdSteps = UffdSteps::V66;
    /// `do_wp_page` under the lock of the VMA: whether it has an anon_vma already.
    wp_vma_lock_anon: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = |cpu, k, vma| k.vma_anon_vma(cpu, vma).is_some();

    // Entries of two words (PAE)
    /// A lockless reader reads the low word again.
    pae_recheck: fn(&Cpu<'_>, &Word, u64) -> bool = pae::low_unchanged;
    /// `pte_offset_map` turns interrupts off before it reads the PMD entry.
    pae_irq_save: fn(&Cpu<'_>) = |cpu| cpu.local_irq_disable();
    /// ... and on again.
    pae_irq_restore: fn(&Cpu<'_>) = |cpu| cpu.local_irq_enable();
    /// `pmdp_get_lockless_sync`.
    pmd_sync: fn(&Cpu<'_>, &Kernel) = pae::pmdp_get_lockless_sync;
    /// `do_swap_page` makes sure that it does not work on a torn entry.
    pte_unmap_same: fn(&Cpu<'_>, &Kernel, (PteMap, Lockptr), Vaddr, Pte) -> bool = pae::pte_unmap_same;
    /// Huge pages of anonymous memory.
    huge: HugeSteps = HugeSteps::V66;
    /// `collapse_huge_page`.
    anon: AnonSteps = AnonSteps::V66;
    /// fork.
    fork: ForkSteps = ForkSteps::V66;
    /// mremap, mprotect and NUMA balancing.
    moves: MoveSteps = MoveSteps::V66;
    /// Swap.
    swap: SwapSteps = SwapSteps::V66;
    /// Context switches and flushes.
    tlb: TlbSteps = TlbSteps::V66;
    /// Zap and the gather.
    zap: ZapSteps = ZapSteps::V66;
    /// Page-table reclaim, which v6.6 does not have.
    pt_reclaim: PtReclaimSteps = PtReclaimSteps::V66;
    /// `pte_offset_map`, which may fail.
    nofail: NofailSteps = NofailSteps::V66;
    // gup.c
    /// GUP-fast turns interrupts off.
    gup_irq_save: fn(&Cpu<'_>) = |cpu| cpu.local_irq_disable();
    /// ... and on again.
    gup_irq_restore: fn(&Cpu<'_>) = |cpu| cpu.local_irq_enable();
    /// GUP-fast for a pin reads the mm's seqcount first. `None`: a fork is write-protecting.
    gup_pin_seq_begin: fn(&Cpu<'_>, &Kernel, MmId) -> Option<u64> = gup::pin_seq_begin;
    /// ... and in the end; whether a fork has begun since.
    gup_pin_seq_retry: fn(&Cpu<'_>, &Kernel, MmId, u64) -> bool = gup::pin_seq_retry;
    /// `try_get_folio`.
    gup_try_get: fn(&Cpu<'_>, &Kernel, Pfn) -> Option<FolioId> = |cpu, k, page| k.try_get_folio(cpu, page);
    /// GUP-fast looks at the PMD entry again when it has the reference.
    gup_pmd_recheck: fn(&Cpu<'_>, &Word, Pmd) -> bool = |cpu, pmdp, pmd| Pmd(pmdp.read_once(cpu)) == pmd;
    /// ... and at the PTE.
    gup_pte_recheck: fn(&Cpu<'_>, &Kernel, PteMap, Vaddr, Pte) -> bool = |cpu, k, pte, addr, entry| k.ptep_get(cpu, pte, addr) == entry;
    /// `folio_fast_pin_allowed`.
    gup_fast_pin_allowed: fn(&Cpu<'_>, &Kernel, FolioId, FollFlags) -> bool = gup::folio_fast_pin_allowed;
    /// `gup_must_unshare`.
    gup_must_unshare: fn(&Cpu<'_>, &Kernel, Option<VmaId>, FollFlags, Pfn) -> bool = gup::must_unshare;
    /// Writes by force.
    gup: GupSteps = GupSteps::V66;


    // mmu_notifier.c and who subscribes
    /// KVM does not map a page whose invalidation is in progress.
    kvm_in_progress: fn(&Cpu<'_>, &Subscriptions, Vaddr) -> bool = kvm::in_progress;
    /// ... nor after any invalidation since it began.
    kvm_seq_changed: fn(&Cpu<'_>, &Subscriptions, u64) -> bool = kvm::seq_changed;
    /// `mmu_interval_read_retry`.
    interval_read_retry: fn(&Cpu<'_>, &Itree, u64) -> bool = mmu_notifier::read_retry;
    /// `mmu_interval_read_begin` sleeps while the range is being invalidated.
    interval_wait: fn(&Cpu<'_>, &Itree, u64) = mmu_notifier::wait_for_end;
    /// `mmu_interval_notifier_insert` waits for invalidations in progress.
    interval_insert: fn(&Cpu<'_>, &Itree) = mmu_notifier::defer_insertion;

    // Folios: reclaim, migration, split.
    /// Reclaim is about to write out what it has unmapped.
    reclaim_flush_dirty: fn(&Cpu<'_>, &Kernel) = |cpu, k| k.try_to_unmap_flush_dirty(cpu);
    /// Whether a reclaim may put off the flush for a folio that it unmaps.
    reclaim_defer_flush: fn(&Kernel, FolioId) -> bool = |_, _| true;
    /// Before a folio that was unmapped leaves its cache.
    reclaim_flush_removed: fn(&Cpu<'_>, &Kernel) = |_, _| {};
    /// Reclaim is about to free what it has unmapped.
    reclaim_flush: fn(&Cpu<'_>, &Kernel) = |cpu, k| k.try_to_unmap_flush(cpu);
    /// `__remove_mapping` freezes the folio at these references.
    reclaim_freeze: Freeze = folio::freeze_exact;
    /// `__remove_mapping` finds the frozen folio dirty.
    reclaim_dirty_recheck: fn(&Kernel, FolioId) -> bool = |k, folio| k.folio(folio).has(flags::DIRTY);
    /// `try_to_unmap` of a lazyfree page finds it dirty.
    lazyfree_dirty_check: fn(&Kernel, FolioId) -> bool = |k, folio| k.folio(folio).has(flags::DIRTY);
    /// Migration is about to copy what it has unmapped.
    migrate_flush: fn(&Cpu<'_>, &Kernel) = |cpu, k| k.try_to_unmap_flush(cpu);
    /// `folio_migrate_mapping` freezes the folio at these references.
    migrate_freeze: Freeze = folio::freeze_exact;
    /// `split_huge_page` freezes the folio at these references.
    split_freeze: Freeze = folio::freeze_exact;
    /// `page_try_share_anon_rmap` finds out whether the page may be pinned.
    share_pinned_check: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = |cpu, k, folio| k.folio_maybe_dma_pinned(cpu, folio);
}

impl Steps {
    /// v6.6 with its fixes.
    pub const FIXED: Steps = Steps {
        check_hpage: check::check_hpage_uptodate,
        early_pml: locks::early_pml_armed,
        clear_pte: clear::ptep_clear_keep_dirty,
        split_uncount: split::uncount_then_put,
        huge: HugeSteps::FIXED,
        file: FileSteps::FIXED,
        undo_entry: shmem_undo::undo_split,
        fs: FsSteps::FIXED,
        uffd: UffdSteps {
            prepare_pmd: userfaultfd::steps::prepare_pmd_once,
            register_again: userfaultfd::steps::lift_protection,
            wp_none_again: mprotect::change::markers_needed,
            ..UffdSteps::V66
        },
        unshare_missing_copies: || true,
        reclaim_defer_flush: |k, folio| {
            k.folio(folio).has(flags::SWAPBACKED) || !k.folio(folio).is_anon()
        },
        reclaim_flush_removed: |cpu, k| k.try_to_unmap_flush(cpu),
        moves: MoveSteps::FIXED,
        swap: SwapSteps::FIXED,
        tlb: TlbSteps::FIXED,
        ..Steps::V66
    };

    /// The patch as posted.
    pub const SEED_V3: Steps = Steps {
        collapse_locked: driver::under_kept_read_lock,
        khugepaged_pte_mapped: driver::khugepaged_later,
        khugepaged_visit: driver::khugepaged_visit,
        map_step2: locks::map_lock,
        early_pml: skip,
        clear_pte: clear::pte_clear,
        ..Steps::V66
    };

    /// Before the patch.
    pub const PRE_SEED: Steps = Steps {
        collapse_pte_mapped_thp: pre_seed::collapse_pte_mapped_thp,
        collapse_locked: driver::under_write_lock,
        khugepaged_pte_mapped: driver::khugepaged_later,
        khugepaged_visit: driver::khugepaged_visit,
        checks_before_page_lock: check::pmd_then_vma,
        file: FileSteps::PRE_SEED,
        free_table: free::free_now,
        frees_tables_with_entries: true,
        i_mmap_lock: pre_seed::i_mmap_lock,
        i_mmap_unlock: pre_seed::i_mmap_unlock,
        anon_vma_lock: pre_seed::anon_vma_lock,
        anon_vma_unlock: pre_seed::anon_vma_unlock,
        table_sync: pre_seed::table_sync,
        ..Steps::V66
    };
}
