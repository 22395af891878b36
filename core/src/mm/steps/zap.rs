//! The steps of zap and of the gather that it fills (kernel-semantics sections 6.4 and 11.1).

use super::group::steps;
use crate::mm::kernel::Kernel;
use crate::mm::tlb::MmuGather;
use crate::mm::types::{MmId, Pte, Rss, Vaddr};
use crate::sync::Cpu;

steps! {
    /// The part of the table that is about zap.
    pub struct ZapSteps;

    /// Mirrors are told before entries go.
    notify_start: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, u32) = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_start(cpu, mm, start, pages);
    /// ... and that it is over.
    notify_end: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, u32) = |cpu, k, mm, start, pages| k.mmu_notifier_invalidate_range_end(cpu, mm, start, pages);
    /// `zap_pte_range` makes up for flushes that reclaim has put off.
    batched_pending: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.flush_tlb_batched_pending(cpu, mm);
    /// What counts of an entry that was seen and then taken out.
    taken_out: fn(Pte, Pte) -> Pte = |_, taken| taken;
    /// Whether the rmap of a file's page waits for the flush.
    delay_rmap: fn(Pte) -> bool = Pte::is_dirty;
    /// ... which then comes before ptl is dropped.
    flush_under_ptl: fn(&Cpu<'_>, &Kernel, &mut MmuGather) = |cpu, k, tlb| k.tlb_flush_mmu_tlbonly(cpu, tlb);
    /// The rss counters.
    add_counter: fn(&Cpu<'_>, &Kernel, MmId, Rss, i64) = |cpu, k, mm, which, n| k.mm(mm).add_counter(cpu, which, n);
    /// A zap for the sake of one huge folio waits for another one that has cleared its PMD.
    wait_for_pmd: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| { let pml = k.pmd_lock(cpu, mm); k.lock(pml).unlock(cpu); };
    /// The gather flushes before it frees.
    gather_flush: fn(&Cpu<'_>, &Kernel, &mut MmuGather) = |cpu, k, tlb| k.tlb_flush_mmu_tlbonly(cpu, tlb);
    /// Whether so many gathers are in flight that what another one has cleared must be flushed too.
    is_nested: fn(u64) -> bool = |pending| pending > 1;
}
