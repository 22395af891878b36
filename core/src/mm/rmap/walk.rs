//! `page_vma_mapped_walk`: from a folio and a VMA to the entries that map it, locked (kernel-semantics section 5.3).
//!
//! A walk looks at one entry after the other: the PMD entry of a huge folio, or each PTE of each of its pages. Tables may
//! come and go meanwhile; then it begins again with the PMD entry of now.

use super::rmap_walk::vma_address_end;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, MmId, Pfn, Pmd, Pte, Vaddr, VmaId};
use crate::sync::Cpu;

/// How a walk looks (`PVMW_SYNC`, `PVMW_MIGRATION`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WalkFlags {
    /// Takes ptl before it looks, and makes sure that the table is still linked: waits for whoever is about to
    /// change the entry.
    pub sync: bool,
    /// Looks for migration entries of the folio instead of mappings.
    pub migration: bool,
}

/// `struct page_vma_mapped_walk`: a walk, and where it has come to.
#[derive(Debug)]
pub struct VmaWalk {
    /// Whose tables.
    pub mm: MmId,
    /// The VMA.
    pub vma: VmaId,
    /// The address that it has come to.
    pub address: Vaddr,
    /// Behind the last address (`vma_address_end`).
    pub end: Vaddr,
    /// The table with the entry, mapped. `None` after a hit means that the PMD entry maps the folio.
    pub pte: Option<PteMap>,
    /// The PMD entry of the hit, if there was one.
    pub pmd: Option<Pmd>,
    pfn: Pfn,
    nr_pages: u32,
    flags: WalkFlags,
    /// ptl, or pml at a PMD entry, if it is held.
    ptl: Option<Lockptr>,
    /// The lock of the table that is mapped, held or not.
    table_ptl: Option<Lockptr>,
}

/// What to look at next.
enum Look {
    Pmd,
    This,
    Next,
}

impl Kernel {
    /// `DEFINE_FOLIO_VMA_WALK`: a walk that has not begun, from `address` (where `vma` has the folio's first page, or the
    /// first that it has) on.
    pub fn vma_walk(
        &self,
        folio: FolioId,
        vma: VmaId,
        address: Vaddr,
        flags: WalkFlags,
    ) -> VmaWalk {
        let (spec, nr_pages) = (self.vma(vma).spec(), self.folios.nr_pages(folio));
        VmaWalk {
            mm: spec.mm,
            vma,
            address,
            end: vma_address_end(&spec, address, self.folio(folio).index(), nr_pages),
            pte: None,
            pmd: None,
            pfn: self.folios.head(folio),
            nr_pages,
            flags,
            ptl: None,
            table_ptl: None,
        }
    }

