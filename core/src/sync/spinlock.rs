//! A spinlock: owns no data, remembers who holds it and who waits.

use std::sync::atomic::{AtomicU32, Ordering};

use super::lockdep::PackedLock;
use super::word::{LOCK, UNLOCK, slot};
use super::{Cpu, LockClass};
use crate::trace::{LockMode, Obj, What};

const OWNER: u32 = 0xff;

/// A lock held by one CPU at a time: owner + 1 in the low byte, the mask of waiting CPUs above it.
///
/// Taking and releasing are explicit, as in the kernel: a wrong variant may forget either.
#[derive(Debug)]
pub struct Spinlock {
    state: AtomicU32,
    slot: u16,
    lock: PackedLock,
}

impl Spinlock {
    /// A free lock that is known as `obj`.
    pub const fn new(obj: Obj, class: LockClass) -> Spinlock {
        Spinlock { state: AtomicU32::new(0), slot: slot(obj), lock: PackedLock::new(obj, class) }
    }

    /// What the lock is known as.
    #[inline]
    pub fn obj(&self) -> Obj {
        self.lock.obj()
    }

    /// `spin_lock`.
    #[inline]
    pub fn lock(&self, cpu: &Cpu<'_>) {
        self.acquire(cpu, true);
    }

    /// `spin_lock_nested`: a lock of the same rank may be held already.
    #[inline]
    pub fn lock_nested(&self, cpu: &Cpu<'_>) {
        self.acquire(cpu, false);
    }

    /// `spin_trylock`.
    #[inline]
    pub fn trylock(&self, cpu: &Cpu<'_>) -> bool {
        cpu.step(self.slot, LOCK);
        let taken = self.grab(cpu);
        if taken {
            self.took(cpu, false);
        }
        taken
    }

    /// Waits until nobody holds it, without taking it: a trylock of a third CPU is not disturbed, and the lock may
    /// belong to an object that is freed meanwhile.
    pub fn wait_until_free(&self, cpu: &Cpu<'_>) {
        if self.lock.sleeps() {
            cpu.might_sleep();
        }
        cpu.step(self.slot, LOCK);
        while !self.is_free() {
            match cpu.conductor() {
                Some(conductor) => {
                    self.state.fetch_or(256 << cpu.id(), Ordering::SeqCst);
                    cpu.record(|| What::Wait { obj: self.obj() });
                    conductor.wait(cpu, self.obj());
                }
                None => std::thread::yield_now(),
            }
        }
    }

    /// `spin_unlock`.
    #[inline]
    pub fn unlock(&self, cpu: &Cpu<'_>) {
        cpu.step(self.slot, UNLOCK);
        if !cpu.is_hushed() {
            return self.release(cpu);
        }
        let state = self.state.load(Ordering::Relaxed);
        self.state.store(0, Ordering::Relaxed);
        cpu.released_hushed(self.obj());
        if state & !OWNER != 0 {
            wake(cpu, state >> 8);
        }
    }

    /// Takes a lock that nobody else can know, without a step and without telling lockdep. Released by
    /// [`Spinlock::unlock_untold`].
    pub(super) fn lock_untold(&self, cpu: &Cpu<'_>) {
        self.state.store(cpu.as_owner(), Ordering::SeqCst);
        cpu.record(|| What::Lock { obj: self.obj(), mode: LockMode::Exclusive });
    }

    /// `spin_unlock` of a lock that was taken by [`Spinlock::lock_untold`].
    pub(super) fn unlock_untold(&self, cpu: &Cpu<'_>) {
        cpu.step(self.slot, UNLOCK);
        let state = self.state.swap(0, Ordering::SeqCst);
        cpu.record(|| What::Unlock { obj: self.obj() });
        if state & !OWNER != 0 {
            wake(cpu, state >> 8);
        }
    }

    /// Whether nobody holds it.
    pub fn is_free(&self) -> bool {
        self.owner().is_none()
    }

    /// `spin_is_contended`: whether somebody waits for it. Not a step: the holder asks.
    pub fn is_contended(&self) -> bool {
        self.state.load(Ordering::SeqCst) & !OWNER != 0
    }

    /// Who holds it.
    pub fn owner(&self) -> Option<u8> {
        let state = self.state.load(Ordering::SeqCst);
        (state & OWNER).checked_sub(1).map(|owner| owner as u8)
    }

    /// Nobody holds it any longer, nobody waits.
    pub fn reset(&self) {
        self.state.store(0, Ordering::SeqCst);
    }

    #[inline]
    fn took(&self, cpu: &Cpu<'_>, in_order: bool) {
        cpu.took_hushed(self.lock, in_order);
        cpu.record(|| What::Lock { obj: self.obj(), mode: LockMode::Exclusive });
    }

    #[inline]
    fn grab(&self, cpu: &Cpu<'_>) -> bool {
        let (waiter, owner) = (256 << cpu.id(), cpu.as_owner());
        let taken = |state: u32| (state & OWNER == 0).then_some(state & !waiter | owner);
        if !cpu.is_hushed() {
            return self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken).is_ok();
        }
        let taken = taken(self.state.load(Ordering::Relaxed));
        taken.inspect(|&state| self.state.store(state, Ordering::Relaxed)).is_some()
    }

    #[inline]
    fn acquire(&self, cpu: &Cpu<'_>, in_order: bool) {
        if self.lock.sleeps() {
            cpu.might_sleep();
        }
        cpu.step(self.slot, LOCK);
        if self.state.load(Ordering::Relaxed) != cpu.takes_at_once() {
            return self.contend(cpu, in_order);
        }
        self.state.store(cpu.as_owner(), Ordering::Relaxed);
        cpu.took_hushed(self.lock, in_order);
    }

    #[inline(never)]
    fn release(&self, cpu: &Cpu<'_>) {
        let state = self.state.swap(0, Ordering::SeqCst);
        cpu.released(self.obj());
        if state & !OWNER != 0 {
            wake(cpu, state >> 8);
        }
    }

    /// A CPU that looks again takes no step for it: the count of steps does not depend on contention.
    #[cold]
    #[inline(never)]
    fn contend(&self, cpu: &Cpu<'_>, in_order: bool) {
        while !self.grab(cpu) {
            match cpu.conductor() {
                Some(conductor) => {
                    // Nobody else acts between the load and the store: the conductor is asked below.
                    let state = self.state.load(Ordering::Relaxed);
                    self.state.store(state | 256 << cpu.id(), Ordering::Relaxed);
                    cpu.record(|| What::Wait { obj: self.obj() });
                    conductor.wait(cpu, self.obj());
                }
                None => std::thread::yield_now(),
            }
        }
        self.took(cpu, in_order);
    }
}

#[cold]
#[inline(never)]
pub(super) fn wake(cpu: &Cpu<'_>, cpus: u32) {
    if let Some(conductor) = cpu.conductor() {
        conductor.wake(cpu, cpus);
    }
}
