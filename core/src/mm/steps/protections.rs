//! What can be left out: every protection of `collapse_pte_mapped_thp`, by name (`--without NAME`).
//!
//! The list goes through the patch's message and comments line by line.

use super::anon::skip_anon;
use super::file::skip_file;
use super::table::{Era, Steps, skip};
use crate::mm::folio;
use crate::mm::fork::dup_mmap;
use crate::mm::gup;
use crate::mm::huge_memory::{self, split, split_anon};
use crate::mm::khugepaged::collapse_huge_page as ch;
use crate::mm::khugepaged::{
    ScanResult, check, clear, collapse_file, driver, free, locks, notify, scan, unlink,
};
use crate::mm::memory;
use crate::mm::memory::swapin_sync;
use crate::mm::mmap::free_pgtables;
use crate::mm::mmu_notifier;
use crate::mm::mprotect::{protect, start};
use crate::mm::pt_reclaim;
use crate::mm::rmap::anon_vma;
use crate::mm::userfaultfd;
use crate::mm::vma;
use crate::mm::{open, shmem_fallocate, shmem_undo};

/// A protection: a step, or a few, that can be left out.
#[derive(Clone, Copy, Debug)]
pub struct Protection {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The eras that have it.
    pub eras: &'static [Era],
    /// Leaves it out.
    pub leave_out: fn(&mut Steps),
}

impl Protection {
    /// The protection of that name.
    pub fn from_name(name: &str) -> Option<&'static Protection> {
        PROTECTIONS.iter().find(|protection| protection.name == name)
    }
}

const ALL: &[Era] = &[Era::PreSeed, Era::SeedV3, Era::V66, Era::Fixed];
const READ_LOCKED: &[Era] = &[Era::SeedV3, Era::V66, Era::Fixed];
const V66: &[Era] = &[Era::V66, Era::Fixed];
const FIXED: &[Era] = &[Era::Fixed];
const PRE_SEED: &[Era] = &[Era::PreSeed];

macro_rules! protections {
    ($($name:ident $eras:ident $about:literal $leave_out:expr;)*) => {
        /// All protections, in the order in which the function comes to them.
        pub const PROTECTIONS: &[Protection] = &[
            $(Protection { name: stringify!($name), about: $about, eras: $eras, leave_out: $leave_out },)*
        ];
    };
}

