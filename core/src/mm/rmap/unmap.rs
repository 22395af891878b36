//! An anonymous folio loses its mapping to swap or to migration, and gets it back (kernel-semantics 5.2, 5.4 to
//! 5.6).
//!
//! Every entry is flushed as it is cleared (`ptep_clear_flush`); the deferred flush of TTU_BATCH_FLUSH is not
//! modelled.

use super::walk::{VmaWalk, WalkFlags};
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::types::{AnonVmaId, FolioId, Pte, Rss, Vaddr, VmaId};
use crate::sync::Cpu;

/// What takes the place of a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum UnmapTo {
    /// A swap entry.
    Swap,
    /// A migration entry.
    Migration,
}

impl Kernel {
    /// `try_to_unmap`: the mapping of a locked anonymous folio becomes a swap entry. May sleep.
    ///
    /// Whether that succeeded is asked by `folio_mapped` afterwards.
    pub fn try_to_unmap(&self, cpu: &Cpu<'_>, folio: FolioId) {
        let _f = cpu.enter(func::try_to_unmap);
        self.rmap_walk_unmap(cpu, folio, UnmapTo::Swap);
    }

    /// `try_to_migrate`: the mapping of a locked anonymous folio becomes a migration entry. May sleep.
    ///
    /// The rss counter does not change: it goes on to count the entry.
    pub fn try_to_migrate(&self, cpu: &Cpu<'_>, folio: FolioId) {
        let _f = cpu.enter(func::try_to_migrate);
        self.rmap_walk_unmap(cpu, folio, UnmapTo::Migration);
    }

    /// `rmap_walk_anon` for the two above.
    fn rmap_walk_unmap(&self, cpu: &Cpu<'_>, folio: FolioId, to: UnmapTo) {
        cpu.assert_held(self.folio(folio).lock.obj());
        let Some(anon_vma) = self.folio_lock_anon_vma_read(cpu, folio) else { return };
        if let Some((vma, addr)) = self.anon_vma_find(cpu, anon_vma, folio) {
            self.try_to_unmap_one(cpu, folio, vma, addr, to);
        }
        self.anon_vma(anon_vma).rwsem.up_read(cpu);
    }

    /// The VMA of the interval tree in which the folio may be mapped, and the address (`vma_address`). Its rwsem
    /// is held: a munmap cannot take the VMA out of the tree, and so cannot free its tables.
    fn anon_vma_find(
        &self,
        cpu: &Cpu<'_>,
        anon_vma: AnonVmaId,
        folio: FolioId,
    ) -> Option<(VmaId, Vaddr)> {
        let (vma, addr) = (VmaId(anon_vma.0), Vaddr(self.folio(folio).index()));
        let linked = self.anon_vma(anon_vma).linked.read_once(cpu) != 0;
        (linked && self.vma(vma).spec().contains(addr)).then_some((vma, addr))
    }

    /// `try_to_unmap_one`, `try_to_migrate_one`: one VMA.
    fn try_to_unmap_one(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        vma: VmaId,
        addr: Vaddr,
        to: UnmapTo,
    ) {
        let mm = self.vma(vma).spec().mm;
        self.mmu_notifier_invalidate_range_start(cpu, mm, addr, 1);
        let mut walk = self.vma_walk(folio, vma, addr, WalkFlags::default());
        while self.page_vma_mapped_walk(cpu, &mut walk) {
            cpu.vm_bug_on(walk.pte.is_none(), "an order-0 folio is mapped by a PMD entry");
            let replaced = walk.pte.is_some_and(|pte| self.unmap_entry(cpu, folio, &walk, pte, to));
            if !replaced {
                self.page_vma_mapped_walk_done(cpu, &mut walk);
                break;
            }
        }
        self.mmu_notifier_invalidate_range_end(cpu, mm, addr, 1);
    }

    /// Replaces one entry, under ptl. `false`: it could not be, and is back.
    fn unmap_entry(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        walk: &VmaWalk,
        pte: PteMap,
        to: UnmapTo,
    ) -> bool {
        let (f, mm, addr) = (self.folio(folio), walk.mm, walk.address);
        let exclusive = f.has(flags::ANON_EXCLUSIVE);
        let old = self.ptep_clear_flush(cpu, mm, pte, addr);
        cpu.pass(ip::ttu1);
        if old.is_dirty() {
            f.flags.poke_bits(flags::DIRTY, 0);
        }
        let new = match to {
            UnmapTo::Swap => {
                let slot = self.folio_swap_slot(folio);
                cpu.vm_bug_on(
                    slot.is_none(),
                    "try_to_unmap() of an anonymous folio that is not in the swap cache",
                );
                let Some(slot) = slot.filter(|&slot| self.swap_duplicate(cpu, slot)) else {
                    self.set_pte_at(cpu, mm, pte, addr, old);
                    return false;
                };
                self.mm(mm).add_counter(cpu, Rss::Anon, -1);
                self.mm(mm).add_counter(cpu, Rss::Swap, 1);
                Pte::swap(slot, exclusive)
            }
            UnmapTo::Migration => {
                let shared = old.is_write() && !exclusive;
                cpu.vm_bug_on(shared, "a writable anonymous page is not exclusive");
                Pte::migration(old.pfn(), old.is_write(), exclusive)
            }
        };
        // page_try_share_anon_rmap(): the entry remembers it now. Nothing is pinned in this model, so it succeeds.
        f.flags.poke_bits(0, flags::ANON_EXCLUSIVE);
        self.set_pte_at(cpu, mm, pte, addr, new);
        self.page_remove_rmap(cpu, old.pfn());
        self.folio_put(cpu, folio);
        true
    }

    /// `remove_migration_ptes`: whatever migration entry names `old` maps `new` again (`old` itself, if the
    /// migration failed). Both are locked. May sleep.
    pub fn remove_migration_ptes(&self, cpu: &Cpu<'_>, old: FolioId, new: FolioId) {
        let _f = cpu.enter(func::remove_migration_ptes);
        cpu.assert_held(self.folio(new).lock.obj());
        // Not folio_lock_anon_vma_read(), which asks whether the folio is mapped: it is not.
        let Mapping::Anon(anon_vma) = self.folio(new).read_mapping(cpu) else { return };
        self.anon_vma(anon_vma).rwsem.down_read(cpu);
        if let Some((vma, addr)) = self.anon_vma_find(cpu, anon_vma, new) {
            let mut walk = self.vma_walk(old, vma, addr, WalkFlags { sync: true, migration: true });
            while self.page_vma_mapped_walk(cpu, &mut walk) {
                if let Some(pte) = walk.pte {
                    self.remove_migration_pte(cpu, new, &walk, pte);
                }
            }
        }
        self.anon_vma(anon_vma).rwsem.up_read(cpu);
    }

    /// `remove_migration_pte`, under ptl: no counter changes but the rmap, the reference is new.
    fn remove_migration_pte(&self, cpu: &Cpu<'_>, new: FolioId, walk: &VmaWalk, pte: PteMap) {
        self.folio_get(cpu, new);
        let entry = self.ptep_get(cpu, pte, walk.address);
        let pfn = self.folios.head(new);
        self.page_add_anon_rmap(
            cpu,
            pfn,
            entry.is_exclusive_entry() || entry.is_writable_migration(),
        );
        let present = Pte::present(pfn, entry.is_writable_migration());
        self.set_pte_at(cpu, walk.mm, pte, walk.address, present);
    }
}
