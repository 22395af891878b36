//! Migration entries of huge pages that a PMD maps as a whole (kernel-semantics sections 5.5 and 5.6). 64 bits only.

use super::counters::RmapFlags;
use super::walk::VmaWalk;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, Pmd};
use crate::sync::Cpu;

impl Kernel {
    /// `set_pmd_migration_entry`: the huge PMD that the walk has found becomes a migration entry, under pml. `false`: the
    /// page may be pinned, and the entry is as it was.
    pub(super) fn set_pmd_migration_entry(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        walk: &VmaWalk,
    ) -> bool {
        let _f = cpu.enter(func::set_pmd_migration_entry);
        let (mm, haddr, page) = (walk.mm, walk.address, self.folios.head(folio));
        let old = self.pmdp_invalidate(cpu, mm, haddr);
        cpu.pass(ip::ttu1);
        let exclusive = self.folio(folio).is_anon() && self.page_anon_exclusive(page);
        if exclusive && !self.page_try_share_anon_rmap(cpu, page) {
            self.set_pmd_at(cpu, mm, haddr, old);
            return false;
        }
        if old.is_dirty() {
            self.folio_mark_dirty(cpu, folio);
        }
        let mut entry = Pmd::migration(page, old.is_write(), exclusive);
        if old.is_young() {
            entry = entry.mkyoung();
        }
        if old.is_dirty() {
            entry = entry.mkdirty();
        }
        if old.is_uffd_wp() {
            entry = entry.mkuffd_wp();
        }
        self.set_pmd_at(cpu, mm, haddr, entry);
        cpu.pass(ip::ttu2);
        self.folio_remove_rmap_pmd(cpu, folio);
        cpu.pass(ip::ttu3);
        self.folio_put(cpu, folio);
        true
    }

    /// `remove_migration_pmd`: the migration entry that the walk has found maps `new`, under pml.
    pub(super) fn remove_migration_pmd(&self, cpu: &Cpu<'_>, new: FolioId, walk: &VmaWalk) {
        let _f = cpu.enter(func::remove_migration_pmd);
        let Some(entry) = walk.pmd else { return };
        let (f, page) = (self.folio(new), self.folios.head(new));
        let writable = entry.is_writable_migration();
        self.folio_get(cpu, new);
        let mut huge = self.vma(walk.vma).spec().page_prot().mk_huge_pmd(page, writable);
        if entry.is_swp_uffd_wp() {
            huge = huge.mkuffd_wp();
        }
        if !entry.is_migration_young() {
            huge = huge.mkold();
        }
        if f.has(flags::DIRTY) && entry.is_migration_dirty() {
            huge = huge.mkdirty();
        }
        if f.is_anon() {
            let exclusive = entry.is_exclusive_migration();
            let how = RmapFlags { exclusive, compound: true };
            self.page_add_anon_rmap(cpu, page, walk.vma, walk.address, how);
            let shared = huge.is_write() && !self.page_anon_exclusive(page);
            cpu.vm_bug_on(shared, "a writable anonymous page is not exclusive");
        } else {
            self.folio_add_file_rmap_pmd(cpu, new);
        }
        self.set_pmd_at(cpu, walk.mm, walk.address, huge);
        cpu.pass(ip::migrate_pte_restored);
    }
}
