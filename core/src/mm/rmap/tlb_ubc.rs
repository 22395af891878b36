//! `tlb_ubc`: the flushes that an unmapper puts off, to do them all at once (kernel-semantics section 6.3).
//!
//! Until then a CPU may go on to write to a page that no entry maps any longer: it must not be freed, written out or
//! copied before `try_to_unmap_flush`. Whoever changes entries under ptl and relies on the page tables to tell what CPUs
//! can reach asks `flush_tlb_batched_pending`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::tlb::FlushTlbInfo;
use crate::mm::types::{MmId, Pte, Vaddr};
use crate::sync::Cpu;

/// `tlb_flush_batched`: unmappings whose flush is pending are counted below, what was flushed above.
const PENDING: u32 = 16;

/// `current->tlb_ubc`. A CPU runs one task.
#[derive(Debug, Default)]
pub struct TlbUbc {
    cpumask: AtomicU32,
    flush_required: AtomicBool,
    writable: AtomicBool,
}

impl TlbUbc {
    pub(in crate::mm) fn reset(&mut self) {
        *self = TlbUbc::default();
    }

    /// Whether a flush is still to be done.
    pub fn flush_required(&self) -> bool {
        self.flush_required.load(Ordering::Relaxed)
    }
}

impl Kernel {
    fn tlb_ubc(&self, cpu: &Cpu<'_>) -> &TlbUbc {
        &self.tlb_ubcs[usize::from(cpu.id())]
    }

    /// `should_defer_flush`: only if another CPU would have to be interrupted.
    pub(super) fn should_defer_flush(&self, cpu: &Cpu<'_>, mm: MmId, batch_flush: bool) -> bool {
        batch_flush
            && (self.steps.tlb.unmap_batches)()
            && self.mm(mm).cpumask.read_once(cpu) & !(1 << cpu.id()) != 0
    }

    /// `set_tlb_ubc_flush_pending`: the entry was cleared and not flushed. Under ptl.
    pub(super) fn set_tlb_ubc_flush_pending(&self, cpu: &Cpu<'_>, mm: MmId, entry: Pte) {
        if !self.pte_accessible(cpu, mm, entry) {
            return;
        }
        let (ubc, m) = (self.tlb_ubc(cpu), self.mm(mm));
        m.tlb_gen.add_return(cpu, 1);
        ubc.cpumask.fetch_or(m.cpumask.read_once(cpu) as u32, Ordering::Relaxed);
        ubc.flush_required.store(true, Ordering::Relaxed);
        m.tlb_flush_batched.add_return(cpu, 1);
        if entry.is_dirty() {
            // It is best to assume that it is writable in a TLB.
            ubc.writable.store(true, Ordering::Relaxed);
        }
    }

    /// `try_to_unmap_flush`: no CPU can reach what was unmapped so far any longer.
    pub fn try_to_unmap_flush(&self, cpu: &Cpu<'_>) {
        let ubc = self.tlb_ubc(cpu);
        if !ubc.flush_required() {
            return;
        }
        let _f = cpu.enter(func::try_to_unmap_flush);
        let mask = ubc.cpumask.swap(0, Ordering::Relaxed);
        self.arch_tlbbatch_flush(cpu, mask);
        ubc.flush_required.store(false, Ordering::Relaxed);
        ubc.writable.store(false, Ordering::Relaxed);
    }

    /// `try_to_unmap_flush_dirty`: the same, if a CPU could still write to any of it.
    pub fn try_to_unmap_flush_dirty(&self, cpu: &Cpu<'_>) {
        if self.tlb_ubc(cpu).writable.load(Ordering::Relaxed) {
            self.try_to_unmap_flush(cpu);
        }
    }

    /// `arch_tlbbatch_flush`: the CPUs of `mask` follow all flushes of what they have loaded. Those that have loaded
    /// something else meanwhile will when they come back.
    fn arch_tlbbatch_flush(&self, cpu: &Cpu<'_>, mask: u32) {
        cpu.vm_bug_on(cpu.irqs_disabled(), "arch_tlbbatch_flush() with interrupts off");
        let info = FlushTlbInfo {
            mm: None,
            start: Vaddr(0),
            pages: u32::MAX,
            freed_tables: false,
            new_tlb_gen: None,
        };
        self.flush_tlb_multi(cpu, u64::from(mask), &info, ip::utf1);
    }

    /// `flush_tlb_batched_pending`: under ptl, before entries are changed by somebody who takes an empty one for one
    /// that no CPU can reach: a reclaim may have put its flush off.
    pub fn flush_tlb_batched_pending(&self, cpu: &Cpu<'_>, mm: MmId) {
        let batched = &self.mm(mm).tlb_flush_batched;
        // Nothing was ever put off: no step, since entries of this table are unmapped under the same ptl.
        if batched.peek() == 0 {
            return;
        }
        let batch = batched.read_once(cpu);
        let pending = batch & ((1 << PENDING) - 1);
        if pending != batch >> PENDING {
            self.flush_tlb_mm(cpu, mm);
            // If another unmapping came in between, whoever is next flushes once more.
            _ = batched.cmpxchg(cpu, batch, pending | pending << PENDING);
        }
    }
}
