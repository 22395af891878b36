//! `shrink_folio_list`: what becomes of folios that were taken off the LRU.

use super::remove::Written;
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::rmap::TtuFlags;
use crate::mm::types::{FolioId, MmId, Vaddr};
use crate::sync::Cpu;

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
    /// Reclaim of the folio that is mapped at `addr` now, as kswapd does it. May sleep. Returns whether it was freed; if
    /// not, it is back where it was, though perhaps unmapped, in the swap cache, or split.
    pub fn pageout(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> bool {
        // What reclaim finds on the LRU has left its batch some time ago.
        self.lru_add_drain_all(cpu);
        let Some(folio) = self.isolate_folio_at(cpu, mm, addr) else { return false };
        let mut list = vec![folio];
        let freed = self.shrink_folio_list(cpu, &mut list);
        list.into_iter().for_each(|folio| self.move_folio_to_lru(cpu, folio));
        freed != 0
    }

    /// `reclaim_pages`: the same for a list of isolated folios, as MADV_PAGEOUT does it.
    pub(in crate::mm) fn reclaim_pages(&self, cpu: &Cpu<'_>, mut list: Vec<FolioId>) {
        if list.is_empty() {
            return;
        }
        self.shrink_folio_list(cpu, &mut list);
        list.into_iter().for_each(|folio| self.folio_putback_lru(cpu, folio));
    }

    /// `shrink_folio_list`: reclaims each isolated folio of the list, and those that it is split to; leaves those that
    /// stay. Returns how many were freed. May sleep.
    fn shrink_folio_list(&self, cpu: &Cpu<'_>, list: &mut Vec<FolioId>) -> usize {
        let _f = cpu.enter(func::shrink_folio_list);
        let (mut kept, mut freed) = (Vec::new(), Vec::new());
        while let Some(folio) = list.pop() {
            let lock = &self.folio(folio).lock;
            let result = if lock.trylock(cpu) {
                self.reclaim_locked(cpu, folio, list)
            } else {
                Reclaim::Keep
            };
            if result != Reclaim::Keep {
                lock.unlock(cpu);
            }
            if result == Reclaim::Frozen { freed.push(folio) } else { kept.push(folio) }
        }
        // Before anything is freed.
        (self.steps.reclaim_flush)(cpu, self);
        freed.iter().for_each(|&folio| self.free_folio(cpu, folio));
        *list = kept;
        freed.len()
    }

    /// The part of `shrink_folio_list` under the folio lock.
    fn reclaim_locked(&self, cpu: &Cpu<'_>, folio: FolioId, list: &mut Vec<FolioId>) -> Reclaim {
        let f = self.folio(folio);
        if !self.reclaim_prepare(cpu, folio, list) {
            return Reclaim::KeepLocked;
        }
        if self.read_mapped(cpu, folio) {
            let how = TtuFlags {
                batch_flush: (self.steps.reclaim_defer_flush)(self, folio),
                split_huge_pmd: self.folios.is_large(folio),
                ..TtuFlags::default()
            };
            self.try_to_unmap(cpu, folio, how);
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
            (self.steps.reclaim_flush_dirty)(cpu, self);
            match self.writepage(cpu, folio) {
                Written::Keep => return Reclaim::KeepLocked,
                Written::Done if f.has(flags::DIRTY) || !f.lock.trylock(cpu) => {
                    return Reclaim::Keep;
                }
                // The lock was free: a fault may have taken the folio back, and out of the swap cache.
                Written::Done if f.has(flags::DIRTY) => return Reclaim::KeepLocked,
                Written::Done => {}
            }
        }
        // From here on a fault does not find the folio, and makes another one.
        (self.steps.reclaim_flush_removed)(cpu, self);
        let lazyfree = f.is_anon() && !f.has(flags::SWAPBACKED);
        let removed = if lazyfree {
            // Only the isolation's reference may be left: the folio is in no cache.
            self.folio_ref_freeze(cpu, folio, 1)
        } else {
            self.remove_mapping(cpu, folio)
        };
        if removed { Reclaim::Frozen } else { Reclaim::KeepLocked }
    }

    /// Before it is unmapped: an anonymous folio gets a place in the swap cache, a huge one is split, and its tails join
    /// the list. `false`: that was not possible.
    fn reclaim_prepare(&self, cpu: &Cpu<'_>, folio: FolioId, list: &mut Vec<FolioId>) -> bool {
        let f = self.folio(folio);
        let (swapbacked, large) = (f.has(flags::SWAPBACKED), self.folios.is_large(folio));
        if f.is_anon() {
            if !swapbacked || f.has(flags::SWAPCACHE) {
                return true;
            }
            if self.folio_maybe_dma_pinned(cpu, folio) {
                return false;
            }
            if large {
                // A place for the whole of it would need HPN free slots in a row: there are none, so the pages are
                // swapped out one by one.
                return self.can_split_folio(cpu, folio).is_some()
                    && self.split_huge_page_to_list(cpu, folio, Some(list))
                    && self.add_to_swap(cpu, folio);
            }
            return self.add_to_swap(cpu, folio);
        }
        if f.peek_mapping() == Mapping::None {
            return false;
        }
        !(swapbacked && large) || self.split_huge_page_to_list(cpu, folio, Some(list))
    }
}
