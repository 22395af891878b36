//! Inter-processor interrupts: delivered at any step boundary of a CPU that has interrupts on.

use std::sync::atomic::Ordering;

use super::Cpu;
use crate::trace::{Obj, What};

/// The object class under which a wait for a CPU's interrupts appears in a trace.
const CLASS_IRQ: u8 = 0;

impl Cpu<'_> {
    /// `local_irq_disable`.
    pub fn local_irq_disable(&self) {
        self.held.atomic_enter();
        let me = &self.smp().percpu[usize::from(self.id())];
        me.irqs_off.fetch_add(1, Ordering::SeqCst);
        // An interrupt that has begun is done before the next instruction. On fibres none is ever half done.
        while me.in_interrupt.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    /// `local_irq_enable`: whoever waits to interrupt this CPU may now do so.
    pub fn local_irq_enable(&self) {
        self.held.atomic_leave();
        let me = &self.smp().percpu[usize::from(self.id())];
        if me.irqs_off.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        self.quiescent_state();
        let waiters = me.irq_waiters.swap(0, Ordering::SeqCst);
        if waiters != 0
            && let Some(conductor) = self.conductor()
        {
            conductor.wake(self, waiters);
        }
    }

    /// Whether this CPU has interrupts off.
    pub fn irqs_disabled(&self) -> bool {
        self.smp().percpu[usize::from(self.id())].irqs_off.load(Ordering::SeqCst) != 0
    }

    /// Interrupts `target` and returns when its handler is done: as soon as it has interrupts on. The handler takes no
    /// step.
    pub fn interrupt<T>(&self, target: u8, handler: impl FnOnce() -> T) -> T {
        self.wait_for_irqs_on(target);
        if self.conductor().is_some() {
            return handler();
        }
        // Nobody conducts: the target may turn interrupts off at any time, and others may interrupt it as well.
        let other = &self.smp().percpu[usize::from(target)];
        loop {
            while other.in_interrupt.swap(true, Ordering::SeqCst) {
                std::thread::yield_now();
            }
            if other.irqs_off.load(Ordering::SeqCst) == 0 {
                break;
            }
            other.in_interrupt.store(false, Ordering::SeqCst);
            self.wait_for_irqs_on(target);
        }
        let result = handler();
        other.in_interrupt.store(false, Ordering::SeqCst);
        result
    }

    /// Returns when `target` can take an interrupt.
    ///
    /// The sender must have its own interrupts on: two CPUs that wait for each other would never be interrupted.
    pub fn wait_for_irqs_on(&self, target: u8) {
        self.vm_bug_on(self.irqs_disabled(), "IPI sent with interrupts off");
        let other = &self.smp().percpu[usize::from(target)];
        while other.irqs_off.load(Ordering::SeqCst) != 0 {
            match self.conductor() {
                Some(conductor) => {
                    let obj = Obj::new(CLASS_IRQ, u32::from(target));
                    other.irq_waiters.fetch_or(1 << self.id(), Ordering::SeqCst);
                    self.record(|| What::Wait { obj });
                    conductor.wait(self, obj);
                }
                None => std::thread::yield_now(),
            }
        }
    }
}
