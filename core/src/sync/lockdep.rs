//! lockdep: which locks a CPU holds, in which order it took them. It records; the oracles judge.

use std::cell::Cell;

use crate::trace::Obj;

/// A class of locks: its rank on the ladder (kernel-semantics section 12.1), and whether taking it may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LockClass {
    /// Locks of a higher rank are taken inside locks of a lower one.
    pub rank: u8,
    /// A sleeping lock may not be taken in atomic context.
    pub sleeps: bool,
}

impl LockClass {
    /// A lock that may sleep.
    pub const fn sleeping(rank: u8) -> LockClass {
        LockClass { rank, sleeps: true }
    }

    /// A lock that spins.
    pub const fn spinning(rank: u8) -> LockClass {
        LockClass { rank, sleeps: false }
    }
}

/// A lock that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HeldLock {
    /// The lock.
    pub obj: Obj,
    /// Its class.
    pub class: LockClass,
}

/// A lock as the stack keeps it, in one word that is copied and compared at once: 8 bits of rank on top, then 1 of
/// whether it may sleep, 32 of object at the bottom.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedLock(u64);

impl PackedLock {
    /// Below the stack lies a lock that nobody can take or release.
    const NONE: PackedLock = PackedLock::new(Obj(u32::MAX), LockClass::sleeping(0));
    const SLEEPS: u64 = 1 << 55;

    pub(super) const fn new(obj: Obj, class: LockClass) -> PackedLock {
        PackedLock(
            obj.0 as u64 | (class.rank as u64) << 56 | if class.sleeps { Self::SLEEPS } else { 0 },
        )
    }

    #[inline]
    pub(super) fn obj(self) -> Obj {
        Obj(self.0 as u32)
    }

    #[inline]
    fn rank(self) -> u8 {
        (self.0 >> 56) as u8
    }

    #[inline]
    pub(super) fn sleeps(self) -> bool {
        self.0 & Self::SLEEPS != 0
    }

    /// Whether this one, held, is not below `lock` on the ladder.
    #[inline]
    fn is_not_below(self, lock: PackedLock) -> bool {
        self.0 | (Self::SLEEPS | (Self::SLEEPS - 1)) >= lock.0
    }

    fn unpack(self) -> HeldLock {
        HeldLock { obj: self.obj(), class: LockClass { rank: self.rank(), sleeps: self.sleeps() } }
    }
}

/// As in the kernel's lockdep, a bound: no CPU holds as many locks. A power of two, to be a mask.
const DEPTH: usize = 32;

/// The stack of locks that one CPU holds, and whether it is in atomic context.
///
/// Whether a held lock spins is looked up when somebody wants to sleep, which is rarer than taking a lock.
#[derive(Debug)]
pub struct Held {
    locks: [Cell<PackedLock>; DEPTH],
    depth: Cell<usize>,
    atomic: Cell<u32>,
}

impl Default for Held {
    fn default() -> Self {
        Held {
            locks: [const { Cell::new(PackedLock::NONE) }; DEPTH],
            depth: Cell::new(0),
            atomic: Cell::new(0),
        }
    }
}

impl Held {
    /// Pushes a lock. Returns whether the held lock below it should have been taken after it, if there is one.
    #[inline]
    pub(super) fn push(&self, lock: PackedLock) -> bool {
        let depth = self.depth.get();
        let below = self.locks[depth.wrapping_sub(1) % DEPTH].get();
        self.locks[depth % DEPTH].set(lock);
        self.depth.set(depth + 1);
        below.is_not_below(lock)
    }

    /// Removes a lock, from wherever in the stack it is; `false` if it is not held.
    #[inline]
    pub(super) fn pop(&self, obj: Obj) -> bool {
        let top = self.depth.get().wrapping_sub(1);
        if self.locks[top % DEPTH].get().obj() == obj {
            self.depth.set(top);
            return true;
        }
        self.pull(obj)
    }

    /// Removes a lock that is not on top.
    #[cold]
    #[inline(never)]
    fn pull(&self, obj: Obj) -> bool {
        let depth = self.depth.get();
        let Some(at) = (0..depth).rev().find(|&i| self.locks[i % DEPTH].get().obj() == obj) else {
            return false;
        };
        for i in at + 1..depth {
            self.locks[(i - 1) % DEPTH].set(self.locks[i % DEPTH].get());
        }
        self.depth.set(depth - 1);
        true
    }

    /// The lock that was held when the one on top was taken.
    pub(super) fn below_top(&self) -> Option<Obj> {
        self.depth.get().checked_sub(2).map(|below| self.locks[below % DEPTH].get().obj())
    }

    #[inline]
    pub(super) fn atomic_enter(&self) {
        self.atomic.set(self.atomic.get() + 1);
    }

    #[inline]
    pub(super) fn atomic_leave(&self) {
        self.atomic.set(self.atomic.get().saturating_sub(1));
    }

    /// Whether the CPU holds this lock.
    #[inline]
    pub fn holds(&self, obj: Obj) -> bool {
        self.iter().any(|lock| lock.obj == obj)
    }

    /// Whether the CPU holds a spinlock, is in an RCU read section, or has interrupts off.
    #[inline]
    pub fn is_atomic(&self) -> bool {
        self.atomic.get() != 0 || self.iter().any(|lock| !lock.class.sleeps)
    }

    /// The lock that was taken last.
    pub fn top(&self) -> Obj {
        self.depth
            .get()
            .checked_sub(1)
            .map_or(Obj::default(), |top| self.locks[top % DEPTH].get().obj())
    }

    /// The locks, in the order in which they were taken.
    pub fn iter(&self) -> impl Iterator<Item = HeldLock> + '_ {
        self.locks[..self.depth.get().min(DEPTH)].iter().map(|lock| lock.get().unpack())
    }
}
