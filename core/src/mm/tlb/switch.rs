//! Context switches, and lazy TLB mode (kernel-semantics sections 6.1 and 6.2).
//!
//! A CPU is interrupted by flushes of the mm that it has loaded, and of no other: `mm_cpumask`. If it runs a kernel thread
//! it is lazy, and then not even of that one, unless page tables are freed. Whatever it has missed it finds out about when
//! it comes back: by `tlb_gen`.
//!
//! An operation of a program is done by a thread of its mm, so a switch to the mm comes before it. It takes no step if the
//! CPU runs that mm already, or none yet.

use super::Tlb;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{Cpu, What};

impl Kernel {
    /// This CPU runs a thread of the mm from here on.
    #[inline]
    pub fn switch_to(&self, cpu: &Cpu<'_>, mm: MmId) {
        let state = &self.tlbs[usize::from(cpu.id())].state;
        match state.loaded_mm() {
            Some(_) if state.runs(mm) => {}
            Some(_) => self.switch_mm(cpu, mm),
            None => self.first_switch_mm(cpu, mm),
        }
    }

    /// `switch_mm`.
    #[cold]
    fn switch_mm(&self, cpu: &Cpu<'_>, next: MmId) {
        let _f = cpu.enter(func::switch_mm_irqs_off);
        cpu.local_irq_disable();
        self.switch_mm_irqs_off(cpu, next);
        cpu.local_irq_enable();
    }

    /// `enter_lazy_tlb`: this CPU runs a kernel thread, or nobody, from here on. No step.
    pub fn enter_lazy_tlb(&self, cpu: &Cpu<'_>) {
        let state = &self.tlbs[usize::from(cpu.id())].state;
        if state.loaded_mm().is_some() {
            state.is_lazy.poke(1);
        }
    }

    /// The operation `context_switch`: a thread of the mm takes the CPU, step by step. If the CPU has the mm already, its
    /// thread sleeps, and the CPU is lazy.
    pub fn context_switch(&self, cpu: &Cpu<'_>, mm: MmId) {
        let state = &self.tlbs[usize::from(cpu.id())].state;
        if state.runs(mm) {
            let _f = cpu.enter(func::switch_mm_irqs_off);
            state.is_lazy.write_once(cpu, 1);
        } else if self.thread_begin(mm) {
            self.switch_mm(cpu, mm);
            self.thread_end(cpu, mm);
        }
    }

    /// `switch_mm_irqs_off`, to the mm of a user thread.
    fn switch_mm_irqs_off(&self, cpu: &Cpu<'_>, next: MmId) {
        let tlb = &self.tlbs[usize::from(cpu.id())];
        let (state, bit) = (&tlb.state, 1 << cpu.id());
        let prev = state.loaded_mm();
        if state.is_lazy.peek() != 0 {
            // From here on flushes interrupt this CPU again, when it takes interrupts. What it has missed, it does not know.
            state.set_catching_up(true);
            state.is_lazy.write_once(cpu, 0);
        }
        cpu.pass(ip::lz1);
        if prev != Some(next) {
            // LOADED_MM_SWITCHING: no user memory is used from here on.
            state.set_loaded_mm(None);
            if let Some(prev) = prev {
                self.mm(prev).cpumask.change_bits(cpu, 0, bit);
            }
            self.mm(next).cpumask.change_bits(cpu, bit, 0);
        }
        cpu.pass(ip::lz2);
        // A flush has counted before it looks whom to interrupt: whoever did not see this CPU is seen here.
        let tlb_gen = self.mm(next).tlb_gen.read_once(cpu);
        let flushed = tlb.exclusively(|| self.load_mm(tlb, next, tlb_gen));
        self.note_flush(cpu, next, flushed);
    }

    /// `load_new_mm_cr3`, with a flush if one has been missed: says whether there was one.
    fn load_mm(&self, tlb: &Tlb, next: MmId, tlb_gen: u64) -> bool {
        let missed = tlb.state.tlb_gen(next) != tlb_gen;
        let flushes = missed && (self.steps.tlb.switch_flushes)();
        if flushes {
            tlb.flush(next, Vaddr(0), u32::MAX, self.hpn);
        }
        tlb.state.set_tlb_gen(next, tlb_gen);
        tlb.state.set_loaded_mm(Some(next));
        tlb.state.set_catching_up(false);
        flushes
    }

    fn note_flush(&self, cpu: &Cpu<'_>, mm: MmId, flushed: bool) {
        if flushed {
            cpu.note(What::Flush { target: cpu.id(), mm: mm.0 });
        }
    }

    /// The first switch of a CPU that has run nobody so far, or has left what it had: no step.
    #[cold]
    fn first_switch_mm(&self, cpu: &Cpu<'_>, next: MmId) {
        let tlb = &self.tlbs[usize::from(cpu.id())];
        let flushed = tlb.exclusively(|| {
            tlb.state.is_lazy.poke(0);
            self.mm(next).cpumask.poke_bits(1 << cpu.id(), 0);
            self.load_mm(tlb, next, self.mm(next).tlb_gen.peek())
        });
        self.note_flush(cpu, next, flushed);
    }

    /// `switch_mm_irqs_off` to init_mm, by an interrupt on the CPU of `tlb`, which is lazy.
    pub(super) fn leave_mm(&self, tlb: &Tlb, id: u8) {
        if let Some(prev) = tlb.state.loaded_mm() {
            self.mm(prev).cpumask.poke_bits(0, 1 << id);
        }
        tlb.state.is_lazy.poke(0);
        tlb.state.set_loaded_mm(None);
        tlb.interrupt_walks();
    }

    /// Whether what a CPU has cached of an mm may still be used as it is: it runs the mm, or it will without a flush.
    pub fn tlb_is_usable(&self, tlb: &Tlb, mm: MmId) -> bool {
        tlb.state.uses(mm) || tlb.state.tlb_gen(mm) == self.mm(mm).tlb_gen.peek()
    }
}
