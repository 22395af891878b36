//! VMAs and their locks (kernel-semantics section 4).

use super::{ALL, Protection};
use crate::mm::mmap::free_pgtables;
use crate::mm::vma;

protections! {
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
}
