//! The swap cache, and the counts of the slots behind it (kernel-semantics sections 10.9, 11.5).
//!
//! SWAP_HAS_CACHE and the entry of the swap address space are one word here, so the lock of the device stands for
//! the xa_lock of that space too.

use super::folio::flags;
use super::kernel::Kernel;
use super::place::func;
use super::types::{FolioId, SwapId};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// `folio->swap`: the slot in front of which the folio stands in the swap cache. Stable under the folio lock.
    pub fn folio_swap_slot(&self, folio: FolioId) -> Option<SwapId> {
        let cached = self.folio(folio).has(flags::SWAPCACHE);
        let found = self
            .swap
            .touched()
            .find(|(_, slot)| cached && slot.cache.peek() == u64::from(folio.0) + 1);
        found.map(|(id, _)| id)
    }

    /// `swap_cache_get_folio`: the folio that the swap cache holds for a slot, with a reference, not locked.
    ///
    /// Reclaim or migration may take the folio away between the look and the grab: so the look is repeated after
    /// it. Where the kernel spins on a frozen folio, this waits for the lock under which it is frozen.
    pub fn swap_cache_get_folio(&self, cpu: &Cpu<'_>, slot: SwapId) -> Option<FolioId> {
        let cache = &self.swap.slot(slot).cache;
        loop {
            let word = cache.read_once(cpu);
            let folio = FolioId(word.checked_sub(1)? as u32);
            if !self.folio_try_get(cpu, folio) {
                self.swap.lock.lock(cpu);
                self.swap.lock.unlock(cpu);
                continue;
            }
            if cache.read_once(cpu) == word {
                return Some(folio);
            }
            self.folio_put(cpu, folio);
        }
    }

    /// `add_to_swap`: gives the locked anonymous folio a slot and puts it into the swap cache. `false`: no slot.
    pub fn add_to_swap(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let _f = cpu.enter(func::add_to_swap);
        cpu.assert_held(self.folio(folio).lock.obj());
        self.swap.lock.lock(cpu);
        let slot = self.folio_alloc_swap(cpu, folio);
        if let Some(slot) = slot {
            self.add_to_swap_cache(cpu, folio, slot);
        }
        self.swap.lock.unlock(cpu);
        if slot.is_some() {
            // Even if no entry is: the slot does not have the content yet.
            self.folio(folio).flags.poke_bits(flags::DIRTY, 0);
        }
        slot.is_some()
    }

    /// `folio_alloc_swap`, and the nodes that `add_to_swap_cache` may need: a slot that nobody uses. The device's lock is
    /// held. `None`: there is none, or no room to remember it.
    fn folio_alloc_swap(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<SwapId> {
        let room = !self.should_fail_alloc(cpu) && self.page_cache_may_grow(cpu, folio);
        if room { self.swap.find_free(self.config.reuse) } else { None }
    }

    /// `folio_alloc_swap` and `add_to_swap_cache` of a folio of shmem, which is in both caches afterwards. `None`: no
    /// slot.
    pub(super) fn shmem_add_to_swap(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<SwapId> {
        self.swap.lock.lock(cpu);
        let slot = self.folio_alloc_swap(cpu, folio);
        if let Some(slot) = slot {
            self.add_to_swap_cache(cpu, folio, slot);
        }
        self.swap.lock.unlock(cpu);
        slot
    }

    /// `read_swap_cache_async`, and the reading: a new folio with the slot's content, in the swap cache, unlocked,
    /// with a reference; or the one that somebody else has put there meanwhile. May sleep.
    ///
    /// `None`: no memory, or nobody uses the slot any longer.
    pub fn read_swap_cache(&self, cpu: &Cpu<'_>, slot: SwapId) -> Option<FolioId> {
        loop {
            if let Some(folio) = self.swap_cache_get_folio(cpu, slot) {
                return Some(folio);
            }
            let folio = self.folio_alloc(cpu, false)?;
            if !self.page_cache_may_grow(cpu, folio) {
                self.folio_put(cpu, folio);
                return None;
            }
            let f = self.folio(folio);
            // Nobody else knows the folio: the lock is free.
            f.lock.trylock(cpu);
            self.swap.lock.lock(cpu);
            let entry = self.swap.slot(slot);
            let used = entry.count.read_once(cpu) != 0;
            let prepared = entry.prepared.peek() != 0;
            let ours = used && entry.cache.peek() == 0 && !prepared;
            if ours {
                self.add_to_swap_cache(cpu, folio, slot);
            }
            self.swap.lock.unlock(cpu);
            if ours {
                self.folio_add_lru(cpu, folio);
                let content = self.swap.slot(slot).content.read_once(cpu);
                self.page(self.folios.head(folio)).content.write_once(cpu, content);
                f.flags.poke_bits(flags::UPTODATE, 0);
                f.lock.unlock(cpu);
                return Some(folio);
            }
            f.lock.unlock(cpu);
            self.folio_put(cpu, folio);
            if !used {
                return None;
            }
            if prepared {
                // Read past the swap cache by somebody, who is done with it soon.
                entry.prepared_wq.wait_event(cpu, || entry.prepared.peek() == 0);
            }
        }
    }

    /// `add_to_swap_cache`: the cache takes its reference. The device's lock is held, the slot has no folio yet.
    fn add_to_swap_cache(&self, cpu: &Cpu<'_>, folio: FolioId, slot: SwapId) {
        let f = self.folio(folio);
        self.folio_ref_add(cpu, folio, 1);
        f.flags.poke_bits(flags::SWAPCACHE | flags::SWAPBACKED, 0);
        self.swap.slot(slot).cache.write_once(cpu, u64::from(folio.0) + 1);
        cpu.debts.owe(f.refcount.obj(), 1);
    }

    /// `__delete_from_swap_cache`: the folio leaves the cache; what becomes of the cache's reference is the
    /// caller's business. The device's lock is held, and the folio lock.
    pub fn __delete_from_swap_cache(&self, cpu: &Cpu<'_>, folio: FolioId, slot: SwapId) {
        let f = self.folio(folio);
        self.swap.slot(slot).cache.write_once(cpu, 0);
        self.swap.may_be_free(slot);
        f.flags.poke_bits(0, flags::SWAPCACHE);
        cpu.debts.owe(f.refcount.obj(), -1);
    }

    /// A migration puts `new` where `old` stood, and the references with it: the cache's of `new` is taken here,
    /// that of `old` is the caller's business. The device's lock is held.
    pub fn replace_in_swap_cache(&self, cpu: &Cpu<'_>, old: FolioId, new: FolioId, slot: SwapId) {
        self.add_to_swap_cache(cpu, new, slot);
        self.folio(old).flags.poke_bits(0, flags::SWAPCACHE);
        cpu.debts.owe(self.folio(old).refcount.obj(), -1);
    }

    /// `swap_duplicate`: one more entry names the slot. `false`: it is not in use. Allowed under ptl.
    pub fn swap_duplicate(&self, cpu: &Cpu<'_>, slot: SwapId) -> bool {
        let (lock, slot) = (&self.swap.lock, self.swap.slot(slot));
        lock.lock(cpu);
        let used = !slot.is_free();
        if used {
            cpu.debts.pay(slot.count.obj(), 1);
            slot.count.add_return(cpu, 1);
        }
        lock.unlock(cpu);
        used
    }

    /// `swap_free`: one entry less names the slot. Returns how many are left. Allowed under ptl.
    pub fn swap_free(&self, cpu: &Cpu<'_>, slot: SwapId) -> i64 {
        let (lock, count) = (&self.swap.lock, &self.swap.slot(slot).count);
        lock.lock(cpu);
        cpu.debts.pay(count.obj(), -1);
        let left = count.add_return(cpu, -1);
        if left < 0 {
            cpu.splat(Splat::Negative(count.obj()));
        }
        self.swap.may_be_free(slot);
        lock.unlock(cpu);
        left
    }

    /// `folio_free_swap`: takes the locked folio out of the swap cache if no entry names its slot. The caller has
    /// a reference of its own.
    pub fn folio_free_swap(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let Some(slot) = self.folio_swap_slot(folio) else { return false };
        if self.swap.slot(slot).count.read_once(cpu) != 0 {
            return false;
        }
        self.swap.lock.lock(cpu);
        self.__delete_from_swap_cache(cpu, folio, slot);
        self.swap.lock.unlock(cpu);
        self.folio_ref_add(cpu, folio, -1);
        // The only copy is in memory from now on.
        self.folio(folio).flags.poke_bits(flags::DIRTY, 0);
        true
    }

    /// `free_swap_cache`: before the last mapping's reference of a folio is put. If the folio is locked somebody
    /// else will see to it. Allowed under ptl.
    pub fn free_swap_cache(&self, cpu: &Cpu<'_>, folio: FolioId) {
        let f = self.folio(folio);
        if f.has(flags::SWAPCACHE) && !self.folio_mapped(folio) && f.lock.trylock(cpu) {
            self.folio_free_swap(cpu, folio);
            f.lock.unlock(cpu);
        }
    }

    /// `free_swap_and_cache`: a swap entry is zapped; with the last one goes the folio in the swap cache, unless
    /// somebody has locked it. Under ptl.
    pub fn free_swap_and_cache(&self, cpu: &Cpu<'_>, slot: SwapId) {
        if self.swap_free(cpu, slot) != 0 {
            return;
        }
        if let Some(folio) = self.swap_cache_get_folio(cpu, slot) {
            self.free_swap_cache(cpu, folio);
            self.folio_put(cpu, folio);
        }
    }
}
