//! What `collapse_pte_mapped_thp()` relies on, in the order in which it comes to it (kernel-semantics section 6).
//!
//! The list goes through the patch's message and comments line by line.

use super::{ALL, FIXED, Protection, READ_LOCKED, V66};
use crate::mm::khugepaged::check;
use crate::mm::khugepaged::clear;
use crate::mm::khugepaged::driver;
use crate::mm::khugepaged::free;
use crate::mm::khugepaged::locks;
use crate::mm::khugepaged::notify;
use crate::mm::khugepaged::unlink;
use crate::mm::steps::table::skip;

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
    hpage_uptodate FIXED "... and up to date" |s| s.check_hpage = check::check_hpage;
    second_look READ_LOCKED "the PMD is looked at again once the page is locked" |s| s.second_look = skip;
    step1_check ALL "step 1 checks all PTEs before anybody is notified" |s| s.step1_check = |_, _, _| Ok(());
    fail_preset READ_LOCKED "an abort returns SCAN_FAIL, not what the PMD look returned" |s| s.preset_result = check::preset_found;
    notifier_start ALL "mirrors are told before entries go" |s| s.notify_before_ptl = skip;
    notifier_outside_ptl READ_LOCKED "... and before ptl is taken, since that may sleep" |s| { s.notify_before_ptl = skip; s.notify_under_ptl = notify::start; };
    notifier_before_clear READ_LOCKED "... and not only after the clearing" |s| { s.notify_before_ptl = skip; s.notify_after_clear = notify::start; };
    notifier_end ALL "mirrors are told that it is over" |s| s.notify_end = skip;
    notifier_end_unlocked READ_LOCKED "... after pml and ptl were dropped" |s| s.notify_end_early = notify::end;
    early_pml V66 "pml is held from step 2 on where userfaultfd may fill a private mapping" |s| s.early_pml = skip;
    early_pml_shared FIXED "... and where it may poison a page of a shared one" |s| s.early_pml = locks::early_pml;
    step2_ptl READ_LOCKED "step 2 holds ptl" |s| s.map_step2 = locks::map_unlocked;
    recheck_present READ_LOCKED "step 2 gives up on an entry that is not present" |s| s.recheck_present = |_, _| Ok(());
    recheck_page READ_LOCKED "step 2 checks again that each PTE maps its subpage" |s| s.recheck_page = |_, _, _, _| Ok(());
    clear_pte READ_LOCKED "step 2 clears the entries" |s| s.clear_pte = clear::leave;
    ptep_clear V66 "... by ptep_clear(), so that page_table_check knows" |s| s.clear_pte = clear::pte_clear;
    clear_pte_dirty FIXED "... and keeps what the hardware has set in them" |s| s.clear_pte = clear::ptep_clear;
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
}
