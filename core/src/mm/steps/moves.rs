//! The steps of mremap, mprotect and NUMA balancing, which the eras have in common but for one.

use super::group::steps;
use crate::mm::huge_memory::protect as huge_protect;
use crate::mm::kernel::Kernel;
use crate::mm::memory::{self, VmFault};
use crate::mm::mprotect::{protect, start};
use crate::mm::mremap::{locks, pmd, to};
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{MmId, Pmd, Pte, Vaddr, VmaId};
use crate::mm::vma;
use crate::sync::Cpu;

/// A step about a VMA.
type OnVma = fn(&Cpu<'_>, &Kernel, VmaId);
/// A step about an mm.
type OnMm = fn(&Cpu<'_>, &Kernel, MmId);
/// A step about a range of pages.
type OnRange = fn(&Cpu<'_>, &Kernel, MmId, Vaddr, u32);
/// A step about a huge unit.
type OnUnit = fn(&Cpu<'_>, &Kernel, MmId, Vaddr);

steps! {
    /// The part of the table that is about entries that move or change their protection.
    pub struct MoveSteps;
    // mremap.c
    /// mremap locks the old VMA for write.
    start_write: OnVma = vma::lock::start_write;
    /// ... and the new one, before it is in the tree.
    link_start_write: OnVma = vma::lock::start_write;
    /// Where the order of the VMAs in the rmap trees is not certain, entries move under the rmap locks.
    need_rmap_locks: fn(bool) -> bool = |need| need;
    /// `move_page_tables` tells mirrors.
    notify_start: OnRange = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_start(cpu, mm, start, pages);
    /// ... and that it is over.
    notify_end: OnRange = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_end(cpu, mm, start, pages);
    /// A whole table moves under the rmap locks.
    normal_rmap_lock: OnVma = locks::take;
    /// ... which are dropped then.
    normal_rmap_unlock: OnVma = locks::release;
    /// Under pml the entry is still that of a table. v6.6 does not look.
    normal_recheck: fn(Pmd) -> bool = |_| true;
    /// A table that moves is flushed at its old address.
    normal_flush: OnUnit = pmd::flush;
    /// ... and so is a huge page.
    huge_flush: OnUnit = pmd::flush;
    /// `move_ptes` makes up for flushes that reclaim has put off.
    batched_pending: OnMm = |cpu, k, mm| k.flush_tlb_batched_pending(cpu, mm);
    /// `move_ptes` flushes before it drops the locks.
    ptes_flush: OnRange = |cpu, k, mm, start, pages| k.flush_tlb_range(cpu, mm, start, pages);
    /// ... after it has dropped them.
    ptes_flush_late: OnRange = |_, _, _, _, _| {};
    /// A VMA that has moved is registered with userfaultfd no longer: nothing in it stays protected. v6.6 forgets that.
    lift_uffd_wp: OnVma = |_, _, _| {};
    /// `lock_vma_under_rcu` refuses an anonymous VMA without an anon_vma before it holds its lock.
    vma_lock_anon_check_early: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = |_, _, _| false;
    // mprotect.c
    /// mprotect locks the VMA for write.
    protect_start_write: OnVma = vma::lock::start_write;
    /// mprotect flushes before it drops mmap_lock: what it returns is finished afterwards.
    protect_flush: fn(&Cpu<'_>, &Kernel, MmuGather) -> Option<MmuGather> = protect::finish;
    /// `change_pmd_range` tells mirrors.
    change_notify_start: OnRange = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_start(cpu, mm, start, pages);
    /// ... and that it is over.
    change_notify_end: OnRange = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_end(cpu, mm, start, pages);
    /// `change_pte_range` makes up for flushes that reclaim has put off.
    change_batched_pending: OnMm = |cpu, k, mm| k.flush_tlb_batched_pending(cpu, mm);
    /// `ptep_modify_prot_start`.
    modify_prot_start: fn(&Cpu<'_>, &Kernel, MmId, PteMap, Vaddr) -> Pte = |cpu, k, mm, pte, addr| k.ptep_modify_prot_start(cpu, mm, pte, addr);
    /// A writable migration entry is made readable.
    migration_readable: fn(&Kernel, Pte) -> Pte = start::migration_readable;
    /// `change_huge_pmd` finds a huge entry under pml.
    change_huge_lock: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) -> Option<Lockptr> = |cpu, k, mm, haddr| k.pmd_trans_huge_lock(cpu, mm, haddr);
    /// ... and makes it invalid, not empty, while it changes.
    change_huge_start: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) -> Pmd = huge_protect::invalidate_ad;
    // NUMA balancing
    /// `change_prot_numa` flushes.
    numa_flush: fn(&Cpu<'_>, &Kernel, MmuGather) = |cpu, k, tlb| k.tlb_finish_mmu(cpu, tlb);
    /// `do_numa_page` finds the same entry under ptl.
    numa_recheck: fn(&Cpu<'_>, &Kernel, &VmFault, PteMap) -> bool = memory::numa::pte_same;
    /// `pte_accessible`: an entry that the hardware cannot use is flushed if another flush of the mm is still to come.
    accessible_pending: fn(&Cpu<'_>, &Kernel, MmId) -> bool = |cpu, k, mm| k.mm(mm).tlb_flush_pending.read_once(cpu) > 0;
}

impl MoveSteps {
    /// v6.6 with its fixes.
    pub const FIXED: MoveSteps = MoveSteps {
        normal_recheck: Pmd::is_table,
        lift_uffd_wp: to::lift_uffd_wp,
        ..MoveSteps::V66
    };
}
