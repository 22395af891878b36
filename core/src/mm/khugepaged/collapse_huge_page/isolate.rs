//! `__collapse_huge_page_isolate`: each page of the unlinked table is locked and off the LRU, and nobody but the table holds
//! it.

use super::CollapseHuge;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::khugepaged::scan_pmd::{Tally, is_none_or_zero};
use crate::mm::place::func;
use crate::mm::types::{FolioId, Pte};
use crate::sync::Cpu;

impl Kernel {
    /// `__collapse_huge_page_isolate`. ptl is held, so there is no sleeping: a page that is locked is a reason to give up.
    /// If it fails, no page is locked.
    pub(super) fn collapse_huge_page_isolate(
        &self,
        cpu: &Cpu<'_>,
        c: &mut CollapseHuge,
    ) -> ScanResult {
        let _f = cpu.enter(func::collapse_huge_page_isolate);
        let mut tally = Tally::default();
        let mut isolated = 0;
        let mut result = ScanResult::Succeed;
        while isolated < self.hpn && result == ScanResult::Succeed {
            let entry = self.ptep_get(cpu, c.pte, c.addr(isolated));
            match self.isolate_entry(cpu, c, entry, &mut tally) {
                Ok(()) => isolated += 1,
                Err(failure) => result = failure,
            }
        }
        if result == ScanResult::Succeed && !tally.writable {
            result = ScanResult::PageRo;
        } else if result == ScanResult::Succeed && c.is_khugepaged && tally.referenced == 0 {
            result = ScanResult::LackReferencedPage;
        }
        if result != ScanResult::Succeed {
            (self.steps.anon.release_pages)(cpu, self, c, isolated);
        }
        result
    }

    fn isolate_entry(
        &self,
        cpu: &Cpu<'_>,
        c: &mut CollapseHuge,
        entry: Pte,
        tally: &mut Tally,
    ) -> Result<(), ScanResult> {
        let s = &self.steps.anon;
        if is_none_or_zero(entry) {
            return self.tally_none(c.vma, tally, c.is_khugepaged);
        }
        if !(s.isolate_present)(entry) {
            return Err(ScanResult::PteNonPresent);
        }
        if (s.uffd_wp)(entry) {
            return Err(ScanResult::PteUffdWp);
        }
        let page = self.vm_normal_page(entry).ok_or(ScanResult::PageNull)?;
        let folio = self.folios.of(page);
        cpu.vm_bug_on(
            !self.folio(folio).is_anon(),
            "collapse_huge_page() meets a page that is not anonymous",
        );
        self.tally_shared(cpu, entry, tally, c.is_khugepaged)?;
        // One page after the other of the same large folio: it is dealt with once.
        let large = self.folios.is_large(folio);
        if !(large && c.compound.contains(&folio)) {
            self.isolate_folio(cpu, folio)?;
            if large {
                c.compound.push(folio);
            }
        }
        tally.referenced += u32::from(c.is_khugepaged && entry.is_young());
        tally.writable |= entry.is_write();
        Ok(())
    }

    fn isolate_folio(&self, cpu: &Cpu<'_>, folio: FolioId) -> Result<(), ScanResult> {
        let s = &self.steps.anon;
        if !(s.trylock_page)(cpu, self, folio) {
            return Err(ScanResult::PageLock);
        }
        // The PMD entry was cleared, and then GUP-fast waited for: who has a reference now was seen by both.
        let result = if !(s.check_count)(cpu, self, folio) {
            ScanResult::PageCount
        } else if !(s.isolate_lru)(cpu, self, folio) {
            ScanResult::DelPageLru
        } else {
            return Ok(());
        };
        (s.unlock_page)(cpu, self, folio);
        Err(result)
    }
}

/// Swapped out or migrated since it was swapped in: there is no page to copy.
pub fn is_present(entry: Pte) -> bool {
    entry.is_present()
}

/// `is_refcount_suitable`: a pin of GUP would go on to read and write the old page.
pub fn refcount_suitable(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    k.is_refcount_suitable(cpu, folio)
}

/// `trylock_page`: rmap, migration and swap-out of the page wait for its lock.
pub fn trylock_page(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    let locked = k.folio(folio).lock.trylock(cpu);
    if locked {
        k.folio(folio).lock.forget(cpu);
    }
    locked
}

/// `unlock_page`.
pub fn unlock_page(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    k.folio(folio).lock.unlock_inherited(cpu);
}

/// `isolate_lru_page`: reclaim does not find it.
pub fn isolate_lru(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    k.folio_isolate_lru(cpu, folio)
}

/// `putback_lru_page`.
pub fn putback_lru(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    k.folio_putback_lru(cpu, folio);
}
