//! Swap-in past the swap cache (kernel-semantics section 10.9, last lines).
//!
//! A device without latency (`SWP_SYNCHRONOUS_IO`) reads at once, and the copy of a page that one entry only names needs no
//! cache to be shared in. But the cache is also what tells two faults on the same entry of each other. Linux v6.6 goes
//! without: see `corpus/found/swapin_past_cache.rw`.

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::types::{FolioId, SwapId};
use crate::sync::Cpu;

/// How a swap-in past the cache began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PastCache {
    /// This one goes through the cache.
    No,
    /// Somebody else reads the slot: the fault is taken again.
    Busy,
    /// No memory for the page.
    Nomem,
    /// The page, with a reference and unlocked.
    Read(FolioId),
}

impl Kernel {
    /// The page of a slot that one entry names and that has nothing in the cache, if the device is a synchronous one.
    pub(super) fn swapin_past_cache(&self, cpu: &Cpu<'_>, slot: SwapId) -> PastCache {
        if !self.config.sync_swap {
            return PastCache::No;
        }
        let entry = self.swap.slot(slot);
        // swap_cache_get_folio(), and __swap_count() without the lock
        if entry.cache.read_once(cpu) != 0 || entry.count.read_once(cpu) != 1 {
            return PastCache::No;
        }
        if !(self.steps.swap.swapcache_prepare)(cpu, self, slot) {
            return PastCache::Busy;
        }
        let Some(folio) = self.vma_alloc_zeroed_folio(cpu) else {
            (self.steps.swap.swapcache_clear)(cpu, self, slot);
            return PastCache::Nomem;
        };
        self.folio(folio).flags.poke_bits(flags::SWAPBACKED, 0);
        self.folio_add_lru(cpu, folio);
        // swap_readpage()
        let content = entry.content.read_once(cpu);
        self.page(self.folios.head(folio)).content.write_once(cpu, content);
        PastCache::Read(folio)
    }
}

/// Linux v6.6 marks nothing.
pub(in crate::mm) fn prepare_nothing(_: &Cpu<'_>, _: &Kernel, _: SwapId) -> bool {
    true
}

/// `swapcache_prepare`: as if the slot had something in the cache, it is kept from being reused. `false`: it has, or
/// somebody else was here first, and is waited for.
pub(in crate::mm) fn swapcache_prepare(cpu: &Cpu<'_>, k: &Kernel, slot: SwapId) -> bool {
    let (lock, entry) = (&k.swap.lock, k.swap.slot(slot));
    lock.lock(cpu);
    let ours =
        entry.count.peek() != 0 && entry.cache.peek() == 0 && entry.prepared.read_once(cpu) == 0;
    if ours {
        entry.prepared.write_once(cpu, 1);
    }
    lock.unlock(cpu);
    if !ours {
        entry.prepared_wq.wait_event(cpu, || entry.prepared.peek() == 0);
    }
    ours
}

/// `swapcache_clear`.
pub(in crate::mm) fn swapcache_clear(cpu: &Cpu<'_>, k: &Kernel, slot: SwapId) {
    let (lock, entry) = (&k.swap.lock, k.swap.slot(slot));
    lock.lock(cpu);
    entry.prepared.write_once(cpu, 0);
    k.swap.may_be_free(slot);
    lock.unlock(cpu);
    entry.prepared_wq.wake_up_all(cpu);
}
