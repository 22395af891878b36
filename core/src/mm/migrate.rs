//! Migration: an anonymous page moves to another frame while nobody can reach it (kernel-semantics section 11.6).

use super::folio::flags;
use super::kernel::Kernel;
use super::place::{func, ip};
use super::rmap::TtuFlags;
use super::types::{FolioId, MmId, Vaddr};
use crate::sync::Cpu;

/// What moves with the content. PG_anon_exclusive is in the migration entry, LRU is set when the new folio is listed.
const MOVED: u64 = flags::UPTODATE | flags::DIRTY | flags::SWAPBACKED;

impl Kernel {
    /// Migration of the anonymous order-0 folio that is mapped at `addr` now: `migrate_pages` of a list of one, in
    /// one attempt. May sleep. Returns whether it moved; if not, it is mapped again as it was.
    pub fn migrate_page(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> bool {
        self.lru_add_drain_all(cpu);
        let Some(src) = self.isolate_folio_at(cpu, mm, addr) else { return false };
        let _f = cpu.enter(func::migrate_folio);
        if self.folio(src).refcount.read_once(cpu) == 1 {
            // It was freed under us: ours is the last reference.
            self.folio_put(cpu, src);
            return false;
        }
        let Some(dst) = self.folio_alloc(cpu, false) else {
            self.folio_putback_lru(cpu, src);
            return false;
        };
        let (src_lock, dst_lock) = (&self.folio(src).lock, &self.folio(dst).lock);
        if !src_lock.trylock(cpu) {
            src_lock.lock(cpu);
        }
        // Nobody else knows the new folio: its lock is free.
        dst_lock.trylock(cpu);
        let moved = self.migrate_locked(cpu, src, dst);
        if moved {
            dst_lock.unlock(cpu);
            self.folio_put(cpu, dst);
            src_lock.unlock(cpu);
            self.folio_put(cpu, src);
        } else {
            src_lock.unlock(cpu);
            self.folio_putback_lru(cpu, src);
            dst_lock.unlock(cpu);
            self.folio_put(cpu, dst);
        }
        moved
    }

    /// `migrate_folio_unmap` and `migrate_folio_move`, between the locks. Whoever faults on a migration entry
    /// waits for the source's lock.
    fn migrate_locked(&self, cpu: &Cpu<'_>, src: FolioId, dst: FolioId) -> bool {
        let anon_vma = (self.steps.migrate_anon_vma_ref)(cpu, self, src);
        let was_mapped = self.read_mapped(cpu, src);
        if was_mapped {
            self.try_to_migrate(cpu, src, TtuFlags { batch_flush: true, ..TtuFlags::default() });
            self.try_to_unmap_flush(cpu);
        }
        cpu.pass(ip::migrate_unmapped);
        let moved = !self.read_mapped(cpu, src) && self.folio_migrate_mapping(cpu, src, dst);
        if moved {
            self.folio_migrate_copy(cpu, src, dst);
            cpu.pass(ip::migrate_moved);
            self.folio_add_lru(cpu, dst);
            if was_mapped {
                self.lru_add_drain(cpu);
            }
        }
        if was_mapped {
            self.remove_migration_ptes(cpu, src, if moved { dst } else { src }, false);
        }
        if let Some(anon_vma) = anon_vma {
            self.put_anon_vma(cpu, anon_vma);
        }
        moved
    }

    /// `folio_migrate_mapping`: `dst` takes the place of `src` in the swap cache, if it stands there. `false`:
    /// somebody else holds a reference.
    fn folio_migrate_mapping(&self, cpu: &Cpu<'_>, src: FolioId, dst: FolioId) -> bool {
        let _f = cpu.enter(func::folio_migrate_mapping);
        let (from, to) = (self.folio(src), self.folio(dst));
        let Some(slot) = self.folio_swap_slot(src) else {
            // Only the isolation's reference: nobody can find the page, there is nothing to freeze.
            let alone = from.refcount.read_once(cpu) == 1;
            if alone {
                to.init_mapping(from.peek_mapping(), from.index());
                to.flags.poke_bits(from.flags.peek() & flags::SWAPBACKED, 0);
            }
            return alone;
        };
        let expected = 2;
        self.swap.lock.lock(cpu);
        let frozen = self.folio_ref_freeze(cpu, src, expected);
        if frozen {
            to.init_mapping(from.peek_mapping(), from.index());
            self.replace_in_swap_cache(cpu, src, dst, slot);
            self.folio_ref_unfreeze(cpu, src, expected - 1);
        }
        self.swap.lock.unlock(cpu);
        frozen
    }

    /// `folio_migrate_copy`: the content, and the flags.
    fn folio_migrate_copy(&self, cpu: &Cpu<'_>, src: FolioId, dst: FolioId) {
        let content = self.page(self.folios.head(src)).content.read_once(cpu);
        self.page(self.folios.head(dst)).content.write_once(cpu, content);
        self.folio(dst).flags.poke_bits(self.folio(src).flags.peek() & MOVED, 0);
    }
}
