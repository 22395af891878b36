//! The LRU, as far as others can see it: one flag a folio, and the per-CPU batches in which new folios wait
//! (kernel-semantics sections 4.2 and 4.6).
//!
//! A folio in a batch cannot be isolated and has a reference more than anybody would expect, until its CPU drains.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::class::Class;
use super::folio::flags;
use super::kernel::Kernel;
use super::place::func;
use super::types::FolioId;
use crate::sync::{CPUS_MAX, Cpu, Word};

/// PAGEVEC_SIZE.
const BATCH: usize = 15;

/// What waits on a CPU.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    folios: [FolioId; BATCH],
    len: usize,
}

/// `cpu_fbatches.lru_add` of a CPU. The mutex is its local_lock: short, and no step.
#[derive(Debug)]
pub struct LruBatch {
    /// How many folios wait.
    len: Word,
    waiting: Mutex<Waiting>,
}

impl LruBatch {
    pub(super) fn new(cpu: u8) -> LruBatch {
        let len = Word::new(Class::LruBatch.obj(u32::from(cpu)), 0);
        LruBatch { len, waiting: Mutex::default() }
    }

    pub(super) fn reset(&mut self) {
        self.len.poke(0);
        self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner).len = 0;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folios that wait. Each has a reference that is the batch's.
    pub fn folios(&self) -> impl Iterator<Item = FolioId> + use<> {
        let Waiting { folios, len } = *self.waiting();
        folios.into_iter().take(len)
    }
}

impl Kernel {
    /// `folio_add_lru`: the folio is put on the LRU soon; until then it waits in this CPU's batch, with a reference.
    pub fn folio_add_lru(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio_get(cpu, folio);
        let batch = &self.lru_batches[usize::from(cpu.id())];
        let full = {
            let mut waiting = batch.waiting();
            let at = waiting.len;
            waiting.folios[at] = folio;
            waiting.len += 1;
            waiting.len == BATCH
        };
        cpu.debts.owe(self.folio(folio).refcount.obj(), 1);
        if full || self.folios.is_large(folio) {
            self.lru_add_drain(cpu);
        }
    }

    /// `lru_add_drain`: what waits on this CPU is on the LRU afterwards.
    pub fn lru_add_drain(&self, cpu: &Cpu<'_>) {
        self.lru_add_drain_cpu(cpu, cpu.id());
    }

    /// `lru_add_drain_all`: the same for all CPUs, which a work item on each of them does. May sleep.
    pub fn lru_add_drain_all(&self, cpu: &Cpu<'_>) {
        let _f = cpu.enter(func::lru_add_drain_all);
        cpu.might_sleep();
        (0..CPUS_MAX as u8).for_each(|target| self.lru_add_drain_cpu(cpu, target));
    }

    /// `lru_add_drain_cpu`, `folio_batch_move_lru`. An empty batch costs no step.
    fn lru_add_drain_cpu(&self, cpu: &Cpu<'_>, target: u8) {
        let batch = &self.lru_batches[usize::from(target)];
        if batch.waiting().len == 0 {
            return;
        }
        let _f = cpu.enter(func::lru_add_drain);
        batch.len.read_once(cpu);
        let Waiting { folios, len } = std::mem::take(&mut *batch.waiting());
        for &folio in &folios[..len] {
            cpu.debts.owe(self.folio(folio).refcount.obj(), -1);
        }
        for &folio in &folios[..len] {
            self.folio(folio).flags.change_bits(cpu, flags::LRU, 0);
        }
        folios[..len].iter().for_each(|&folio| self.folio_put(cpu, folio));
    }

    /// `folio_isolate_lru`: takes the folio off the LRU, with a reference that is the isolation's. The caller has one
    /// too. `false`: it is not there, or somebody else was faster.
    pub fn folio_isolate_lru(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let _f = cpu.enter(func::folio_isolate_lru);
        let isolated = self.folio(folio).flags.change_bits(cpu, 0, flags::LRU) & flags::LRU != 0;
        if isolated {
            self.folio_get(cpu, folio);
        }
        isolated
    }

    /// `folio_putback_lru`: an isolated folio goes back to the LRU, by way of this CPU's batch.
    pub fn folio_putback_lru(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio_add_lru(cpu, folio);
        self.folio_put(cpu, folio);
    }
}
