//! A wait queue: CPUs sleep until a condition holds, whoever makes it true wakes them all.

use std::sync::atomic::{AtomicU32, Ordering};

use super::Cpu;
use super::spinlock::wake;
use crate::trace::{Obj, What};

/// How often a thread that nobody conducts looks before a signal ends its wait.
const PATIENCE: u32 = 20_000;

/// `wait_queue_head_t`.
#[derive(Debug)]
pub struct WaitQueue {
    waiters: AtomicU32,
    obj: Obj,
}

impl WaitQueue {
    /// A queue in which nobody waits; a trace says that CPUs wait for `obj`.
    pub const fn new(obj: Obj) -> WaitQueue {
        WaitQueue { waiters: AtomicU32::new(0), obj }
    }

    /// `wait_event`: sleeps until `condition` holds. The condition takes no step.
    pub fn wait_event(&self, cpu: &Cpu<'_>, condition: impl Fn() -> bool) {
        cpu.might_sleep();
        loop {
            self.waiters.fetch_or(1 << cpu.id(), Ordering::SeqCst);
            if condition() {
                self.waiters.fetch_and(!(1 << cpu.id()), Ordering::SeqCst);
                return;
            }
            match cpu.conductor() {
                Some(conductor) => {
                    cpu.record(|| What::Wait { obj: self.obj });
                    conductor.wait(cpu, self.obj);
                }
                None => std::thread::yield_now(),
            }
        }
    }

    /// `wait_event_killable`: the same, unless a signal comes first (`false`). Signals are sent to those without whom
    /// nobody can go on: by the conductor, or without one after a while.
    pub fn wait_event_killable(&self, cpu: &Cpu<'_>, condition: impl Fn() -> bool) -> bool {
        cpu.might_sleep();
        let mut patience = PATIENCE;
        loop {
            self.waiters.fetch_or(1 << cpu.id(), Ordering::SeqCst);
            let done = condition();
            let waited = match cpu.conductor() {
                _ if done => true,
                Some(conductor) => {
                    cpu.record(|| What::Wait { obj: self.obj });
                    conductor.wait_killable(cpu, self.obj)
                }
                None => {
                    std::thread::yield_now();
                    patience -= 1;
                    patience > 0
                }
            };
            if done || !waited {
                self.waiters.fetch_and(!(1 << cpu.id()), Ordering::SeqCst);
                return done;
            }
        }
    }

    /// `wake_up_all`.
    pub fn wake_up_all(&self, cpu: &Cpu<'_>) {
        let waiters = self.waiters.swap(0, Ordering::SeqCst);
        if waiters != 0 {
            wake(cpu, waiters);
        }
    }

    /// Nobody waits any longer.
    pub fn reset(&mut self) {
        *self.waiters.get_mut() = 0;
    }
}
