//! The folio lock (`PG_locked`): a sleeping bit lock, one CPU at a time.

use super::{Cpu, LockClass, Spinlock};
use crate::trace::Obj;

/// A sleeping lock. It is a [`Spinlock`] whose class may sleep, under the names of the page cache.
#[derive(Debug)]
pub struct FolioLock(Spinlock);

impl FolioLock {
    /// A free lock that is known as `obj`.
    pub const fn new(obj: Obj, rank: u8) -> FolioLock {
        FolioLock(Spinlock::new(obj, LockClass::sleeping(rank)))
    }

    /// What the lock is known as.
    pub fn obj(&self) -> Obj {
        self.0.obj()
    }

    /// `folio_lock`: sleeps until it is free.
    #[inline]
    pub fn lock(&self, cpu: &Cpu<'_>) {
        self.0.lock(cpu);
    }

    /// `folio_lock` of a second folio: migration locks the destination inside the source.
    #[inline]
    pub fn lock_nested(&self, cpu: &Cpu<'_>) {
        self.0.lock_nested(cpu);
    }

    /// `folio_trylock`: allowed under spinlocks.
    #[inline]
    pub fn trylock(&self, cpu: &Cpu<'_>) -> bool {
        self.0.trylock(cpu)
    }

    /// `folio_unlock`.
    #[inline]
    pub fn unlock(&self, cpu: &Cpu<'_>) {
        self.0.unlock(cpu);
    }

    /// A tail page gets PG_locked from its head, while the folio is frozen and nobody can ask for the lock. Not a step,
    /// and not for lockdep: a large folio has more tails than a CPU holds locks.
    pub fn inherit(&self, cpu: &Cpu<'_>) {
        self.0.lock_untold(cpu);
    }

    /// `folio_unlock` of a lock that was inherited.
    pub fn unlock_inherited(&self, cpu: &Cpu<'_>) {
        self.0.unlock_untold(cpu);
    }

    /// The lock stays held, but lockdep need not remember it: a collapse locks more pages than a CPU holds locks. It is
    /// released by [`FolioLock::unlock_inherited`].
    pub fn forget(&self, cpu: &Cpu<'_>) {
        cpu.released_hushed(self.obj());
    }

    /// Complains if this CPU has not locked it, inherited or not.
    pub fn assert_locked(&self, cpu: &Cpu<'_>) {
        if self.owner() != Some(cpu.id()) {
            cpu.splat(crate::trace::Splat::NotHeld(self.obj()));
        }
    }

    /// `folio_wait_locked`: sleeps until nobody holds it, without keeping it.
    pub fn wait_unlocked(&self, cpu: &Cpu<'_>) {
        self.0.wait_until_free(cpu);
    }

    /// Whether somebody holds it.
    pub fn is_locked(&self) -> bool {
        !self.0.is_free()
    }

    /// Who holds it.
    pub fn owner(&self) -> Option<u8> {
        self.0.owner()
    }

    /// Nobody holds it any longer.
    pub fn reset(&self) {
        self.0.reset();
    }
}
