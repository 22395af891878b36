//! What can be left out: every protection of `collapse_pte_mapped_thp`, by name (`--without NAME`).
//!
//! The list goes through the patch's message and comments line by line.

use super::file::skip_file;
use super::table::{Era, Steps, skip};
use crate::mm::folio;
use crate::mm::gup;
use crate::mm::huge_memory::{split, split_anon};
use crate::mm::khugepaged::{
    ScanResult, check, clear, collapse_file, driver, free, locks, notify, unlink,
};
use crate::mm::mmap::free_pgtables;
use crate::mm::mmu_notifier;
use crate::mm::mprotect::{protect, start};
use crate::mm::rmap::anon_vma;
use crate::mm::shmem;
use crate::mm::vma;

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
    cf_retry_entries READ_LOCKED "... by RETRY entries" |s| s.file.store_retry = skip_file;
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
    undo_splits FIXED "the last pass of a truncation splits a huge page instead of dropping it whole" |s| s.undo_entry = shmem::undo_whole;
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
    // mremap, mprotect, NUMA balancing
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
