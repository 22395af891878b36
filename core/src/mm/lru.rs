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

/// What the folios of a batch wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum MoveFn {
    /// `lru_add_fn`: PG_lru.
    Add,
    /// `lru_lazyfree_fn`: no PG_swapbacked any longer.
    Lazyfree,
}

/// `cpu_fbatches` of a CPU: lru_add and lru_lazyfree. The mutex is its local_lock: short, and no step.
#[derive(Debug)]
pub struct LruBatch {
    /// What a drain looks at first.
    len: Word,
    waiting: Mutex<[Waiting; 2]>,
}

impl LruBatch {
    pub(super) fn new(cpu: u8) -> LruBatch {
        let len = Word::new(Class::LruBatch.obj(u32::from(cpu)), 0);
        LruBatch { len, waiting: Mutex::default() }
    }

    pub(super) fn reset(&mut self) {
        self.len.poke(0);
        let waiting = self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner);
        waiting.iter_mut().for_each(|batch| batch.len = 0);
    }

    fn waiting(&self) -> MutexGuard<'_, [Waiting; 2]> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folios that wait. Each has a reference that is the batch's.
    pub fn folios(&self) -> impl Iterator<Item = FolioId> + use<> {
        let batches = *self.waiting();
        batches.into_iter().flat_map(|Waiting { folios, len }| folios.into_iter().take(len))
    }

    fn is_empty(&self) -> bool {
        self.waiting().iter().all(|batch| batch.len == 0)
    }
}

impl Kernel {
    /// `folio_add_lru`: the folio is put on the LRU soon; until then it waits in this CPU's batch, with a reference.
    pub fn folio_add_lru(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio_batch_add(cpu, folio, MoveFn::Add);
    }

    /// `folio_mark_lazyfree`: an anonymous folio that reclaim may throw away, unless it is dirty by then. It takes effect
    /// when this CPU's batch is drained.
    pub fn folio_mark_lazyfree(&self, cpu: &Cpu<'_>, folio: FolioId) {
        if self.folio(folio).has(flags::LRU) && self.can_be_lazyfree(folio) {
            self.folio_batch_add(cpu, folio, MoveFn::Lazyfree);
        }
    }

    fn can_be_lazyfree(&self, folio: FolioId) -> bool {
        let f = self.folio(folio);
        f.is_anon() && f.has(flags::SWAPBACKED) && !f.has(flags::SWAPCACHE)
    }

    /// `folio_batch_add_and_move`.
    fn folio_batch_add(&self, cpu: &Cpu<'_>, folio: FolioId, what: MoveFn) {
        self.folio_get(cpu, folio);
        let batch = &self.lru_batches[usize::from(cpu.id())];
        let full = {
            let waiting = &mut batch.waiting()[what as usize];
            let at = waiting.len;
            waiting.folios[at] = folio;
            waiting.len += 1;
            waiting.len == BATCH
        };
        cpu.debts.owe(self.folio(folio).refcount.obj(), 1);
        if full || self.folios.is_large(folio) {
            self.folio_batch_move(cpu, batch, what);
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
        if batch.is_empty() {
            return;
        }
        let _f = cpu.enter(func::lru_add_drain);
        self.folio_batch_move(cpu, batch, MoveFn::Add);
        self.folio_batch_move(cpu, batch, MoveFn::Lazyfree);
    }

    /// `folio_batch_move_lru`. An empty batch costs no step.
    fn folio_batch_move(&self, cpu: &Cpu<'_>, batch: &LruBatch, what: MoveFn) {
        if batch.waiting()[what as usize].len == 0 {
            return;
        }
        batch.len.read_once(cpu);
        let Waiting { folios, len } = std::mem::take(&mut batch.waiting()[what as usize]);
        for &folio in &folios[..len] {
            cpu.debts.owe(self.folio(folio).refcount.obj(), -1);
        }
        for &folio in &folios[..len] {
            let flags = &self.folio(folio).flags;
            match what {
                MoveFn::Add => {
                    flags.change_bits(cpu, flags::LRU, 0);
                }
                // Isolated, or in the swap cache, or forked meanwhile: it is left alone.
                MoveFn::Lazyfree if flags.change_bits(cpu, 0, flags::LRU) & flags::LRU == 0 => {}
                MoveFn::Lazyfree => {
                    let clear = if self.can_be_lazyfree(folio) { flags::SWAPBACKED } else { 0 };
                    flags.change_bits(cpu, flags::LRU, clear);
                }
            }
        }
        folios[..len].iter().for_each(|&folio| self.folio_put(cpu, folio));
    }

    /// `folio_isolate_lru`: takes the folio off the LRU, with a reference that is the isolation's. The caller has one
    /// too. `false`: it is not there, or somebody else was faster.
    pub fn folio_isolate_lru(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let _f = cpu.enter(func::folio_isolate_lru);
        let free = self.folio(folio).refcount.peek() == 0;
        cpu.vm_bug_on(free, "folio_isolate_lru() of a folio that the caller does not hold");
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
