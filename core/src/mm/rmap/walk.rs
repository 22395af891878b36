//! `page_vma_mapped_walk`: from a page and a VMA to the entry that maps it, locked (kernel-semantics section 5.3).
//!
//! Order-0 anonymous folios only: a walk looks at one address, and a second call is past the end.

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, MmId, Pfn, Vaddr, VmaId};
use crate::sync::Cpu;

/// How a walk looks (`PVMW_SYNC`, `PVMW_MIGRATION`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WalkFlags {
    /// Takes ptl before it looks, and makes sure that the table is still linked: waits for whoever is about to
    /// change the entry.
    pub sync: bool,
    /// Looks for a migration entry of the page instead of a mapping.
    pub migration: bool,
}

/// `struct page_vma_mapped_walk`: a walk, and where it has come to.
#[derive(Debug)]
pub struct VmaWalk {
    /// Whose tables.
    pub mm: MmId,
    /// The address.
    pub address: Vaddr,
    /// The table with the entry, mapped. `None` after a hit means that a PMD entry maps the page.
    pub pte: Option<PteMap>,
    pfn: Pfn,
    flags: WalkFlags,
    /// ptl, or pml at a PMD entry, if it is held.
    ptl: Option<Lockptr>,
    started: bool,
}

impl Kernel {
    /// `DEFINE_FOLIO_VMA_WALK`: a walk that has not begun.
    pub fn vma_walk(
        &self,
        folio: FolioId,
        vma: VmaId,
        address: Vaddr,
        flags: WalkFlags,
    ) -> VmaWalk {
        let (mm, pfn) = (self.vma(vma).spec().mm, self.folios.head(folio));
        VmaWalk { mm, address, pte: None, pfn, flags, ptl: None, started: false }
    }

    /// `page_vma_mapped_walk`: goes on to the next entry. `true`: there is one, and its lock is held until the
    /// next call or [`Kernel::page_vma_mapped_walk_done`]. `false`: there is none, and nothing is held.
    pub fn page_vma_mapped_walk(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> bool {
        let _f = cpu.enter(func::page_vma_mapped_walk);
        let found = !walk.started && self.walk_to_entry(cpu, walk);
        walk.started = true;
        if !found {
            self.page_vma_mapped_walk_done(cpu, walk);
        }
        found
    }

    /// `page_vma_mapped_walk_done`: drops what the walk holds.
    pub fn page_vma_mapped_walk_done(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) {
        if let Some(ptl) = walk.ptl.take() {
            self.lock(ptl).unlock(cpu);
        }
        if walk.pte.take().is_some() {
            self.pte_unmap(cpu);
        }
    }

    /// Whether the entry at the address is the wanted one; leaves what it has taken in `walk`.
    fn walk_to_entry(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> bool {
        loop {
            let pmde = self.pmdp_get_lockless(cpu, walk.mm, walk.address);
            cpu.pass(ip::pvmw1);
            if pmde.is_trans_huge() {
                let pml = self.pmd_lock(cpu, walk.mm);
                walk.ptl = Some(pml);
                let pmde = self.pmdp_get_lockless(cpu, walk.mm, walk.address);
                if !pmde.is_present() {
                    return false;
                }
                if pmde.is_trans_huge() {
                    let head = pmde.pfn().0;
                    return !walk.flags.migration && (head..head + self.hpn).contains(&walk.pfn.0);
                }
                // The huge page was zapped and a table installed: look at the PTE.
                walk.ptl = None;
                self.lock(pml).unlock(cpu);
            } else if !pmde.is_present() {
                // Only for a folio of PMD size would SYNC wait here, for a zap of the PMD entry.
                return false;
            }
            if self.walk_map_pte(cpu, walk) {
                return self.walk_check_pte(cpu, walk);
            }
            if walk.pte.is_some() {
                return false;
            }
            // The table went between the two looks (a collapse): restart with the PMD entry of now.
        }
    }

    /// `map_pte`: maps and locks the table. `false` with a mapped table: the entry is of the wrong kind, and ptl
    /// was not taken for it; `false` without one: there is no table any longer.
    fn walk_map_pte(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> bool {
        if walk.flags.sync {
            let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, walk.mm, walk.address) else {
                return false;
            };
            (walk.pte, walk.ptl) = (Some(pte), Some(ptl));
            return true;
        }
        let Some((pte, ptl)) = self.pte_offset_map_nolock(cpu, walk.mm, walk.address) else {
            return false;
        };
        walk.pte = Some(pte);
        let entry = self.ptep_get(cpu, pte, walk.address);
        let wanted = if walk.flags.migration {
            !entry.is_none() && !entry.is_present()
        } else {
            entry.is_present()
        };
        if !wanted {
            return false;
        }
        cpu.pass(ip::pvmw2);
        // The PMD entry is not looked at again: a table that a collapse has unlinked meanwhile is empty.
        self.lock(ptl).lock(cpu);
        walk.ptl = Some(ptl);
        true
    }

    /// `check_pte`, under ptl.
    fn walk_check_pte(&self, cpu: &Cpu<'_>, walk: &VmaWalk) -> bool {
        let Some(pte) = walk.pte else { return false };
        let entry = self.ptep_get(cpu, pte, walk.address);
        let kind = if walk.flags.migration { entry.is_migration() } else { entry.is_present() };
        kind && entry.pfn() == walk.pfn
    }
}
