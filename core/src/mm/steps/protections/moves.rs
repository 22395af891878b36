//! mremap, mprotect and NUMA balancing.

use super::{ALL, FIXED, Protection};
use crate::mm::mprotect::protect;
use crate::mm::mprotect::start;
use crate::mm::vma;

protections! {
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
    mremap_uffd_wp FIXED "mremap lifts the protections of a VMA that userfaultfd loses" |s| s.moves.lift_uffd_wp = |_, _, _| {};
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
