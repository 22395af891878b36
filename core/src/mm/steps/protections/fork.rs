//! What `copy_page_range()` and the first writes after a fork rely on.

use super::{ALL, Protection};
use crate::mm::fork::dup_mmap;
use crate::mm::huge_memory;
use crate::mm::memory;

protections! {
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
}
