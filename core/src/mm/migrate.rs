//! Migration: a folio moves to other frames while nobody can reach it (kernel-semantics section 11.6).

use super::folio::{Mapping, flags};
use super::kernel::{Kernel, Width};
use super::place::{func, ip};
use super::rmap::TtuFlags;
use super::types::{FolioId, MmId, Vaddr};
use crate::sync::{Cpu, Spinlock};

/// What moves with the content. PG_anon_exclusive is in the migration entry, PG_dirty moves under the lock of the cache,
/// PG_lru is set when the new folio is listed.
const MOVED: u64 = flags::UPTODATE | flags::SWAPBACKED;

/// `enum migrate_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// MIGRATE_ASYNC: never waits for a lock; many folios are unmapped with one flush.
    Async,
    /// MIGRATE_SYNC.
    Sync,
}

impl Kernel {
    /// Whether a PMD entry can name a huge page that is about to be elsewhere.
    fn huge_folios_migrate(&self) -> bool {
        self.config.width == Width::X64
    }

    /// Migration of the folio that is mapped at `addr` now: `migrate_pages` of a list of one, first without waiting for
    /// anybody, then patiently. May sleep. Returns whether it moved; if not, it is mapped again as it was.
    pub fn migrate_page(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> bool {
        self.lru_add_drain_all(cpu);
        let Some(src) = self.isolate_folio_at(cpu, mm, addr) else { return false };
        let mut list = vec![src];
        if self.folios.is_large(src) && !self.huge_folios_migrate() {
            self.try_split_folio(cpu, src, &mut list);
        }
        let mut moved = 0;
        for folio in list {
            let done = [Mode::Async, Mode::Sync]
                .into_iter()
                .any(|mode| self.migrate_folio(cpu, folio, mode));
            if !done {
                self.folio_putback_lru(cpu, folio);
            }
            moved += u32::from(done);
        }
        moved != 0
    }

    /// `try_split_folio`: if it can be split, its tails join the list.
    fn try_split_folio(&self, cpu: &Cpu<'_>, folio: FolioId, list: &mut Vec<FolioId>) {
        self.folio(folio).lock.lock(cpu);
        self.split_huge_page_to_list(cpu, folio, Some(list));
        self.folio(folio).lock.unlock(cpu);
    }

    /// One attempt. `true`: the folio moved, or there was nothing to move, and the isolation's reference is put.
    fn migrate_folio(&self, cpu: &Cpu<'_>, src: FolioId, mode: Mode) -> bool {
        let _f = cpu.enter(func::migrate_folio);
        let large = self.folios.is_large(src);
        if large && !self.huge_folios_migrate() {
            return false;
        }
        if self.folio(src).refcount.read_once(cpu) == 1 {
            // It was freed under us: ours is the last reference.
            self.folio_put(cpu, src);
            return true;
        }
        let Some(dst) = self.folio_alloc(cpu, large) else { return false };
        let (src_lock, dst_lock) = (&self.folio(src).lock, &self.folio(dst).lock);
        let mut locked = src_lock.trylock(cpu);
        if !locked && mode == Mode::Sync {
            src_lock.lock(cpu);
            locked = true;
        }
        let mut moved = false;
        if locked {
            // Nobody else knows the new folio: its lock is free.
            dst_lock.trylock(cpu);
            moved = self.migrate_locked(cpu, src, dst, mode);
            if moved {
                dst_lock.unlock(cpu);
                self.folio_put(cpu, dst);
                src_lock.unlock(cpu);
                self.folio_put(cpu, src);
                return true;
            }
            src_lock.unlock(cpu);
            dst_lock.unlock(cpu);
        }
        self.folio_put(cpu, dst);
        moved
    }

    /// `migrate_folio_unmap` and `migrate_folio_move`, between the locks. Whoever faults on a migration entry
    /// waits for the source's lock.
    fn migrate_locked(&self, cpu: &Cpu<'_>, src: FolioId, dst: FolioId, mode: Mode) -> bool {
        let anon_vma = (self.steps.vma.migrate_anon_vma_ref)(cpu, self, src);
        let was_mapped =
            self.folio(src).peek_mapping() != Mapping::None && self.read_mapped(cpu, src);
        if was_mapped {
            let batch_flush = mode == Mode::Async;
            self.try_to_migrate(cpu, src, TtuFlags { batch_flush, ..TtuFlags::default() });
            (self.steps.migrate_flush)(cpu, self);
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

    /// `folio_migrate_mapping`: `dst` takes the place of `src` in the swap cache or in the page cache. `false`:
    /// somebody else holds a reference, or `src` was truncated.
    fn folio_migrate_mapping(&self, cpu: &Cpu<'_>, src: FolioId, dst: FolioId) -> bool {
        let _f = cpu.enter(func::folio_migrate_mapping);
        let from = self.folio(src);
        if let Some(slot) = self.folio_swap_slot(src) {
            return self.migrate_in_cache(cpu, src, dst, &self.swap.lock, |k| {
                k.replace_in_swap_cache(cpu, src, dst, slot);
            });
        }
        match from.read_mapping(cpu) {
            Mapping::File(file) => {
                self.migrate_in_cache(cpu, src, dst, &self.mapping(file).xa_lock, |k| {
                    k.replace_in_page_cache(cpu, file, src, dst);
                })
            }
            Mapping::None => false,
            Mapping::Anon(_) => {
                // Only the isolation's reference: nobody can find the page, there is nothing to freeze.
                let alone = from.refcount.read_once(cpu) == 1;
                if alone {
                    self.folio(dst).init_mapping(from.peek_mapping(), from.index());
                    self.move_flags(src, dst, flags::SWAPBACKED | flags::DIRTY);
                }
                alone
            }
        }
    }

    /// The part with a cache: frozen, the folio cannot be found, and not be written to by who has found it before.
    fn migrate_in_cache(
        &self,
        cpu: &Cpu<'_>,
        src: FolioId,
        dst: FolioId,
        lock: &Spinlock,
        replace: impl FnOnce(&Kernel),
    ) -> bool {
        let from = self.folio(src);
        let pages = i64::from(self.folios.nr_pages(src));
        let expected = 1 + pages;
        cpu.pass(ip::migrate_freeze);
        lock.lock(cpu);
        let frozen = (self.steps.migrate_freeze)(cpu, self, src, expected);
        if frozen {
            self.folio(dst).init_mapping(from.peek_mapping(), from.index());
            self.move_flags(src, dst, flags::SWAPBACKED | flags::DIRTY);
            from.flags.poke_bits(0, flags::DIRTY);
            replace(self);
            self.folio_ref_unfreeze(cpu, src, expected - pages);
        }
        lock.unlock(cpu);
        if frozen && !from.is_anon() {
            // Who waits for its lock sees that it is no longer in the file.
            from.set_mapping(cpu, Mapping::None);
        }
        frozen
    }

    fn move_flags(&self, src: FolioId, dst: FolioId, which: u64) {
        self.folio(dst).flags.poke_bits(self.folio(src).flags.peek() & which, 0);
    }

    /// `folio_migrate_copy`: the content, page by page, and the flags.
    fn folio_migrate_copy(&self, cpu: &Cpu<'_>, src: FolioId, dst: FolioId) {
        for (from, to) in self.folios.pfns(src).zip(self.folios.pfns(dst)) {
            let content = self.page(from).content.read_once(cpu);
            self.page(to).content.write_once(cpu, content);
        }
        self.move_flags(src, dst, MOVED);
    }
}
