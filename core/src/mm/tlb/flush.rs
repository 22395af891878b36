//! The flush engine: a new generation, then an interrupt to every CPU that may have cached something
//! (kernel-semantics section 6.2).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{CPUS_MAX, Cpu, What};

impl Kernel {
    /// `flush_tlb_page`.
    pub fn flush_tlb_page(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        self.flush_tlb_mm_range(cpu, mm, addr, 1);
    }

    /// `flush_tlb_range`.
    pub fn flush_tlb_range(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) {
        self.flush_tlb_mm_range(cpu, mm, start, pages);
    }

    /// `flush_tlb_mm`.
    pub fn flush_tlb_mm(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.flush_tlb_mm_range(cpu, mm, Vaddr(0), u32::MAX);
    }

    /// `flush_tlb_mm_range`: returns when no CPU can use an old translation of the range any longer.
    ///
    /// A range of a huge page or more is above the kernel's ceiling of 33 pages and flushes the whole mm.
    pub fn flush_tlb_mm_range(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) {
        let _f = cpu.enter(func::flush_tlb_mm_range);
        let (start, pages) = if pages >= self.hpn { (Vaddr(0), u32::MAX) } else { (start, pages) };
        cpu.vm_bug_on(cpu.irqs_disabled(), "flush_tlb_mm_range() with interrupts off");
        self.mm(mm).tlb_gen.add_return(cpu, 1);
        cpu.pass(ip::fl1);
        let mask = self.mm(mm).cpumask.read_once(cpu);
        self.flush_tlb_func(cpu, cpu.id(), mm, start, pages);
        for target in
            (0..CPUS_MAX as u8).filter(|&target| target != cpu.id() && mask >> target & 1 == 1)
        {
            cpu.step(0, 0);
            cpu.wait_for_irqs_on(target);
            self.flush_tlb_func(cpu, target, mm, start, pages);
        }
    }

    /// `flush_tlb_func`: the interrupt handler on `target`.
    pub(in crate::mm) fn flush_tlb_func(
        &self,
        cpu: &Cpu<'_>,
        target: u8,
        mm: MmId,
        start: Vaddr,
        pages: u32,
    ) {
        let tlb = &self.tlbs[usize::from(target)];
        tlb.exclusively(|| tlb.flush(mm, start, pages, self.hpn));
        cpu.note(What::Flush { target, mm: mm.0 });
    }

    /// `tlb_remove_table_sync_one`: an interrupt to every other CPU, and nothing else. Whoever walks with
    /// interrupts off is waited for.
    pub fn tlb_remove_table_sync_one(&self, cpu: &Cpu<'_>) {
        let _f = cpu.enter(func::tlb_remove_table_sync_one);
        for target in (0..CPUS_MAX as u8).filter(|&target| target != cpu.id()) {
            cpu.step(0, 0);
            cpu.wait_for_irqs_on(target);
        }
    }

    /// `switch_mm`: from now on the CPU is interrupted by flushes of `mm`.
    pub fn switch_mm(&self, cpu: &Cpu<'_>, mm: MmId) {
        let cpumask = &self.mm(mm).cpumask;
        if cpumask.peek() >> cpu.id() & 1 == 0 {
            cpumask.change_bits(cpu, 1 << cpu.id(), 0);
        }
    }
}