protections! {
    mmap_lock ALL "mmap_lock is held around the collapse" |s| s.collapse_locked = driver::unlocked;
    revalidate ALL "MADV_COLLAPSE looks the VMA up again after it dropped mmap_lock" |s| s.revalidate = |_, _, _, _, vma| Ok(vma);
    vma_check_first READ_LOCKED "the VMA is checked before the PMD, in case tables are being torn down" |s| s.checks_before_page_lock = check::pmd_then_vma;
    vma_covers_range ALL "the VMA must cover the whole range" |s| s.vma_covers_range = |_, _, _| true;
    fast_look ALL "a PMD-mapped range is left alone before the page is locked" |s| s.fast_look = |cpu, k, mm, haddr| Ok(k.find_pmd_or_thp_or_none(cpu, mm, haddr));
    find_pmd_present ALL "find_pmd_or_thp_or_none() takes no entry for a table that is not present" |s| s.find_pmd_present = |_| true;
    check_uffd_wp ALL "a VMA that userfaultfd write-protects keeps its table, with the markers" |s| s.check_uffd_wp = |_, _| false;
    hpage_lock ALL "the huge page is locked: nobody truncates it or faults it in" |s| s.get_hpage = check::find_get_hpage;
    hpage_order ALL "the page must be a huge one, and its head" |s| s.check_hpage = |_, _, _| Ok(());
    second_look READ_LOCKED "the PMD is looked at again once the page is locked" |s| s.second_look = skip;
    step1_check ALL "step 1 checks all PTEs before anybody is notified" |s| s.step1_check = |_, _, _| Ok(());
    fail_preset READ_LOCKED "an abort returns SCAN_FAIL, not what the PMD look returned" |s| s.preset_result = check::preset_found;
    notifier_start ALL "mirrors are told before entries go" |s| s.notify_before_ptl = skip;
    notifier_outside_ptl READ_LOCKED "... and before ptl is taken, since that may sleep" |s| { s.notify_before_ptl = skip; s.notify_under_ptl = notify::start; };
    notifier_before_clear READ_LOCKED "... and not only after the clearing" |s| { s.notify_before_ptl = skip; s.notify_after_clear = notify::start; };
    notifier_end ALL "mirrors are told that it is over" |s| s.notify_end = skip;
    notifier_end_unlocked READ_LOCKED "... after pml and ptl were dropped" |s| s.notify_end_early = notify::end;
    early_pml V66 "pml is held from step 2 on where userfaultfd may fill a private mapping" |s| s.early_pml = skip;
    step2_ptl READ_LOCKED "step 2 holds ptl" |s| s.map_step2 = locks::map_unlocked;
    recheck_present READ_LOCKED "step 2 gives up on an entry that is not present" |s| s.recheck_present = |_, _| Ok(());
    recheck_page READ_LOCKED "step 2 checks again that each PTE maps its subpage" |s| s.recheck_page = |_, _, _, _| Ok(());
    clear_pte READ_LOCKED "step 2 clears the entries" |s| s.clear_pte = clear::leave;
    ptep_clear V66 "... by ptep_clear(), so that page_table_check knows" |s| s.clear_pte = clear::pte_clear;
    remove_rmap ALL "the rmap of each entry is removed" |s| s.remove_rmap = |_, _, _| {};
    ref_sub ALL "step 3 gives the entries' references back" |s| s.ref_sub = skip;
    counter_sub ALL "step 3 corrects the rss counter" |s| s.counter_sub = skip;
    step4_pml READ_LOCKED "step 4 holds pml" |s| s.lock_step4 = locks::ptl_only;
    step4_ptl READ_LOCKED "step 4 holds ptl inside pml" |s| s.lock_step4 = locks::pml_only;
    pml_before_ptl READ_LOCKED "step 4 takes pml before ptl" |s| s.lock_step4 = locks::ptl_then_pml;
    ptl_is_pml READ_LOCKED "step 4 takes ptl only if it is another lock than pml" |s| s.lock_step4 = locks::pml_then_ptl_untested;
    unlink READ_LOCKED "the table is unlinked before it is freed" |s| s.unlink = unlink::leave_linked;
    collapse_flush ALL "the TLB is flushed when the table is unlinked" |s| s.collapse_flush = |_, _, _, _| {};
    flush_under_pml READ_LOCKED "... before pml is dropped" |s| { s.unlink = unlink::unlink_only; s.flush_late = unlink::flush_late; };
    dec_nr_ptes ALL "the table is uncounted" |s| s.dec_nr_ptes = skip;
    ptc_clear_range ALL "page_table_check does the books of what was left in the table" |s| s.ptc_clear_range = skip;
    free_defer READ_LOCKED "the table is freed after a grace period" |s| s.free_table = free::free_now;
    free_table ALL "the table is freed" |s| s.free_table = skip;
    set_pmd_recheck ALL "do_set_pmd() finds the PMD empty under pml" |s| s.set_pmd_recheck = |_, _| true;
    set_huge_pmd_ref ALL "the huge PMD has a reference" |s| s.set_huge_pmd_ref = skip;
    abort_flush READ_LOCKED "the abort flushes before it gives references back" |s| s.abort_flush = skip;
    abort_ref_sub READ_LOCKED "the abort gives the references of cleared entries back" |s| s.abort_ref_sub = skip;
    abort_counter_sub READ_LOCKED "the abort corrects the rss counter" |s| s.abort_counter_sub = skip;
    abort_unlock READ_LOCKED "the abort drops ptl" |s| s.abort_unlock = skip;
    abort_notifier_end READ_LOCKED "the abort closes the invalidation range" |s| s.abort_notify_end = skip;
    hpage_lock_to_the_end READ_LOCKED "the huge page stays locked until the PMD is installed" |s| s.unlock_early = locks::unlock_hpage;
    unlock_hpage ALL "the huge page is unlocked" |s| s.unlock_hpage = skip;
    put_hpage ALL "the reference of find_lock_page() is put" |s| s.put_hpage = skip;
    pre_seed_start_write PRE_SEED "the VMA is locked for write: no fault without mmap_lock comes here" |s| s.pre_seed_start_write = |_, _, _| {};
    i_mmap_lock PRE_SEED "i_mmap is held for write: no truncate walks this table" |s| { s.i_mmap_lock = skip; s.i_mmap_unlock = skip; };
    anon_vma_lock PRE_SEED "anon_vma is held for write: no rmap walk comes here" |s| { s.anon_vma_lock = skip; s.anon_vma_unlock = skip; };
    table_sync PRE_SEED "walkers with interrupts off are waited for" |s| s.table_sync = skip;
    cf_unmap ALL "collapse_file() unmaps each old page" |s| s.file.unmap = |_, _, _| {};
    cf_refcount READ_LOCKED "... which then has three references: pin, cache, isolation" |s| s.file.check_count = |_, _, _| true;
    cf_pages_locked ALL "... stays locked until it has left the page cache" |s| { s.file.keep_locked = |cpu, k, old| k.folio(old).lock.unlock(cpu); s.file.unlock_old = |_, _, _| {}; };
    cf_nr_thps_check ALL "a regular file that somebody has opened for writing gets no huge page" |s| s.file.nr_thps_inc = collapse_file::gather::nr_thps_inc_only;
    cf_fresh_hpage PRE_SEED "each attempt has a huge page that nobody has seen before" |s| { s.file.alloc_hpage = collapse_file::reuse::alloc; s.file.put_hpage = collapse_file::reuse::keep; };
    cf_flush ALL "... and is flushed from all TLBs" |s| s.file.flush = |_, _| {};
    cf_flush_before_copy READ_LOCKED "... before it is copied" |s| { s.file.flush = |_, _| {}; s.file.flush_late = collapse_file::run::flush; };
    cf_charge_holes READ_LOCKED "holes that become pages are charged" |s| s.file.charge_holes = skip_file;
    cf_rollback_holes ALL "... and given back when the collapse fails" |s| s.file.uncharge_holes = skip_file;
    cf_seal_holes READ_LOCKED "holes are sealed before the huge page is stored" |s| s.file.seal_holes = collapse_file::holes::lock_only;
    cf_retry_entries READ_LOCKED "... by RETRY entries" |s| s.file.store_retry = |_, _, _| true;
    cf_recount_holes READ_LOCKED "... and counted again: a fault may have filled one" |s| s.file.recount_holes = |_, _, _| ScanResult::Succeed;
    cf_uffd_missing READ_LOCKED "a VMA registered for missing pages keeps its holes" |s| s.file.uffd_missing = |_, _, _| false;
    cf_uffd_missing_sealed READ_LOCKED "... and is looked for after they were sealed" |s| s.file.seal_holes = collapse_file::holes::seal_after_look;
    cf_uptodate ALL "the huge page is up to date before it can be found" |s| s.file.mark_uptodate = skip_file;
    cf_hpage_locked READ_LOCKED "the huge page is locked until the page tables are gone" |s| { s.file.unlock_hpage_early = collapse_file::run::unlock_hpage; s.file.unlock_hpage = skip_file; };
    cf_retract ALL "page tables over the range are retracted" |s| s.file.retract = collapse_file::run::retract_nothing;
    retract_i_mmap READ_LOCKED "retract_page_tables() holds i_mmap_rwsem" |s| { s.file.retract_lock = |_, _, _| {}; s.file.retract_unlock = |_, _, _| {}; };
    retract_covers ALL "... leaves a table alone that maps something else too" |s| s.file.retract_covers = |_, _, _| true;
    retract_test_exit ALL "... and that of an mm that is exiting" |s| s.file.retract_test_exit = |_, _, _| false;
    retract_notifier READ_LOCKED "... tells mirrors" |s| { s.file.retract_notify_start = |_, _, _, _| {}; s.file.retract_notify_end = |_, _, _, _| {}; };
    retract_pml READ_LOCKED "... holds pml" |s| { s.file.retract_lock_pml = |_, _, _| {}; s.file.retract_unlock_pml = |_, _, _| {}; };
    retract_ptl READ_LOCKED "... holds ptl inside pml" |s| { s.file.retract_lock_ptl = |_, _, _| {}; s.file.retract_unlock_ptl = |_, _, _| {}; };
    retract_anon_vma ALL "... leaves a table alone that may have copies in it" |s| s.file.retract_anon_vma = |_, _, _| false;
    retract_recheck_anon_vma ALL "... and asks for an anon_vma again under ptl" |s| s.file.retract_recheck_anon_vma = |_, _, _| false;
    retract_uffd_wp READ_LOCKED "... leaves a table alone that may have markers in it" |s| s.file.retract_uffd_wp = |_, _, _| false;
    retract_recheck_uffd_wp READ_LOCKED "... and asks for uffd-wp again under ptl" |s| s.file.retract_recheck_uffd_wp = |_, _, _| false;
    retract_free_defer READ_LOCKED "... and frees the table after a grace period" |s| s.file.retract_free = |cpu, k, table| k.pte_free(cpu, table);
    unshare_missing_copies FIXED "a fault that shall unshare a page of a private mapping copies it even if none is mapped" |s| s.unshare_missing_copies = || false;
    undo_splits FIXED "the last pass of a truncation splits a huge page instead of dropping it whole" |s| s.undo_entry = shmem_undo::undo_whole;
    split_counter_first FIXED "__split_huge_pmd() corrects the rss counter before it puts the page" |s| s.split_uncount = split::put_then_uncount;
    pte_map_rcu ALL "pte_offset_map() holds RCU" |s| { s.pte_map_rcu_lock = |_| {}; s.pte_map_rcu_unlock = |_| {}; };
    pte_map_recheck ALL "pte_offset_map_lock() looks at the PMD again under ptl" |s| s.pte_map_recheck = |_, _, _, _| true;
    // VMAs and their locks
    munmap_start_write ALL "munmap locks the VMA for write before it takes it out of the tree" |s| s.vma.munmap_start_write = |_, _, _| {};
    split_start_write ALL "a VMA is locked for write before it is split" |s| s.vma.split_start_write = |_, _, _| {};
    merge_start_write ALL "VMAs are locked for write before they are merged" |s| s.vma.merge_start_write = |_, _, _| {};
    mmap_start_write ALL "a new VMA is locked for write before it is in the tree" |s| s.vma.mmap_start_write = |_, _, _| {};
    flags_start_write ALL "a VMA is locked for write before its flags change" |s| s.vma.flags_start_write = |_, _, _| {};
    unlink_before_tables ALL "free_pgtables() takes a VMA out of the rmap trees before it frees its tables" |s| { s.vma.unlink_before_tables = |_, _, _| {}; s.vma.unlink_after_tables = free_pgtables::unlink; };
    vma_adjust_i_mmap_lock ALL "i_mmap is held for write when a bound of a VMA moves" |s| { s.vma.vma_adjust_i_mmap_lock = |_, _, _| {}; s.vma.vma_adjust_i_mmap_unlock = |_, _, _| {}; };
    vma_adjust_anon_vma_lock ALL "anon_vma is held for write when a bound of a VMA moves" |s| { s.vma.vma_adjust_anon_vma_lock = |_, _, _| {}; s.vma.vma_adjust_anon_vma_unlock = |_, _, _| {}; };
    vma_split_huge_pmd ALL "no huge PMD lies across a bound of a VMA" |s| s.vma.vma_split_huge_pmd = |_, _, _, _| {};
    vma_lock_seq_recheck ALL "vma_start_read() compares the sequence numbers again under vm_lock" |s| s.vma.vma_lock_seq_recheck = |_, _, _| true;
    vma_lock_anon_check ALL "lock_vma_under_rcu() refuses an anonymous VMA without an anon_vma" |s| s.vma.vma_lock_anon_check = |_, _, _| false;
    vma_lock_range_check ALL "lock_vma_under_rcu() looks at the VMA's bounds again under its lock" |s| s.vma.vma_lock_range_check = |_, _, _| true;
    vma_lock_detached_check ALL "lock_vma_under_rcu() does not use a VMA that has left the tree" |s| s.vma.vma_lock_detached_check = |_, _, _| false;
    wp_vma_lock_anon ALL "do_wp_page() without mmap_lock does not prepare an anon_vma" |s| s.wp_vma_lock_anon = |_, _, _| true;
    vma_free_rcu ALL "a VMA is freed after a grace period" |s| s.vma.vma_free_rcu = vma::free_now;

    // Entries of two words (PAE)
    pae_recheck ALL "a lockless reader of two words reads the low one again" |s| s.pae_recheck = |_, _, _| true;
    pae_irq_off ALL "pte_offset_map() reads the two words of the PMD with interrupts off" |s| { s.pae_irq_save = |_| {}; s.pae_irq_restore = |_| {}; };
    pmd_sync READ_LOCKED "whoever unlinks a table waits for CPUs that read the PMD with interrupts off" |s| s.pmd_sync = |_, _| {};
    pte_unmap_same ALL "do_swap_page() finds out that the entry was torn" |s| s.pte_unmap_same = |_, _, _, _, _| true;
    i_mmap_link_lock ALL "i_mmap is held for write when a VMA comes or goes: walks of it are over" |s| { s.vma.i_mmap_link_lock = |_, _, _| {}; s.vma.i_mmap_link_unlock = |_, _, _| {}; };
    anon_vma_recheck ALL "anon_vma_prepare() finds the VMA still without an anon_vma under page_table_lock" |s| s.vma.anon_vma_recheck = anon_vma::install;
    anon_vma_mapped_recheck ALL "folio_lock_anon_vma_read() finds the folio still mapped under the lock" |s| s.vma.anon_vma_mapped_recheck = |_, _| true;
    migrate_anon_vma_ref ALL "a migration keeps the anon_vma of the page that it has unmapped" |s| s.vma.migrate_anon_vma_ref = |_, _, _| None;
    unlink_anon_vma_lock ALL "the root is held for write when a VMA leaves its anon_vmas: walks of them are over" |s| s.vma.unlink_anon_vma_lock = |_, _, _, _| {};
    exit_mmap_lock ALL "exit_mmap() frees the tables with mmap_lock for write" |s| { s.vma.exit_mmap_lock = |_, _, _| {}; s.vma.exit_mmap_unlock = |_, _, _| {}; s.vma.free_pgtables_start_write = |_, _, _| {}; };
    test_exit ALL "khugepaged leaves an mm alone that exits" |s| s.vma.test_exit = |_, _, _| false;
    khugepaged_exit_wait ALL "an mm that exits waits for the scan that khugepaged is doing of it" |s| s.vma.khugepaged_exit_wait = |_, _, _| {};
    // gup.c
    gup_irq_off ALL "GUP-fast turns interrupts off: no table vanishes under it" |s| { s.gup_irq_save = |_| {}; s.gup_irq_restore = |_| {}; };
    gup_pin_seq ALL "a pin by GUP-fast does not overlap a fork's write-protecting" |s| { s.gup_pin_seq_begin = |_, _, _| Some(0); s.gup_pin_seq_retry = |_, _, _, _| false; };
    gup_head_recheck ALL "GUP-fast asks again which folio it has a reference of" |s| s.gup_try_get = gup::try_get_folio_unchecked;
    gup_pmd_recheck ALL "GUP-fast looks at the PMD entry again when it has the reference" |s| s.gup_pmd_recheck = |_, _, _| true;
    gup_pte_recheck ALL "GUP-fast looks at the PTE again when it has the reference" |s| s.gup_pte_recheck = |_, _, _, _, _| true;
    gup_fast_pin_allowed ALL "GUP-fast refuses a long-term pin of a page that may need dirty tracking" |s| s.gup_fast_pin_allowed = |_, _, _, _| true;
    gup_must_unshare ALL "a page that is shared is not pinned for reading" |s| s.gup_must_unshare = |_, _, _, _, _| false;
    // mmu_notifier.c and who subscribes
    kvm_in_progress ALL "KVM does not map a page while its invalidation is in progress" |s| s.kvm_in_progress = |_, _, _| false;
    kvm_seq ALL "... nor after any invalidation has ended since it looked the page up" |s| s.kvm_seq_changed = |_, _, _| false;
    interval_read_retry ALL "a device does not map a page after its interval was invalidated" |s| s.interval_read_retry = |_, _, _| false;
    interval_wait ALL "... nor while that is in progress" |s| s.interval_wait = |_, _, _| {};
    interval_insert ALL "a subscription takes effect when the invalidations in progress have ended" |s| s.interval_insert = mmu_notifier::insert_at_once;
    // Folios: reclaim, migration, split
    reclaim_flush_dirty ALL "reclaim flushes a page that a CPU could still write to before it is written out" |s| s.reclaim_flush_dirty = |_, _| {};
    reclaim_flush ALL "reclaim flushes before it frees" |s| s.reclaim_flush = |_, _| {};
    reclaim_freeze ALL "reclaim takes a folio from its cache only if nobody else holds it" |s| s.reclaim_freeze = folio::freeze_any;
    reclaim_dirty_recheck ALL "... and if it is still clean" |s| s.reclaim_dirty_recheck = |_, _| false;
    lazyfree_dirty_check ALL "a page after MADV_FREE stays if it was written to" |s| s.lazyfree_dirty_check = |_, _| false;
    migrate_flush ALL "a migration flushes before it copies" |s| s.migrate_flush = |_, _| {};
    migrate_freeze ALL "a migration moves a folio only if nobody else holds it" |s| s.migrate_freeze = folio::freeze_any;
    split_freeze ALL "a folio is split only if nobody else holds it" |s| s.split_freeze = folio::freeze_any;
    share_pinned_check ALL "a page that may be pinned stays exclusive" |s| s.share_pinned_check = |_, _, _| false;

    // Huge pages of anonymous memory
    huge_pmd_recheck ALL "a huge fault finds the PMD empty under pml" |s| s.huge.pmd_recheck = |_, _| true;
    huge_deposit ALL "a huge fault deposits a page table for the split" |s| s.huge.deposit = |cpu, k, _, table| k.pte_free_now(cpu, table);
    zap_deposited ALL "a zap of a huge page frees the deposited page table" |s| s.huge.zap_deposited = |_, _, _| {};
    huge_wp_recheck ALL "do_huge_pmd_wp_page() finds the same entry under pml" |s| s.huge.wp_recheck = |_, _, _| true;
    huge_wp_relock_recheck ALL "... and again after it has slept on the folio lock" |s| s.huge.wp_relock_recheck = |_, _, _| true;
    huge_wp_only_ref ALL "... and does not reuse a page that somebody else may have" |s| s.huge.wp_only_ref = |_, _, _| true;
    huge_numa_recheck ALL "do_huge_pmd_numa_page() finds the same entry under pml" |s| s.huge.numa_recheck = |_, _, _| true;
    split_recheck ALL "__split_huge_pmd() finds a huge entry under pml" |s| s.huge.split_recheck = |pmd| !pmd.is_none();
    split_invalidate ALL "a split of anonymous memory invalidates the huge entry first" |s| s.huge.split_invalidate = split_anon::leave_valid;
    split_flush ALL "... and flushes it" |s| s.huge.split_invalidate = split_anon::invalidate_only;
    split_exclusive ALL "... and its pages stay exclusive" |s| s.huge.split_exclusive = |_, _, _| {};

    // Collapses of anonymous memory
    ch_mmap_lock ALL "collapse_huge_page() holds mmap_lock for write" |s| { s.anon.mmap_lock = |cpu, k, mm| k.mmap_read_lock(cpu, mm); s.anon.mmap_unlock = |cpu, k, mm| k.mmap_read_unlock(cpu, mm); s.anon.start_write = |_, _, _| {}; };
    ch_revalidate ALL "... and looks the VMA up again under it" |s| s.anon.revalidate = |_, _, _, vma, _| Ok(vma);
    ch_expect_anon ALL "... which must be anonymous still: a file may be mapped there by now" |s| s.anon.expect_anon = |_, _, _| true;
    ch_check_pmd ALL "... and finds the PMD still linking a table" |s| s.anon.check_pmd = |_, _, _| ScanResult::Succeed;
    ch_start_write ALL "... locks the VMA for write: faults without mmap_lock are over" |s| s.anon.start_write = |_, _, _| {};
    ch_anon_vma_lock ALL "... holds anon_vma for write: no rmap walk takes the range for empty" |s| { s.anon.anon_vma_lock = skip_anon; s.anon.anon_vma_unlock = skip_anon; };
    ch_anon_vma_to_the_end ALL "... until the pages are locked, or the table is linked again" |s| { s.anon.unlock_anon_vma_early = ch::anon_vma_unlock; s.anon.anon_vma_unlock = skip_anon; };
    ch_notifier ALL "... tells mirrors" |s| { s.anon.notify_start = skip_anon; s.anon.notify_end = skip_anon; };
    ch_pml ALL "... unlinks the table under pml" |s| { s.anon.lock_pml = skip_anon; s.anon.unlock_pml = skip_anon; };
    ch_sync_one ALL "... waits for GUP-fast, which may be in the table" |s| s.anon.sync_one = |_, _| {};
    ch_present ALL "... gives up on an entry that is not present" |s| s.anon.isolate_present = |_| true;
    ch_page_lock ALL "... locks each page" |s| { s.anon.trylock_page = |_, _, _| true; s.anon.unlock_page = |_, _, _| {}; };
    ch_refcount ALL "... which nobody else may hold" |s| s.anon.check_count = |_, _, _| true;
    ch_isolate_lru ALL "... and takes it off the LRU" |s| { s.anon.isolate_lru = |_, _, _| true; s.anon.putback_lru = |_, _, _| {}; };
    ch_uffd_armed ALL "... fills no hole that userfaultfd wants to hear of" |s| s.anon.uffd_armed = |_, _| false;
    ch_uffd_wp ALL "... leaves an entry alone that userfaultfd protects" |s| s.anon.uffd_wp = |_| false;
    ch_clear_pte ALL "... clears the entries of the old table" |s| s.anon.clear_old_pte = ch::leave_old_pte;
    ch_copy_ptl ALL "... under ptl" |s| s.anon.clear_old_pte = ch::clear_old_pte_unlocked;
    ch_remove_rmap ALL "... removes their rmaps" |s| s.anon.remove_rmap = |_, _, _| {};
    ch_free_old_page ALL "... puts their references" |s| s.anon.free_old_page = |_, _, _| {};
    ch_count_zero_page ALL "... counts the pages that were not there before" |s| s.anon.count_zero_page = skip_anon;
    ch_deposit ALL "... deposits the old table" |s| s.anon.deposit = |cpu, k, c| k.pte_free_now(cpu, c.pte.table);
    ch_restore_pmd ALL "a collapse that fails links the old table again" |s| s.anon.restore_pmd = skip_anon;
    ch_release_pages ALL "... and releases its pages" |s| s.anon.release_pages = |_, _, _, _| {};
    ch_restore_first ALL "... in this order, when the copy failed" |s| s.anon.copy_failed = ch::release_then_restore;
    // Files
    inode_lock ALL "truncate, fallocate() and write() hold i_rwsem: one of them at a time" |s| { s.fs.inode_lock = |_, _, _| {}; s.fs.inode_unlock = |_, _, _| {}; };
    truncate_unmap ALL "truncate unmaps what goes" |s| { s.fs.truncate_unmap = |_, _, _, _| {}; s.fs.truncate_unmap_again = |_, _, _, _| {}; };
    truncate_unmap_again ALL "... and again afterwards: private copies of pages that were in the cache still" |s| s.fs.truncate_unmap_again = |_, _, _, _| {};
    truncate_unmap_folio ALL "a folio that leaves the cache is unmapped: a fault may have been faster" |s| s.fs.truncate_unmap_folio = |_, _, _, _| {};
    truncate_recheck ALL "a folio that is locked to be truncated is in the file still" |s| s.fs.truncate_recheck = |_, _, _, _| true;
    undo_lock ALL "a folio is locked before it is truncated: no fault maps it then" |s| { s.fs.undo_lock = |_, _, _| {}; s.fs.undo_unlock = |_, _, _| {}; };
    undo_retry ALL "where somebody else has removed a folio the last pass looks again" |s| s.fs.undo_retry = shmem_undo::retry_not;
    partial_zero ALL "the part of a huge page that goes is zeroed: it may turn out that the page must stay" |s| s.fs.partial_zero = |_, _, _, _| {};
    falloc_publish ALL "faults on a hole wait until it is punched" |s| s.fs.falloc_publish = |_, _, _, _| {};
    falloc_wake ALL "... and are woken then" |s| s.fs.falloc_clear = shmem_fallocate::clear_only;
    unfalloc ALL "an allocation that fails takes back what it has allocated" |s| s.fs.unfalloc = |_, _, _, _| {};
    clear_fallocated ALL "a page that fallocate() has left is cleared before anybody sees it" |s| s.fs.clear_fallocated = shmem_fallocate::uptodate_only;
    charge_folio ALL "an inode is charged for a page that a fault has made" |s| s.fs.charge_folio = |_, _, _, _| {};
    i_size_recheck ALL "shmem_get_folio() looks at i_size again when the new folio can be found" |s| s.fs.i_size_recheck = |_, _, _, _, _| false;
    invalidate_lock ALL "no page is read in while the cache of a regular file is thrown away" |s| { s.fs.invalidate_lock = |_, _, _| {}; s.fs.invalidate_unlock = |_, _, _| {}; };
    open_drops_huge ALL "a regular file that is opened for writing loses its huge pages" |s| s.fs.open_counted = open::count_only;
    open_counts_first ALL "... which is looked for after it was counted as open" |s| s.fs.open_counted = open::look_then_count;
    open_writes_back FIXED "... but not what is dirty: that is written out first" |s| s.fs.open_drop = open::drop_all;
    write_zero_rest ALL "write() clears the rest of a folio that nobody has cleared" |s| s.fs.write_zero_rest = |_, _, _| {};
    remove_unlocked ALL "MADV_REMOVE drops mmap_lock before it punches" |s| { s.fs.remove_mmap_unlock = |_, _, _| {}; s.fs.remove_mmap_lock = |_, _, _| {}; };
    split_no_folio_lock ALL "the split of a file's PMD by a zap takes no folio lock: it is under i_mmap_rwsem" |s| s.fs.split_lock_folio = split::lock_file_folio;
    scan_page_mapcount ALL "a scan of the page cache reads nothing that only a large folio has" |s| s.fs.scan_mapcount = scan::large_mapcount;
    // fork
    fork_start_write ALL "fork locks the parent's VMAs for write: no fault makes a copy before the flush" |s| s.fork.start_write = |_, _, _| {};
    fork_child_lock ALL "fork holds the child's mmap_lock: khugepaged does not meet half of it" |s| { s.fork.child_lock = |_, _, _| {}; s.fork.child_unlock = |_, _, _| {}; };
    fork_link_before_copy ALL "the child's VMA is found by its file before it has any page" |s| { s.fork.link_before_copy = |_, _, _, _| {}; s.fork.link_after_copy = dup_mmap::link_file; };
    fork_link_lock ALL "... and i_mmap is held for write when it comes there" |s| { s.fork.link_lock = |_, _, _| {}; s.fork.link_unlock = |_, _, _| {}; };
    fork_link_order ALL "... behind its parent's" |s| s.fork.link_order = dup_mmap::insert_before;
    fork_flush ALL "fork flushes what it has write-protected in the parent" |s| s.fork.flush = |_, _, _| {};
    fork_flush_locked ALL "... before mmap_lock is dropped" |s| { s.fork.flush = |_, _, _| {}; s.fork.flush_late = |cpu, k, mm| k.flush_tlb_mm(cpu, mm); };
    fork_skips_file ALL "fork copies nothing of a file that has no copies: its table may be retracted" |s| s.fork.needs_copy = |_, _, _| true;
    fork_copies_file ALL "... and all that a VMA of a file has if there are copies in it" |s| s.fork.needs_copy = |k, _, src| k.vma(src).spec().file.is_none();
    fork_notifier ALL "mirrors are told before the parent's entries are write-protected" |s| { s.fork.notify_start = |_, _, _, _, _| {}; s.fork.notify_end = |_, _, _, _, _| {}; };
    fork_write_protect_seq ALL "write_protect_seq tells GUP-fast of a fork" |s| { s.fork.seq_begin = |_, _, _| {}; s.fork.seq_end = |_, _, _| {}; };
    fork_src_ptl ALL "the parent's table is locked while it is copied" |s| { s.fork.src_lock = |_, _, _| {}; s.fork.src_unlock = |_, _, _| {}; };
    fork_wrprotect ALL "the parent's entries are write-protected" |s| s.fork.wrprotect = |_, _, _, _, _| {};
    fork_migration_readable ALL "... and its migration entries made readable" |s| s.fork.migration_readable = |entry| entry;
    fork_swap_duplicate ALL "the child's swap entries are counted" |s| s.fork.swap_duplicate = |_, _, _| true;
    fork_swap_clear_exclusive ALL "... and none of them is exclusive" |s| s.fork.swap_clear_exclusive = |entry| entry;
    fork_pinned_check ALL "a page that may be pinned is copied at once" |s| s.fork.pinned_check = |_, _, _| false;
    fork_clear_exclusive ALL "a page that is shared is not exclusive any longer" |s| s.fork.clear_exclusive = |_, _, _| {};
    fork_shared_anon_vma ALL "a page that is swapped in and may be shared is found by the root of the family" |s| s.fork.shared_anon_vma = |_, own| own;
    wp_by_refs ALL "do_wp_page() reuses a page that nobody else holds, not one that nobody else maps" |s| s.fork.wp_reuse = memory::wp::reuse_if_only_map;
    huge_wp_by_refs ALL "... nor does do_huge_pmd_wp_page(), whose mappings a split counts one after the other" |s| s.huge.wp_only_ref = huge_memory::wp::only_map;
    fork_huge_recheck ALL "copy_huge_pmd() looks at the entry again under pml" |s| s.fork.huge_recheck = |_, _, _, _, seen| seen;
    fork_huge_deposit ALL "a huge page of the child's has a deposited page table" |s| s.fork.huge_deposit = |cpu, k, _, table| k.pte_free_now(cpu, table);
    fork_huge_wrprotect ALL "the parent's huge entries are write-protected" |s| s.fork.huge_wrprotect = |_, _, _, _| {};
    // mremap, mprotect, NUMA balancing
    mremap_uffd_wp FIXED "mremap lifts the protections of a VMA that userfaultfd loses" |s| s.moves.lift_uffd_wp = |_, _, _| {};
    mremap_start_write ALL "mremap locks the old VMA for write: no fault comes there" |s| s.moves.start_write = |_, _, _| {};
    mremap_link_start_write ALL "... and the new one, before it is in the tree" |s| s.moves.link_start_write = |_, _, _| {};
    mremap_need_rmap_locks ALL "entries move under the rmap locks if walks may look at the new VMA first" |s| s.moves.need_rmap_locks = |_| false;
    mremap_pmd_rmap_locks ALL "a whole table moves under the rmap locks" |s| { s.moves.normal_rmap_lock = |_, _, _| {}; s.moves.normal_rmap_unlock = |_, _, _| {}; };
    mremap_pmd_recheck FIXED "... if the entry is still that of a table under pml: it may have been retracted" |s| s.moves.normal_recheck = |_| true;
    mremap_pmd_flush ALL "... and is flushed at its old address" |s| s.moves.normal_flush = |_, _, _, _| {};
    mremap_huge_flush ALL "a huge page that moves is flushed at its old address" |s| s.moves.huge_flush = |_, _, _, _| {};
    mremap_notifier ALL "mirrors are told before entries move" |s| { s.moves.notify_start = |_, _, _, _, _| {}; s.moves.notify_end = |_, _, _, _, _| {}; };
    mremap_batched_pending ALL "move_ptes() makes up for flushes that reclaim has put off" |s| s.moves.batched_pending = |_, _, _| {};
    mremap_flush ALL "move_ptes() flushes the old addresses" |s| s.moves.ptes_flush = |_, _, _, _, _| {};
    mremap_flush_before_unlock ALL "... before it drops the locks of the tables" |s| { s.moves.ptes_flush_late = s.moves.ptes_flush; s.moves.ptes_flush = |_, _, _, _, _| {}; };
    vma_lock_anon_check_locked ALL "lock_vma_under_rcu() looks for the anon_vma under the lock: MREMAP_DONTUNMAP takes it away" |s| { s.moves.vma_lock_anon_check_early = vma::lock::anon_vma_missing; s.vma.vma_lock_anon_check = |_, _, _| false; };
    mprotect_start_write ALL "mprotect locks the VMA for write" |s| s.moves.protect_start_write = |_, _, _| {};
    mprotect_notifier ALL "mirrors are told before protections change" |s| { s.moves.change_notify_start = |_, _, _, _, _| {}; s.moves.change_notify_end = |_, _, _, _, _| {}; };
    mprotect_batched_pending ALL "change_pte_range() makes up for flushes that reclaim has put off" |s| s.moves.change_batched_pending = |_, _, _| {};
    mprotect_modify_start ALL "an entry is empty while its protection changes: the hardware sets no dirty bit in it" |s| s.moves.modify_prot_start = start::read_only;
    mprotect_migration_readable ALL "a migration entry loses the permission to write too" |s| s.moves.migration_readable = |_, entry| entry;
    mprotect_flush ALL "mprotect flushes" |s| s.moves.protect_flush = protect::forget;
    mprotect_flush_before_unlock ALL "... before it drops mmap_lock" |s| s.moves.protect_flush = |_, _, tlb| Some(tlb);
    change_huge_lock ALL "change_huge_pmd() finds a huge entry under pml" |s| s.moves.change_huge_lock = |cpu, k, mm, _| Some(k.pmd_lock(cpu, mm));
    change_huge_invalidate ALL "... which is never empty while it changes: MADV_DONTNEED takes an empty one for done" |s| s.moves.change_huge_start = |cpu, k, mm, haddr| k.pmdp_huge_get_and_clear(cpu, mm, haddr);
    numa_flush ALL "NUMA balancing flushes what it has made inaccessible" |s| s.moves.numa_flush = |cpu, k, tlb| _ = protect::forget(cpu, k, tlb);
    numa_recheck ALL "do_numa_page() finds the same entry under ptl" |s| s.moves.numa_recheck = |_, _, _, _| true;
    pte_accessible_pending ALL "an entry that was made inaccessible is flushed when it goes, if its flush is still to come" |s| s.moves.accessible_pending = |_, _, _| false;
    // userfaultfd
    uffd_missing ALL "a fault on anonymous memory finds out under ptl that userfaultfd wants to hear of it" |s| s.uffd.missing = |_, _| false;
    uffd_shmem_missing ALL "... and one on a hole of a file before it fills it" |s| s.uffd.shmem_missing = |_, _| false;
    uffd_wp_fault ALL "do_wp_page() tells userfaultfd of a write to a page that it protects" |s| s.uffd.wp_fault = |_, _, _| false;
    uffd_wp_flush_pending ALL "do_wp_page() flushes what a write-protection under way has not flushed yet" |s| s.uffd.wp_flush_pending = |_, _, _| {};
    uffd_registered ALL "mfill_atomic() fills registered VMAs only" |s| s.uffd.registered = |_, _| true;
    uffd_anon_vma ALL "... prepares the anon_vma of a private one before it takes ptl" |s| s.uffd.anon_vma_prepare = |_, _, _| true;
    uffd_pmd_once FIXED "... believes one reading of the PMD entry" |s| s.uffd.prepare_pmd = userfaultfd::steps::prepare_pmd;
    uffd_install_none ALL "... installs a page only over nothing, or a marker" |s| s.uffd.install_over = |_| true;
    uffd_store_none ALL "... and the zero page or a poisoned marker only over nothing" |s| s.uffd.store_over = |_| true;
    uffd_keep_locked ALL "a page that it adds to a file stays locked until it is mapped" |s| s.uffd.keep_locked = userfaultfd::steps::unlock_early;
    uffd_wake ALL "whoever resolves a fault wakes whoever waits" |s| s.uffd.wake = |_, _, _, _, _| {};
    uffd_unregister_wake ALL "... and so does whoever unregisters" |s| s.uffd.unregister_wake = |_, _, _, _, _| {};
    uffd_wp_prepare ALL "a write-protection of a file makes sure that there is a table for markers" |s| s.uffd.wp_prepare = |_, _, _, _, _| true;
    uffd_wp_none_again FIXED "... and begins again where there is none because a huge page was zapped" |s| s.uffd.wp_none_again = |_, _, _| false;
    uffd_wp_split ALL "... and splits a huge page of it" |s| s.uffd.wp_split_file = |_, _| false;
    uffd_wp_again ALL "... and begins again where a table has gone" |s| s.uffd.wp_again = |_| true;
    uffd_wp_flush ALL "... and flushes before it returns" |s| s.uffd.wp_finish = userfaultfd::steps::finish_unflushed;
    uffd_unmap_marker ALL "try_to_unmap() leaves a marker where a page of a file was write-protected" |s| s.uffd.unmap_marker = |_, _, _, _| {};
    uffd_zap_marker ALL "... and so does a zap whose mapping stays" |s| s.uffd.zap_marker = |_, _, _, _, _| {};
    uffd_swapin_wp ALL "a page that is swapped in is write-protected as it was" |s| s.uffd.swapin_wp = |_, entry| entry;
    // Swap, TLBs, and how tables come and go in other kernels
    swapcache_prepare FIXED "a swap-in past the swap cache marks the slot, so that nobody else does the same" |s| { s.swap.swapcache_prepare = swapin_sync::prepare_nothing; s.swap.swapcache_clear = |_, _, _| {}; };
    flush_interrupts ALL "a flush interrupts: a CPU that walks with interrupts off is waited for" |s| s.tlb.flush_interrupts = || false;
    switch_flushes ALL "a CPU that comes back to an mm, or from lazy mode, flushes what it has missed" |s| s.tlb.switch_flushes = || false;
    flush_range_freed_tables FIXED "flush_tlb_range() interrupts lazy CPUs too, since a table may be freed afterwards" |s| s.tlb.flush_range_freed_tables = || false;
    sync_without_rcu_tables FIXED "tlb_remove_table_sync_one() waits in a kernel that does not free tables by RCU, too" |s| s.tlb.sync_without_rcu_tables = || false;
    tables_stay V66 "MADV_DONTNEED leaves empty page tables where they are (v6.14 frees them, and others look out for it)" super::PtReclaimSteps::enable;
    pt_retract_check V66 "... without which retract_page_tables() must find out under pml that the table is gone" |s| s.pt_reclaim.retract_check_pmd = pt_reclaim::must_be_table;
    pt_step4_recheck V66 "... and step 4 of a collapse under pml and ptl" |s| { s.unlink = unlink::collapse_flush; s.dec_nr_ptes = free::dec_nr_ptes; s.ptc_clear_range = free::ptc_clear_range; s.free_table = free::free_defer; };
    pt_remove_table_rcu V66 "... and a table must wait for RCU, even if there is no memory for a batch" |s| s.pt_reclaim.remove_table_one = pt_reclaim::sync_and_free;
    pte_map_may_fail ALL "pte_offset_map() may fail (before v6.5 it could not: a walker's lock kept the table)" super::NofailSteps::enable;
}

#[cfg(test)]
mod tests {
    use super::{PROTECTIONS, Protection};

    #[test]
    fn names_are_unique() {
        for protection in PROTECTIONS {
            let found = Protection::from_name(protection.name);
            assert_eq!(found.map(|found| found.about), Some(protection.about));
        }
    }
}
