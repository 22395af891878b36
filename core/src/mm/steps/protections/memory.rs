//! What faults, splits and whoever maps a table rely on (kernel-semantics sections 3 and 5).

use super::{ALL, FIXED, Protection};
use crate::mm::huge_memory::split;
use crate::mm::shmem_undo;

protections! {
    unshare_missing_copies FIXED "a fault that shall unshare a page of a private mapping copies it even if none is mapped" |s| s.unshare_missing_copies = || false;
    undo_splits FIXED "the last pass of a truncation splits a huge page instead of dropping it whole" |s| s.undo_entry = shmem_undo::undo_whole;
    split_counter_first FIXED "__split_huge_pmd() corrects the rss counter before it puts the page" |s| s.split_uncount = split::put_then_uncount;
    pte_map_rcu ALL "pte_offset_map() holds RCU" |s| { s.pte_map_rcu_lock = |_| {}; s.pte_map_rcu_unlock = |_| {}; };
    pte_map_recheck ALL "pte_offset_map_lock() looks at the PMD again under ptl" |s| s.pte_map_recheck = |_, _, _, _| true;
}