    /// `page_vma_mapped_walk`: goes on to the next entry. `true`: there is one, and its lock is held until the
    /// next call or [`Kernel::page_vma_mapped_walk_done`]. `false`: there is none, and nothing is held.
    pub fn page_vma_mapped_walk(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> bool {
        let _f = cpu.enter(func::page_vma_mapped_walk);
        // A PMD entry was the only possible one: the last call has dealt with it.
        let over = walk.pmd.is_some() && walk.pte.is_none();
        let found = !over && self.walk_to_entry(cpu, walk);
        if !found {
            self.page_vma_mapped_walk_done(cpu, walk);
        }
        found
    }

    /// `page_vma_mapped_walk_done`: drops what the walk holds.
    pub fn page_vma_mapped_walk_done(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) {
        self.walk_unlock(cpu, walk);
        if walk.pte.take().is_some() {
            self.pte_unmap(cpu);
        }
    }

    fn walk_unlock(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) {
        if let Some(ptl) = walk.ptl.take() {
            self.lock(ptl).unlock(cpu);
        }
    }

    /// The next entry that is wanted; leaves what it has taken in `walk`.
    fn walk_to_entry(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> bool {
        let mut next = if walk.pte.is_some() { Look::Next } else { Look::Pmd };
        loop {
            next = match next {
                Look::Pmd => {
                    if let Some(hit) = self.walk_pmd(cpu, walk) {
                        return hit;
                    }
                    if self.walk_map_pte(cpu, walk) {
                        Look::This
                    } else if walk.pte.is_some() {
                        Look::Next
                    } else {
                        // The table went between the two looks (a collapse).
                        Look::Pmd
                    }
                }
                Look::This if self.walk_check_pte(cpu, walk) => return true,
                Look::This => Look::Next,
                Look::Next => match self.walk_next_pte(cpu, walk) {
                    Some(next) => next,
                    None => return false,
                },
            }
        }
    }

    /// The PMD entries from the address on, up to one that has a table (`None`), or maps the folio, or cannot.
    fn walk_pmd(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> Option<bool> {
        while walk.address < walk.end {
            let pmde = self.pmdp_get_lockless(cpu, walk.mm, walk.address);
            cpu.pass(ip::pvmw1);
            if pmde.is_trans_huge() || pmde.is_migration() {
                let pml = self.pmd_lock(cpu, walk.mm);
                walk.ptl = Some(pml);
                let pmde = Pmd(self.pmdp(walk.mm, walk.address).read_once(cpu));
                if !pmde.is_present() {
                    walk.pmd = Some(pmde);
                    let wanted = walk.flags.migration && pmde.is_migration();
                    return Some(wanted && self.walk_check_pmd(walk, pmde.pfn()));
                }
                if pmde.is_trans_huge() {
                    walk.pmd = Some(pmde);
                    return Some(!walk.flags.migration && self.walk_check_pmd(walk, pmde.pfn()));
                }
                // The huge page was split or zapped, and a table installed: look at the PTE.
                self.walk_unlock(cpu, walk);
            } else if !pmde.is_present() {
                let spec = self.vma(walk.vma).spec();
                let haddr = self.haddr(walk.address);
                if walk.flags.sync
                    && walk.nr_pages >= self.hpn
                    && spec.transhuge_suitable(haddr, self.hpn)
                {
                    // A zap_huge_pmd() has cleared the entry and may not have removed the rmap yet.
                    let pml = self.pmd_lock(cpu, walk.mm);
                    self.lock(pml).unlock(cpu);
                }
                walk.address = Vaddr(haddr.0 + self.hpn);
                continue;
            }
            return None;
        }
        Some(false)
    }

    /// `check_pmd`: whether the huge page at `pfn` has a page of the folio.
    fn walk_check_pmd(&self, walk: &VmaWalk, pfn: Pfn) -> bool {
        pfn.0 < walk.pfn.0 + walk.nr_pages && walk.pfn.0 < pfn.0 + self.hpn
    }

    /// `map_pte`: maps and locks the table. `false` with a mapped table: the entry is of the wrong kind, and ptl
    /// was not taken for it; `false` without one: there is no table any longer.
    fn walk_map_pte(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> bool {
        if walk.flags.sync {
            let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, walk.mm, walk.address) else {
                return false;
            };
            (walk.pte, walk.ptl, walk.table_ptl) = (Some(pte), Some(ptl), Some(ptl));
            return true;
        }
        let Some((pte, ptl)) = self.pte_offset_map_nolock(cpu, walk.mm, walk.address) else {
            return false;
        };
        (walk.pte, walk.table_ptl) = (Some(pte), Some(ptl));
        let entry = self.ptep_get(cpu, pte, walk.address);
        let wanted = if walk.flags.migration { entry.is_swap_pte() } else { entry.is_present() };
        if !wanted {
            return false;
        }
        cpu.pass(ip::pvmw2);
        // The PMD entry is not looked at again: a table that a collapse has unlinked meanwhile is empty.
        self.lock(ptl).lock(cpu);
        walk.ptl = Some(ptl);
        true
    }

    /// Goes to the next PTE that is not empty, and locks it. `None`: that was the last one.
    fn walk_next_pte(&self, cpu: &Cpu<'_>, walk: &mut VmaWalk) -> Option<Look> {
        let pte = walk.pte?;
        loop {
            walk.address.0 += 1;
            if walk.address >= walk.end {
                return None;
            }
            if walk.address.0.is_multiple_of(self.hpn) {
                self.page_vma_mapped_walk_done(cpu, walk);
                return Some(Look::Pmd);
            }
            if !self.ptep_get(cpu, pte, walk.address).is_none() {
                break;
            }
        }
        if walk.ptl.is_none()
            && let Some(ptl) = walk.table_ptl
        {
            self.lock(ptl).lock(cpu);
            walk.ptl = Some(ptl);
        }
        Some(Look::This)
    }

    /// `check_pte`, under ptl.
    fn walk_check_pte(&self, cpu: &Cpu<'_>, walk: &VmaWalk) -> bool {
        let Some(pte) = walk.pte else { return false };
        let entry: Pte = self.ptep_get(cpu, pte, walk.address);
        let kind = if walk.flags.migration { entry.is_migration() } else { entry.is_present() };
        kind && (walk.pfn.0..walk.pfn.0 + walk.nr_pages).contains(&entry.pfn().0)
    }
}
