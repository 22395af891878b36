//! What the CPUs know of each other: RCU read sections, interrupt flags, callbacks that wait for a grace period.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// CPUs of a machine.
pub const CPUS_MAX: usize = 4;

/// A callback that waits for the read sections that were open when it was posted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) token: u32,
    pub(super) readers: u32,
}

/// The part of a CPU that other CPUs may look at.
#[derive(Debug, Default)]
pub(super) struct PerCpu {
    pub(super) rcu_nesting: AtomicU32,
    pub(super) irqs_off: AtomicU32,
    /// CPUs that wait until this one turns interrupts on.
    pub(super) irq_waiters: AtomicU32,
    /// Another OS thread does the work of an interrupt of this one.
    pub(super) in_interrupt: AtomicBool,
}

/// The set of CPUs.
#[derive(Debug, Default)]
pub struct Smp {
    pub(super) percpu: [PerCpu; CPUS_MAX],
    pub(super) pending: Mutex<Vec<Pending>>,
    pub(super) pending_len: AtomicU32,
}

impl Smp {
    /// Back to the state of a machine that has just been switched on.
    pub fn reset(&mut self) {
        for cpu in &mut self.percpu {
            *cpu = PerCpu::default();
        }
        self.pending.get_mut().map(Vec::clear).unwrap_or_default();
        *self.pending_len.get_mut() = 0;
    }

    /// The CPUs that are inside an RCU read section or have interrupts off, as a mask.
    pub fn readers(&self) -> u32 {
        (0..CPUS_MAX).filter(|&cpu| self.is_reader(cpu)).fold(0, |mask, cpu| mask | 1 << cpu)
    }

    fn is_reader(&self, cpu: usize) -> bool {
        let cpu = &self.percpu[cpu];
        cpu.rcu_nesting.load(Ordering::SeqCst) != 0 || cpu.irqs_off.load(Ordering::SeqCst) != 0
    }

    /// How many callbacks wait for a grace period.
    pub fn callbacks_pending(&self) -> u32 {
        self.pending_len.load(Ordering::SeqCst)
    }
}
