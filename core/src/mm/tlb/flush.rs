//! The flush engine: a new generation, then an interrupt to every CPU that uses the mm (kernel-semantics section 6.2).

use super::Tlb;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{CPUS_MAX, Cpu, What};

/// `struct flush_tlb_info`.
#[derive(Clone, Copy, Debug)]
pub(in crate::mm) struct FlushTlbInfo {
    /// Whose; `None`: whichever the CPU has loaded.
    pub mm: Option<MmId>,
    /// The first page.
    pub start: Vaddr,
    /// How many. `u32::MAX` (TLB_FLUSH_ALL): everything.
    pub pages: u32,
    /// Whether page tables are freed afterwards: then lazy CPUs are interrupted too.
    pub freed_tables: bool,
    /// The generation of this flush. `None`: those that were begun so far.
    pub new_tlb_gen: Option<u64>,
}

impl Kernel {
    /// `flush_tlb_page`.
    pub fn flush_tlb_page(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        self.flush_tlb_mm_range(cpu, mm, (addr, 1), false);
    }

    /// `flush_tlb_range`. Linux v6.6 says that no tables are freed, although a collapse flushes so before it frees one.
    pub fn flush_tlb_range(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) {
        let freed_tables = (self.steps.tlb.flush_range_freed_tables)();
        self.flush_tlb_mm_range(cpu, mm, (start, pages), freed_tables);
    }

    /// `flush_tlb_mm`.
    pub fn flush_tlb_mm(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.flush_tlb_mm_range(cpu, mm, (Vaddr(0), u32::MAX), true);
    }

    /// `flush_tlb_mm_range` of `pages` from `start`: returns when no CPU can use an old translation of the range any
    /// longer.
    ///
    /// A range of a huge page or more is above the kernel's ceiling of 33 pages and flushes the whole mm.
    pub fn flush_tlb_mm_range(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, pages): (Vaddr, u32),
        freed_tables: bool,
    ) {
        let _f = cpu.enter(func::flush_tlb_mm_range);
        let (start, pages) = if pages >= self.hpn { (Vaddr(0), u32::MAX) } else { (start, pages) };
        cpu.vm_bug_on(cpu.irqs_disabled(), "flush_tlb_mm_range() with interrupts off");
        let new_tlb_gen = Some(self.mm(mm).tlb_gen.add_return(cpu, 1) as u64);
        cpu.pass(ip::fl1);
        let mask = self.mm(mm).cpumask.read_once(cpu);
        let info = FlushTlbInfo { mm: Some(mm), start, pages, freed_tables, new_tlb_gen };
        self.flush_tlb_multi(cpu, mask, &info, ip::fl2);
    }

    /// `flush_tlb_multi`: this CPU does its own part, then each of the others is waited for. Whether a CPU is lazy is seen
    /// as late as its interrupt comes.
    pub(in crate::mm) fn flush_tlb_multi(
        &self,
        cpu: &Cpu<'_>,
        mask: u64,
        info: &FlushTlbInfo,
        ack: crate::sync::Place,
    ) {
        if mask >> cpu.id() & 1 == 1 {
            self.flush_tlb_func(cpu, cpu.id(), info);
        }
        for target in
            (0..CPUS_MAX as u8).filter(|&target| target != cpu.id() && mask >> target & 1 == 1)
        {
            cpu.pass(ack);
            // tlb_is_not_lazy()
            let lazy = self.tlbs[usize::from(target)].state.is_lazy.read_once(cpu) != 0;
            if lazy && !info.freed_tables {
                continue;
            }
            if (self.steps.tlb.flush_interrupts)() {
                cpu.interrupt(target, || self.flush_tlb_func(cpu, target, info));
            } else {
                self.flush_by_broadcast(cpu, target, info);
            }
        }
    }

    /// What hardware that is told of a flush does on `target`: it forgets the range, and the code that runs there does not
    /// know. Since that CPU does not count the flush, it takes it for missed when it counts the next one.
    fn flush_by_broadcast(&self, cpu: &Cpu<'_>, target: u8, info: &FlushTlbInfo) {
        let tlb = &self.tlbs[usize::from(target)];
        let Some(mm) = info.mm.or_else(|| tlb.state.loaded_mm()) else { return };
        tlb.exclusively(|| tlb.flush(mm, info.start, info.pages, self.hpn));
        cpu.note(What::Flush { target, mm: mm.0 });
    }

    /// `flush_tlb_func`: the interrupt handler on `target`, or the local part. No step, and nothing comes between.
    fn flush_tlb_func(&self, cpu: &Cpu<'_>, target: u8, info: &FlushTlbInfo) {
        let tlb = &self.tlbs[usize::from(target)];
        if let Some(mm) = tlb.exclusively(|| self.follow_flush(tlb, target, info)) {
            cpu.note(What::Flush { target, mm: mm.0 });
        }
    }

    /// The mm of which something was flushed, if anything was.
    fn follow_flush(&self, tlb: &Tlb, target: u8, info: &FlushTlbInfo) -> Option<MmId> {
        let state = &tlb.state;
        let mm = state.loaded_mm().filter(|&mm| info.mm.is_none_or(|of| of == mm))?;
        if state.is_lazy.peek() != 0 {
            // Not even speculation may go through a table that is freed: init_mm has none.
            self.leave_mm(tlb, target);
            return None;
        }
        let (local, now) = (state.tlb_gen(mm), self.mm(mm).tlb_gen.peek());
        if info.new_tlb_gen.is_some_and(|new| new <= local) || local == now {
            return None;
        }
        // Only if this is the one flush that the CPU has missed.
        let next_one = info.new_tlb_gen == Some(local + 1) && now == local + 1;
        let (start, pages) = if next_one { (info.start, info.pages) } else { (Vaddr(0), u32::MAX) };
        tlb.flush(mm, start, pages, self.hpn);
        state.set_tlb_gen(mm, now);
        Some(mm)
    }

    /// `tlb_remove_table_sync_one`: an interrupt to every other CPU, and nothing else. Whoever walks with
    /// interrupts off is waited for.
    pub fn tlb_remove_table_sync_one(&self, cpu: &Cpu<'_>) {
        let _f = cpu.enter(func::tlb_remove_table_sync_one);
        if !self.config.rcu_table_free && !(self.steps.tlb.sync_without_rcu_tables)() {
            return;
        }
        for target in (0..CPUS_MAX as u8).filter(|&target| target != cpu.id()) {
            cpu.step(0, 0);
            cpu.wait_for_irqs_on(target);
        }
    }
}
