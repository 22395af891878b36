//! Swap, TLBs, and how tables come and go in other kernels.

use super::{ALL, FIXED, Protection, V66};
use crate::mm::khugepaged::ScanResult;
use crate::mm::khugepaged::free;
use crate::mm::khugepaged::locks;
use crate::mm::khugepaged::unlink;
use crate::mm::memory::swapin_sync;
use crate::mm::pt_reclaim;
use crate::mm::steps::NofailSteps;
use crate::mm::steps::PtReclaimSteps;

protections! {
    swapcache_prepare FIXED "a swap-in past the swap cache marks the slot, so that nobody else does the same" |s| { s.swap.swapcache_prepare = swapin_sync::prepare_nothing; s.swap.swapcache_clear = |_, _, _| {}; };
    flush_interrupts ALL "a flush interrupts: a CPU that walks with interrupts off is waited for" |s| s.tlb.flush_interrupts = || false;
    switch_flushes ALL "a CPU that comes back to an mm, or from lazy mode, flushes what it has missed" |s| s.tlb.switch_flushes = || false;
    flush_range_freed_tables FIXED "flush_tlb_range() interrupts lazy CPUs too, since a table may be freed afterwards" |s| s.tlb.flush_range_freed_tables = || false;
    sync_without_rcu_tables FIXED "tlb_remove_table_sync_one() waits in a kernel that does not free tables by RCU, too" |s| s.tlb.sync_without_rcu_tables = || false;
    tables_stay V66 "MADV_DONTNEED leaves empty page tables where they are (v6.14 frees them, and others look out for it)" PtReclaimSteps::enable;
    pt_retract_check V66 "... without which retract_page_tables() must find out under pml that the table is gone" |s| s.pt_reclaim.retract_check_pmd = pt_reclaim::must_be_table;
    pt_step4_recheck V66 "... and step 4 of a collapse under pml and ptl" |s| { s.lock_step4 = locks::pml_then_ptl; s.unlink = unlink::collapse_flush; s.dec_nr_ptes = free::dec_nr_ptes; s.ptc_clear_range = free::ptc_clear_range; s.free_table = free::free_defer; };
    pt_collapse_recheck V66 "... and a collapse of anonymous memory when it has locked the VMA for write" |s| s.anon.check_pmd_late = |_, _, _| ScanResult::Succeed;
    pt_remove_table_rcu V66 "... and a table must wait for RCU, even if there is no memory for a batch" |s| s.pt_reclaim.remove_table_one = pt_reclaim::sync_and_free;
    pte_map_may_fail ALL "pte_offset_map() may fail (before v6.5 it could not: a walker's lock kept the table)" NofailSteps::enable;
}
