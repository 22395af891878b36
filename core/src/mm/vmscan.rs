//! Reclaim: an anonymous folio goes to the swap device, and its memory is free (kernel-semantics section 11.5).

use super::folio::flags;
use super::kernel::Kernel;
use super::place::{func, ip};
use super::rmap::TtuFlags;
use super::types::{FolioId, MmId, Pfn, Pmd, Pte, Vaddr};
use crate::sync::Cpu;

/// References of a folio that nobody wants any longer: of who has isolated it, and of the swap cache.
const ISOLATED_AND_CACHED: i64 = 2;

/// How far the reclaim of a folio came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reclaim {
    /// Out of the cache, frozen at 0 references, locked.
    Frozen,
    /// It stays; locked.
    KeepLocked,
    /// It stays; not locked.
    Keep,
}

impl Kernel {
    /// Reclaim of the anonymous folio that is mapped at `addr` now: `shrink_folio_list` of a list of one. May
    /// sleep. Returns whether the folio was freed; if not, it is back where it was, though perhaps unmapped and
    /// in the swap cache.
    pub fn pageout(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> bool {
        // What reclaim finds on the LRU has left its batch some time ago.
        self.lru_add_drain_all(cpu);
        let Some(folio) = self.isolate_folio_at(cpu, mm, addr) else { return false };
        let _f = cpu.enter(func::shrink_folio_list);
        let lock = &self.folio(folio).lock;
        let result =
            if lock.trylock(cpu) { self.reclaim_locked(cpu, folio) } else { Reclaim::Keep };
        if result != Reclaim::Keep {
            lock.unlock(cpu);
        }
        // Before anything is freed.
        self.try_to_unmap_flush(cpu);
        if result == Reclaim::Frozen {
            self.free_folio(cpu, folio);
        } else {
            self.move_folio_to_lru(cpu, folio);
        }
        result == Reclaim::Frozen
    }

    /// The page that an entry maps at `addr`, without a step.
    ///
    /// Reclaim and compaction find a folio on a list, or by its frame; a program names it by an address.
    fn page_at(&self, mm: MmId, addr: Vaddr) -> Option<Pfn> {
        let pmd = Pmd(self.pmdp(mm, addr).peek());
        if pmd.is_trans_huge() {
            return pmd.is_present().then(|| Pfn(pmd.pfn().0 + addr.0 % self.hpn));
        }
        let table = pmd.pgtable().filter(|&table| pmd.is_table() && self.tables.is_valid(table))?;
        let pte = Pte(self.tables.get(table).entry(addr.0).peek());
        if !pte.is_present() || pte.is_special() || !self.folios.is_valid(pte.pfn()) {
            return None;
        }
        Some(pte.pfn())
    }

    /// The folio that is mapped at `addr`, with a reference.
    ///
    /// It may be freed, and be another one, between the look and the grab: so it is looked at again.
    pub(super) fn get_folio_at(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<FolioId> {
        let page = self.page_at(mm, addr).filter(|&page| self.folios.is_valid(page))?;
        let folio = self.try_get_folio(cpu, page)?;
        if self.page_at(mm, addr) == Some(page) {
            return Some(folio);
        }
        self.folio_put(cpu, folio);
        None
    }

    /// Takes the anonymous folio at `addr` off the LRU, with a reference that is the isolation's. `None`: there is
    /// none, or somebody else was faster.
    pub(super) fn isolate_folio_at(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<FolioId> {
        let small_anon =
            |folio: FolioId| !self.folios.is_large(folio) && self.folio(folio).is_anon();
        if !self.page_at(mm, addr).is_some_and(|page| small_anon(self.folios.of(page))) {
            return None;
        }
        let folio = self.get_folio_at(cpu, mm, addr)?;
        if small_anon(folio)
            && self.folio(folio).flags.change_bits(cpu, 0, flags::LRU) & flags::LRU != 0
        {
            return Some(folio);
        }
        self.folio_put(cpu, folio);
        None
    }

    /// `move_folios_to_lru`: an isolated folio goes back to the LRU, if anybody still wants it.
    fn move_folio_to_lru(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio(folio).flags.change_bits(cpu, flags::LRU, 0);
        self.folio_put(cpu, folio);
    }

    /// The part of `shrink_folio_list` under the folio lock.
    fn reclaim_locked(&self, cpu: &Cpu<'_>, folio: FolioId) -> Reclaim {
        let f = self.folio(folio);
        if !f.has(flags::SWAPCACHE)
            && (self.folio_maybe_dma_pinned(cpu, folio) || !self.add_to_swap(cpu, folio))
        {
            return Reclaim::KeepLocked;
        }
        if self.read_mapped(cpu, folio) {
            self.try_to_unmap(cpu, folio, TtuFlags { batch_flush: true, ..TtuFlags::default() });
            if self.read_mapped(cpu, folio) {
                return Reclaim::KeepLocked;
            }
        }
        cpu.pass(ip::reclaim_unmapped);
        // It is not mapped, so nobody can pin it from now on.
        if self.folio_maybe_dma_pinned(cpu, folio) {
            return Reclaim::KeepLocked;
        }
        if f.has(flags::DIRTY) {
            // A CPU may still write to it until then.
            self.try_to_unmap_flush_dirty(cpu);
            // is_page_cache_freeable(): no point in writing what somebody holds on to.
            if f.refcount.read_once(cpu) as i64 != ISOLATED_AND_CACHED {
                return Reclaim::KeepLocked;
            }
            f.flags.poke_bits(0, flags::DIRTY);
            self.swap_writepage(cpu, folio);
            if f.has(flags::DIRTY) || !f.lock.trylock(cpu) {
                return Reclaim::Keep;
            }
            // The lock was free: a fault may have taken the folio back, and out of the swap cache.
            if f.has(flags::DIRTY) {
                return Reclaim::KeepLocked;
            }
        }
        if self.remove_mapping(cpu, folio) { Reclaim::Frozen } else { Reclaim::KeepLocked }
    }

    /// `swap_writepage` to a device that writes at once; drops the folio lock. If the last entry was zapped
    /// meanwhile the folio leaves the swap cache instead, and is dirty.
    fn swap_writepage(&self, cpu: &Cpu<'_>, folio: FolioId) {
        if !self.folio_free_swap(cpu, folio)
            && let Some(slot) = self.folio_swap_slot(folio)
        {
            let content = self.page(self.folios.head(folio)).content.read_once(cpu);
            self.swap.slot(slot).content.write_once(cpu, content);
        }
        self.folio(folio).lock.unlock(cpu);
    }

    /// `__remove_mapping`: freezes the folio if nobody else holds it, and takes it out of the swap cache. A fault
    /// that has looked it up in the cache holds a reference, and keeps it.
    fn remove_mapping(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let Some(slot) = self.folio_swap_slot(folio) else { return false };
        self.swap.lock.lock(cpu);
        let mut removed = self.folio_ref_freeze(cpu, folio, ISOLATED_AND_CACHED);
        if removed {
            cpu.pass(ip::reclaim_frozen);
            removed = !self.folio(folio).has(flags::DIRTY);
            if removed {
                self.__delete_from_swap_cache(cpu, folio, slot);
            } else {
                self.folio_ref_unfreeze(cpu, folio, ISOLATED_AND_CACHED);
            }
        }
        self.swap.lock.unlock(cpu);
        removed
    }
}
