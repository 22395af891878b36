//! A word of shared memory: every access to it is a step.

use std::hint::cold_path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Cpu;
use crate::trace::{Access, Obj, What};

pub(super) const LOAD: u16 = 0;
pub(super) const STORE: u16 = 1;
pub(super) const RMW: u16 = 2;
pub(super) const LOCK: u16 = 3;
pub(super) const UNLOCK: u16 = 4;

/// The slot of an object in the interleaving feedback.
pub(super) const fn slot(obj: Obj) -> u16 {
    Access::slot_of(obj)
}

/// A shared 64-bit word, atomic on every access.
///
/// The `peek`/`poke` family takes no step: it is for oracles, for set-up, and for what the kernel does in one
/// indivisible action together with a step that was announced already.
#[derive(Debug)]
pub struct Word {
    value: AtomicU64,
    obj: Obj,
    slot: u16,
}

impl Word {
    /// A word that is known as `obj`.
    pub const fn new(obj: Obj, value: u64) -> Word {
        Word { value: AtomicU64::new(value), obj, slot: slot(obj) }
    }

    /// What the word is known as.
    #[inline]
    pub fn obj(&self) -> Obj {
        self.obj
    }

    /// `READ_ONCE`.
    #[inline]
    pub fn read_once(&self, cpu: &Cpu<'_>) -> u64 {
        cpu.step(self.slot, LOAD);
        let value = self.value.load(Ordering::SeqCst);
        cpu.record(|| What::Load { obj: self.obj, value });
        value
    }

    /// `WRITE_ONCE`.
    #[inline]
    pub fn write_once(&self, cpu: &Cpu<'_>, value: u64) {
        cpu.step(self.slot, STORE);
        if cpu.is_hushed() {
            self.value.store(value, Ordering::Relaxed);
        } else {
            cold_path();
            let old = self.value.swap(value, Ordering::SeqCst);
            cpu.record(|| What::Store { obj: self.obj, old, value });
        }
    }

    /// Atomic exchange; returns the old value.
    #[inline]
    pub fn xchg(&self, cpu: &Cpu<'_>, value: u64) -> u64 {
        cpu.step(self.slot, RMW);
        self.modify(cpu, |_| Some(value)).unwrap_or_else(|old| old)
    }

    /// Atomic compare-and-exchange; `Ok` with the old value if the word held `expected`.
    #[inline]
    pub fn cmpxchg(&self, cpu: &Cpu<'_>, expected: u64, value: u64) -> Result<u64, u64> {
        cpu.step(self.slot, RMW);
        let result = self.modify(cpu, |old| (old == expected).then_some(value));
        if let Err(found) = result {
            cpu.record(|| What::Load { obj: self.obj, value: found });
        }
        result
    }

    /// Atomic addition (of a two's complement number); returns the new value.
    #[inline]
    pub fn add_return(&self, cpu: &Cpu<'_>, delta: i64) -> i64 {
        cpu.step(self.slot, RMW);
        let old =
            self.modify(cpu, |old| Some(old.wrapping_add(delta as u64))).unwrap_or_else(|old| old);
        old.wrapping_add(delta as u64) as i64
    }

    /// `atomic_inc_not_zero`: adds 1 unless the word is 0; returns whether it did.
    #[inline]
    pub fn inc_not_zero(&self, cpu: &Cpu<'_>) -> bool {
        cpu.step(self.slot, RMW);
        self.modify(cpu, |old| (old != 0).then(|| old + 1)).is_ok()
    }

    /// Sets and clears bits in one atomic action; returns the old value.
    #[inline]
    pub fn change_bits(&self, cpu: &Cpu<'_>, set: u64, clear: u64) -> u64 {
        cpu.step(self.slot, RMW);
        self.modify(cpu, |old| Some((old | set) & !clear)).unwrap_or_else(|old| old)
    }

    /// Changes the word in one atomic action; `Err` with its value if `to` wants no change.
    #[inline(always)]
    fn modify(&self, cpu: &Cpu<'_>, to: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        if cpu.is_hushed() {
            let old = self.value.load(Ordering::Relaxed);
            let value = to(old).ok_or(old)?;
            self.value.store(value, Ordering::Relaxed);
            return Ok(old);
        }
        cold_path();
        let old = self.value.fetch_update(Ordering::SeqCst, Ordering::SeqCst, &to)?;
        cpu.record(|| What::Rmw { obj: self.obj, old, value: to(old).unwrap_or(old) });
        Ok(old)
    }

    /// Reads without a step.
    #[inline]
    pub fn peek(&self) -> u64 {
        self.value.load(Ordering::SeqCst)
    }

    /// Writes without a step. Among OS threads, whoever sees the value sees what was written before it.
    #[inline]
    pub fn poke(&self, value: u64) {
        self.value.store(value, Ordering::Release);
    }

    /// Adds without a step; returns the new value.
    #[inline]
    pub fn poke_add(&self, delta: i64) -> i64 {
        self.value.fetch_add(delta as u64, Ordering::SeqCst).wrapping_add(delta as u64) as i64
    }

    /// Adds 1 without a step, unless the word is 0; returns whether it did.
    #[inline]
    pub fn poke_inc_not_zero(&self) -> bool {
        self.value
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |v| (v != 0).then(|| v + 1))
            .is_ok()
    }

    /// Sets and clears bits without a step; returns the old value.
    #[inline]
    pub fn poke_bits(&self, set: u64, clear: u64) -> u64 {
        self.value
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |v| Some((v | set) & !clear))
            .unwrap_or_else(|v| v)
    }

    /// Compare-and-exchange without a step; `true` if the word held `expected`.
    #[inline]
    pub fn poke_if(&self, expected: u64, value: u64) -> bool {
        self.value.compare_exchange(expected, value, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}
