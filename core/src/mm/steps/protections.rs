//! What can be left out: every protection by name (`--without NAME`), a room for each mechanism.
//!
//! A protection is a line of the kernel without which something breaks that an oracle sees, or a line that something
//! else backs up: `corpus/litmus/without/` has a program for each of the former, its `README.md` the reason for each of
//! the latter. The order of the list is that of the rooms, and within one that of the code.

use super::table::{Era, Steps};

macro_rules! protections {
    ($($name:ident $eras:ident $about:literal $leave_out:expr;)*) => {
        /// The protections of this room.
        pub(super) const ROOM: &[Protection] = &[
            $(Protection { name: stringify!($name), about: $about, eras: $eras, leave_out: $leave_out },)*
        ];
    };
}

mod collapse_anon;
mod collapse_file;
mod collapse_pte_mapped;
mod fork;
mod fs;
mod gup;
mod huge;
mod memory;
mod moves;
mod notifier;
mod pae;
mod pre_seed;
mod reclaim;
mod retract;
mod rmap;
mod tlb;
mod uffd;
mod vma;

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

const ROOMS: &[&[Protection]] = &[
    collapse_pte_mapped::ROOM,
    pre_seed::ROOM,
    collapse_file::ROOM,
    retract::ROOM,
    memory::ROOM,
    vma::ROOM,
    pae::ROOM,
    rmap::ROOM,
    gup::ROOM,
    notifier::ROOM,
    reclaim::ROOM,
    huge::ROOM,
    collapse_anon::ROOM,
    fs::ROOM,
    fork::ROOM,
    moves::ROOM,
    uffd::ROOM,
    tlb::ROOM,
];

const COUNT: usize = {
    let mut count = 0;
    let mut room = 0;
    while room < ROOMS.len() {
        count += ROOMS[room].len();
        room += 1;
    }
    count
};
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
    retract_recheck_poison FIXED "... and leaves a table alone that has a marker of a poisoned page in it" |s| s.file.retract_recheck_poison = |_, _, _| false;
    retract_free_defer READ_LOCKED "... and frees the table after a grace period" |s| s.file.retract_free = |cpu, k, table| k.pte_free(cpu, table);
    unshare_missing_copies FIXED "a fault that shall unshare a page of a private mapping copies it even if none is mapped" |s| s.unshare_missing_copies = || false;
    undo_splits FIXED "the last pass of a truncation splits a huge page instead of dropping it whole" |s| s.undo_entry = shmem_undo::undo_whole;
    zap_huge_dirty FIXED "a zap of a huge page of a file keeps its dirty bit" |s| s.huge.zap_dirty = |_, _, _, _| {};
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

const FLAT: [Protection; COUNT] = {
    let mut flat = [ROOMS[0][0]; COUNT];
    let (mut at, mut room) = (0, 0);
    while room < ROOMS.len() {
        let mut i = 0;
        while i < ROOMS[room].len() {
            flat[at] = ROOMS[room][i];
            at += 1;
            i += 1;
        }
        room += 1;
    }
    flat
};

/// All protections, room by room.
pub const PROTECTIONS: &[Protection] = &FLAT;

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
