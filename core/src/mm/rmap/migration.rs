//! `try_to_migrate` and `remove_migration_ptes`: a locked folio is mapped by migration entries while it moves or is split
//! (kernel-semantics sections 5.5 and 5.6).
//!
//! The rss counters do not change: they go on to count the entries.

use super::counters::RmapFlags;
use super::rmap_walk::RmapLock;
use super::unmap::TtuFlags;
use super::walk::{VmaWalk, WalkFlags};
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, Pte, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `try_to_migrate`: the mappings of a locked folio become migration entries. May sleep.
    ///
    /// Whether that succeeded is asked by `folio_mapped` afterwards.
    pub fn try_to_migrate(&self, cpu: &Cpu<'_>, folio: FolioId, flags: TtuFlags) {
        let _f = cpu.enter(func::try_to_migrate);
        cpu.assert_held(self.folio(folio).lock.obj());
        self.rmap_walk(cpu, folio, flags.rmap_lock(), true, &mut |vma, addr| {
            self.try_to_migrate_one(cpu, folio, vma, addr, flags)
        });
    }

    /// `try_to_migrate_one`: one VMA. `false`: an entry had to stay.
    fn try_to_migrate_one(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        vma: VmaId,
        addr: Vaddr,
        flags: TtuFlags,
    ) -> bool {
        if flags.split_huge_pmd {
            self.split_huge_pmd_address(cpu, vma, addr, folio);
        }
        let mut walk = self.vma_walk(folio, vma, addr, flags.walk());
        let (mm, pages) = (walk.mm, walk.end.0 - addr.0);
        self.mmu_notifier_invalidate_range_start(cpu, mm, addr, pages);
        let mut replaced = true;
        while replaced && self.page_vma_mapped_walk(cpu, &mut walk) {
            replaced = match walk.pte {
                Some(pte) => self.migrate_entry(cpu, folio, &walk, pte, flags),
                None => self.set_pmd_migration_entry(cpu, folio, &walk),
            };
        }
        if !replaced {
            self.page_vma_mapped_walk_done(cpu, &mut walk);
        }
        self.mmu_notifier_invalidate_range_end(cpu, mm, addr, pages);
        replaced
    }

    /// Replaces one entry, under ptl. `false`: the page may be pinned, and the entry is as it was.
    fn migrate_entry(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        walk: &VmaWalk,
        pte: PteMap,
        flags: TtuFlags,
    ) -> bool {
        let (mm, addr) = (walk.mm, walk.address);
        let old = self.clear_for_unmap(cpu, walk, pte, flags.batch_flush);
        if old.is_dirty() {
            self.folio_mark_dirty(cpu, folio);
        }
        let anon = self.folio(folio).is_anon();
        let exclusive = anon && self.page_anon_exclusive(old.pfn());
        let shared = anon && old.is_write() && !exclusive;
        cpu.vm_bug_on(shared, "a writable anonymous page is not exclusive");
        if exclusive && !self.page_try_share_anon_rmap(cpu, old.pfn()) {
            self.set_pte_at(cpu, mm, pte, addr, old);
            return false;
        }
        let mut entry = Pte::migration(old.pfn(), old.is_write(), exclusive);
        if old.is_young() {
            entry = entry.mkyoung();
        }
        if old.is_dirty() {
            entry = entry.mkdirty();
        }
        if old.is_uffd_wp() {
            entry = entry.mkuffd_wp();
        }
        self.set_pte_at(cpu, mm, pte, addr, entry);
        cpu.pass(ip::ttu2);
        self.page_remove_rmap(cpu, old.pfn());
        cpu.pass(ip::ttu3);
        self.folio_put(cpu, folio);
        true
    }

    /// `remove_migration_ptes`: whatever migration entry names `old` maps `new` again (`old` itself, if the migration
    /// failed). Both are locked. With `locked` the caller holds the rmap lock. May sleep.
    pub fn remove_migration_ptes(&self, cpu: &Cpu<'_>, old: FolioId, new: FolioId, locked: bool) {
        let _f = cpu.enter(func::remove_migration_ptes);
        self.folio(new).lock.assert_locked(cpu);
        // Whether it is mapped is not asked: it is not.
        let lock = if locked { RmapLock::Held } else { RmapLock::Take };
        self.rmap_walk(cpu, new, lock, false, &mut |vma, addr| {
            let mut walk = self.vma_walk(old, vma, addr, WalkFlags { sync: true, migration: true });
            while self.page_vma_mapped_walk(cpu, &mut walk) {
                match walk.pte {
                    Some(pte) => self.remove_migration_pte(cpu, new, &walk, pte),
                    None => self.remove_migration_pmd(cpu, new, &walk),
                }
            }
            true
        });
    }

    /// `remove_migration_pte`, under ptl: no counter changes but the rmap, the reference is new.
    fn remove_migration_pte(&self, cpu: &Cpu<'_>, new: FolioId, walk: &VmaWalk, pte: PteMap) {
        let page = self.folio_page_at(new, walk.vma, walk.address);
        self.folio_get(cpu, new);
        let entry = self.ptep_get(cpu, pte, walk.address);
        let writable = entry.is_writable_migration();
        if self.folio(new).is_anon() {
            let how =
                RmapFlags { exclusive: entry.is_exclusive_entry() || writable, compound: false };
            self.page_add_anon_rmap(cpu, page, walk.vma, walk.address, how);
        } else {
            self.page_add_file_rmap(cpu, page);
        }
        let mut present = self.vma(walk.vma).spec().page_prot().mk_pte(page, writable);
        if !entry.is_migration_young() {
            present = present.mkold();
        }
        if self.folio(new).has(flags::DIRTY) && entry.is_migration_dirty() {
            present = present.mkdirty();
        }
        if !writable && entry.is_swp_uffd_wp() {
            present = present.mkuffd_wp();
        }
        self.set_pte_at(cpu, walk.mm, pte, walk.address, present);
        cpu.pass(ip::migrate_pte_restored);
    }
}
