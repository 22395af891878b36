//! A read-write semaphore: many readers or one writer, all of them may sleep.

use std::sync::atomic::{AtomicU32, Ordering};

use super::spinlock::wake;
use super::word::{LOCK, UNLOCK, slot};
use super::{Cpu, HeldLock, LockClass};
use crate::trace::{LockMode, Obj, What};

const WRITER: u32 = 0xff;
const READERS: u32 = 0xff00;

/// `mmap_lock`, `i_mmap_rwsem`, the anon_vma root's rwsem, `i_rwsem`.
///
/// Low byte: writer + 1. Second byte: one bit for each reading CPU. Third byte: the CPUs that wait.
/// Wake order is not modelled: whoever is scheduled first takes it (kernel-semantics section 20).
#[derive(Debug)]
pub struct Rwsem {
    state: AtomicU32,
    obj: Obj,
    slot: u16,
    class: LockClass,
}

impl Rwsem {
    /// A free semaphore that is known as `obj`.
    pub const fn new(obj: Obj, rank: u8) -> Rwsem {
        Rwsem { state: AtomicU32::new(0), obj, slot: slot(obj), class: LockClass::sleeping(rank) }
    }

    /// What the semaphore is known as.
    pub fn obj(&self) -> Obj {
        self.obj
    }

    /// `down_read`.
    #[inline]
    pub fn down_read(&self, cpu: &Cpu<'_>) {
        cpu.might_sleep();
        cpu.step(self.slot, LOCK);
        self.sleep_until(cpu, |state| read(state, cpu.id()));
        cpu.took(self.held(), true, LockMode::Read);
    }

    /// `down_read_trylock`.
    #[inline]
    pub fn down_read_trylock(&self, cpu: &Cpu<'_>) -> bool {
        cpu.step(self.slot, LOCK);
        let taken = self.change(|state| read(state, cpu.id()));
        if taken {
            cpu.took(self.held(), false, LockMode::Read);
        }
        taken
    }

    /// The same for a semaphore that has another rank on the ladder when it is held for read (`vma->vm_lock`).
    pub fn down_read_trylock_as(&self, cpu: &Cpu<'_>, rank: u8) -> bool {
        cpu.step(self.slot, LOCK);
        let taken = self.change(|state| read(state, cpu.id()));
        if taken {
            let held = HeldLock { obj: self.obj, class: LockClass::sleeping(rank) };
            cpu.took(held, false, LockMode::Read);
        }
        taken
    }

    /// `down_write`.
    #[inline]
    pub fn down_write(&self, cpu: &Cpu<'_>) {
        cpu.might_sleep();
        cpu.step(self.slot, LOCK);
        self.sleep_until(cpu, |state| write(state, cpu.id()));
        cpu.took(self.held(), true, LockMode::Write);
    }

    /// `down_write_nested`: a semaphore of the same rank may be held already.
    pub fn down_write_nested(&self, cpu: &Cpu<'_>) {
        cpu.might_sleep();
        cpu.step(self.slot, LOCK);
        self.sleep_until(cpu, |state| write(state, cpu.id()));
        cpu.took(self.held(), false, LockMode::Write);
    }

    /// `down_write_trylock`.
    #[inline]
    pub fn down_write_trylock(&self, cpu: &Cpu<'_>) -> bool {
        cpu.step(self.slot, LOCK);
        let taken = self.change(|state| write(state, cpu.id()));
        if taken {
            cpu.took(self.held(), false, LockMode::Write);
        }
        taken
    }

    /// `up_read`.
    #[inline]
    pub fn up_read(&self, cpu: &Cpu<'_>) {
        cpu.step(self.slot, UNLOCK);
        self.release(cpu, |state| state & !(0x100 << cpu.id()));
    }

    /// `up_write`.
    #[inline]
    pub fn up_write(&self, cpu: &Cpu<'_>) {
        cpu.step(self.slot, UNLOCK);
        self.release(cpu, |state| state & !WRITER);
    }

    /// `downgrade_write`: the writer becomes a reader, with nobody in between.
    #[inline]
    pub fn downgrade_write(&self, cpu: &Cpu<'_>) {
        cpu.step(self.slot, UNLOCK);
        let mut waiters = 0;
        let changed = self.change(|state| {
            waiters = state >> 16;
            Some(state & !WRITER & 0xffff | 0x100 << cpu.id())
        });
        debug_assert!(changed);
        if waiters != 0 {
            wake(cpu, waiters);
        }
    }

    /// Whether anybody holds it.
    pub fn is_locked(&self) -> bool {
        self.state.load(Ordering::SeqCst) & (WRITER | READERS) != 0
    }

    /// Whether this CPU holds it for write.
    pub fn is_write_locked_by(&self, cpu: u8) -> bool {
        self.state.load(Ordering::SeqCst) & WRITER == u32::from(cpu) + 1
    }

    /// `lockdep_assert_held_write`.
    pub fn assert_held_write(&self, cpu: &Cpu<'_>) {
        if !self.is_write_locked_by(cpu.id()) {
            cpu.splat(crate::trace::Splat::NotHeld(self.obj));
        }
    }

    /// Nobody holds it any longer.
    pub fn reset(&self) {
        self.state.store(0, Ordering::SeqCst);
    }

    fn held(&self) -> HeldLock {
        HeldLock { obj: self.obj, class: self.class }
    }

    #[inline]
    fn change(&self, mut to: impl FnMut(u32) -> Option<u32>) -> bool {
        self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, &mut to).is_ok()
    }

    #[inline]
    fn release(&self, cpu: &Cpu<'_>, to: impl Fn(u32) -> u32) {
        let mut waiters = 0;
        self.change(|state| {
            waiters = state >> 16;
            Some(to(state) & 0xffff)
        });
        cpu.released(self.obj);
        if waiters != 0 {
            wake(cpu, waiters);
        }
    }

    #[inline]
    fn sleep_until(&self, cpu: &Cpu<'_>, to: impl Fn(u32) -> Option<u32>) {
        while !self.change(&to) {
            match cpu.conductor() {
                Some(conductor) => {
                    self.state.fetch_or(0x1_0000 << cpu.id(), Ordering::SeqCst);
                    cpu.record(|| What::Wait { obj: self.obj });
                    conductor.wait(cpu, self.obj);
                }
                None => std::thread::yield_now(),
            }
        }
    }
}

/// The state with `cpu` among the readers, if there is no writer.
fn read(state: u32, cpu: u8) -> Option<u32> {
    (state & WRITER == 0).then(|| state & !(0x1_0000 << cpu) | 0x100 << cpu)
}

/// The state with `cpu` as the writer, if nobody holds it.
fn write(state: u32, cpu: u8) -> Option<u32> {
    (state & (WRITER | READERS) == 0).then(|| state & !(0x1_0000 << cpu) | (u32::from(cpu) + 1))
}
