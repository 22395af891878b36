//! Huge pages of anonymous memory.

use super::{ALL, FIXED, Protection};
use crate::mm::huge_memory::{split, split_anon};

protections! {
    huge_pmd_recheck ALL "a huge fault finds the PMD empty under pml" |s| s.huge.pmd_recheck = |_, _| true;
    huge_deposit ALL "a huge fault deposits a page table for the split" |s| s.huge.deposit = |cpu, k, _, table| k.pte_free_now(cpu, table);
    zap_deposited ALL "a zap of a huge page frees the deposited page table" |s| s.huge.zap_deposited = |_, _, _| {};
    zap_huge_dirty FIXED "a zap of a huge page of a file keeps its dirty bit" |s| s.huge.zap_dirty = |_, _, _, _| {};
    huge_wp_recheck ALL "do_huge_pmd_wp_page() finds the same entry under pml" |s| s.huge.wp_recheck = |_, _, _| true;
    huge_wp_relock_recheck ALL "... and again after it has slept on the folio lock" |s| s.huge.wp_relock_recheck = |_, _, _| true;
    huge_wp_only_ref ALL "... and does not reuse a page that somebody else may have" |s| s.huge.wp_only_ref = |_, _, _| true;
    huge_numa_recheck ALL "do_huge_pmd_numa_page() finds the same entry under pml" |s| s.huge.numa_recheck = |_, _, _| true;
    split_recheck ALL "__split_huge_pmd() finds a huge entry under pml" |s| s.huge.split_recheck = |pmd| !pmd.is_none();
    split_present FIXED "... and takes no migration entry for that of the folio that is to be split" |s| s.huge.split_about = split::decoded_folio;
    split_invalidate ALL "a split of anonymous memory invalidates the huge entry first" |s| s.huge.split_invalidate = split_anon::leave_valid;
    split_flush ALL "... and flushes it" |s| s.huge.split_invalidate = split_anon::invalidate_only;
    split_exclusive ALL "... and its pages stay exclusive" |s| s.huge.split_exclusive = |_, _, _| {};
}
