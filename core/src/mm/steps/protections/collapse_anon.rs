//! What `collapse_huge_page()` relies on (kernel-semantics section 7).

use super::{ALL, Protection};
use crate::mm::khugepaged::ScanResult;
use crate::mm::khugepaged::collapse_huge_page as ch;
use crate::mm::steps::anon::skip_anon;

protections! {
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
}
