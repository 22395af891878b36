//! `hpage_collapse_scan_pmd`: whether a range of anonymous memory is worth a collapse (kernel-semantics section 9.11).

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::func;
use crate::mm::types::{FolioId, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

use super::ScanResult;

/// What the entries of a table came to, while they are gone through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Entries that are swapped out.
    pub(super) unmapped: u32,
    /// Entries that are empty, or map the zero page.
    pub(super) none_or_zero: u32,
    /// Pages that are mapped more than once.
    pub(super) shared: u32,
    /// Pages that somebody has used lately.
    pub(super) referenced: u32,
    /// Whether an entry permits writes.
    pub(super) writable: bool,
}

impl Kernel {
    /// `hpage_collapse_scan_pmd`, and the collapse if it is worth it. mmap_lock is held for read; it is dropped if
    /// `mmap_locked` is `false` afterwards.
    pub fn hpage_collapse_scan_pmd(
        &self,
        cpu: &Cpu<'_>,
        (vma, haddr): (VmaId, Vaddr),
        mmap_locked: &mut bool,
        is_khugepaged: bool,
    ) -> ScanResult {
        let _f = cpu.enter(func::hpage_collapse_scan_pmd);
        let mm = self.vma(vma).spec().mm;
        cpu.assert_held(self.mm(mm).mmap_lock.obj());
        match self.find_pmd_or_thp_or_none(cpu, mm, haddr) {
            ScanResult::Succeed => {}
            result => return result,
        }
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, haddr) else {
            return ScanResult::PmdNull;
        };
        let scanned = self.scan_ptes(cpu, (vma, haddr), pte, is_khugepaged);
        self.pte_unmap_unlock(cpu, ptl);
        match scanned {
            Err(result) => result,
            Ok(tally) => {
                // Whatever was seen may be over: it is looked at again when the table is this collapse's alone.
                *mmap_locked = false;
                self.collapse_huge_page(cpu, (mm, haddr), tally.unmapped, is_khugepaged)
            }
        }
    }

    fn scan_ptes(
        &self,
        cpu: &Cpu<'_>,
        (vma, haddr): (VmaId, Vaddr),
        pte: PteMap,
        is_khugepaged: bool,
    ) -> Result<Tally, ScanResult> {
        let mut tally = Tally::default();
        for addr in (haddr.0..haddr.0 + self.hpn).map(Vaddr) {
            let entry = self.ptep_get(cpu, pte, addr);
            if entry.is_swap_pte() {
                tally.unmapped += 1;
                if is_khugepaged && tally.unmapped > self.khugepaged_max_ptes_swap() {
                    return Err(ScanResult::ExceedSwapPte);
                }
                if (self.steps.anon.uffd_wp)(entry) {
                    return Err(ScanResult::PteUffdWp);
                }
            } else if is_none_or_zero(entry) {
                self.tally_none(vma, &mut tally, is_khugepaged)?;
            } else {
                self.scan_page(cpu, entry, &mut tally, is_khugepaged)?;
            }
        }
        let used =
            tally.referenced > 0 && (tally.unmapped == 0 || tally.referenced >= self.hpn / 2);
        if !tally.writable {
            Err(ScanResult::PageRo)
        } else if is_khugepaged && !used {
            Err(ScanResult::LackReferencedPage)
        } else {
            Ok(tally)
        }
    }

    /// An entry that would become a page of zeroes: not where userfaultfd wants to hear of the first access.
    pub(super) fn tally_none(
        &self,
        vma: VmaId,
        tally: &mut Tally,
        is_khugepaged: bool,
    ) -> Result<(), ScanResult> {
        tally.none_or_zero += 1;
        let too_many = is_khugepaged && tally.none_or_zero > self.khugepaged_max_ptes_none();
        if too_many || (self.steps.anon.uffd_armed)(self, vma) {
            Err(ScanResult::ExceedNonePte)
        } else {
            Ok(())
        }
    }

    /// A page that others map too is copied, and costs memory.
    pub(super) fn tally_shared(
        &self,
        cpu: &Cpu<'_>,
        entry: Pte,
        tally: &mut Tally,
        is_khugepaged: bool,
    ) -> Result<(), ScanResult> {
        if self.page_mapcount(cpu, entry.pfn()) > 1 {
            tally.shared += 1;
            if is_khugepaged && tally.shared > self.khugepaged_max_ptes_shared() {
                return Err(ScanResult::ExceedSharedPte);
            }
        }
        Ok(())
    }

    /// A present entry.
    fn scan_page(
        &self,
        cpu: &Cpu<'_>,
        entry: Pte,
        tally: &mut Tally,
        is_khugepaged: bool,
    ) -> Result<(), ScanResult> {
        if (self.steps.anon.uffd_wp)(entry) {
            return Err(ScanResult::PteUffdWp);
        }
        tally.writable |= entry.is_write();
        let page = self.vm_normal_page(entry).ok_or(ScanResult::PageNull)?;
        self.tally_shared(cpu, entry, tally, is_khugepaged)?;
        let folio = self.folios.of(page);
        if (self.steps.anon.scan_abort)(cpu, self, folio) {
            return Err(ScanResult::ScanAbort);
        }
        let f = self.folio(folio);
        if !f.has(flags::LRU) {
            return Err(ScanResult::PageLru);
        }
        if f.lock.is_locked() {
            return Err(ScanResult::PageLock);
        }
        if !f.is_anon() {
            return Err(ScanResult::PageAnon);
        }
        // Racy, and a page with a pin of GUP is not even tried.
        if !self.is_refcount_suitable(cpu, folio) {
            return Err(ScanResult::PageCount);
        }
        tally.referenced += u32::from(is_khugepaged && entry.is_young());
        Ok(())
    }

    /// `is_refcount_suitable`: nobody holds the folio but its mappings, and the swap cache. Two looks, one after the other.
    pub(super) fn is_refcount_suitable(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let cached = self.folio(folio).has(flags::SWAPCACHE);
        let swap_cache = if cached { i64::from(self.folios.nr_pages(folio)) } else { 0 };
        self.total_mapcount(cpu, folio) + swap_cache
            == self.folio(folio).refcount.read_once(cpu) as i64
    }

    /// `total_mapcount`: one step, though it adds up a whole folio.
    fn total_mapcount(&self, cpu: &Cpu<'_>, folio: FolioId) -> i64 {
        self.page(self.folios.head(folio)).mapcount.read_once(cpu);
        self.folio_mapcount(folio)
    }
}

/// `pte_none` or `is_zero_pfn`.
pub(super) fn is_none_or_zero(entry: Pte) -> bool {
    entry.is_none() || entry.is_special()
}

/// `userfaultfd_armed`.
pub fn userfaultfd_armed(k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).spec().flags.has(VmFlags::UFFD)
}

/// `pte_uffd_wp`, or `pte_swp_uffd_wp_any` of an entry that is not present: the write-protection would be lost.
pub fn uffd_wp(entry: Pte) -> bool {
    entry.is_uffd_wp() || entry.is_swp_uffd_wp() || entry.is_uffd_wp_marker()
}
