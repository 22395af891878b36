//! MADV_COLD and MADV_PAGEOUT: pages of a range that nobody else maps are the first that reclaim takes, or are reclaimed
//! at once (kernel-semantics section 11.5).

use super::kernel::Kernel;
use super::khugepaged::Errno;
use super::pgtable::{Lockptr, PteMap};
use super::place::func;
use super::types::{FolioId, MmId, Pmd, Vaddr, VmaId};
use super::vma::VmFlags;
use crate::sync::Cpu;

/// A walk of one of the two.
#[derive(Debug)]
struct LruWalk {
    mm: MmId,
    /// MADV_PAGEOUT: what was isolated in this PMD's range.
    isolated: Option<Vec<FolioId>>,
}

impl Kernel {
    /// `madvise(MADV_COLD)`, or with `pageout` `madvise(MADV_PAGEOUT)`, of the pages from `start` on, VMA by VMA.
    /// EINVAL: the range has a VM_LOCKED VMA, and what lies behind it was not looked at. ENOMEM: it has a hole.
    pub fn madvise_cold(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
        pageout: bool,
    ) -> Errno {
        let _f = cpu.enter(if pageout { func::madvise_pageout } else { func::madvise_cold });
        self.madvise_walk_vmas(cpu, mm, start, pages, &mut |vma, from, to| {
            if self.vma(vma).spec().flags.has(VmFlags::LOCKED) {
                return Errno::Einval;
            }
            self.lru_add_drain(cpu);
            let tlb = self.tlb_gather_mmu(cpu, mm);
            let mut walk = LruWalk { mm, isolated: pageout.then(Vec::new) };
            for (addr, end) in self.units(from, to) {
                self.madvise_cold_or_pageout_pte_range(cpu, &mut walk, addr, end);
                if let Some(list) = &mut walk.isolated {
                    self.reclaim_pages(cpu, std::mem::take(list));
                }
            }
            self.tlb_finish_mmu(cpu, tlb);
            Errno::Ok
        })
    }

    /// `madvise_walk_vmas` under mmap_lock for read: calls `visit` for each VMA of the range with its part of it, until
    /// it fails. ENOMEM: there was a hole, but what lies behind it was visited too.
    pub(super) fn madvise_walk_vmas(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
        visit: &mut dyn FnMut(VmaId, Vaddr, Vaddr) -> Errno,
    ) -> Errno {
        let end = Vaddr(start.0.saturating_add(pages));
        let (mut addr, mut hole) = (start, Errno::Ok);
        self.mmap_read_lock(cpu, mm);
        while addr < end {
            // find_vma()
            let tree = self.mm(mm).vma_tree.read_once(cpu);
            let behind = self.vmas_of(tree).filter(|&vma| self.vma(vma).spec().end > addr);
            let next = behind.min_by_key(|&vma| self.vma(vma).spec().start);
            let Some(vma) = next.filter(|&vma| self.vma(vma).spec().start < end) else {
                hole = Errno::Enomem;
                break;
            };
            let spec = self.vma(vma).spec();
            if spec.start > addr {
                hole = Errno::Enomem;
            }
            let to = end.min(spec.end);
            let errno = visit(vma, addr.max(spec.start), to);
            if errno != Errno::Ok {
                hole = errno;
                break;
            }
            addr = to;
        }
        self.mmap_read_unlock(cpu, mm);
        hole
    }

    /// The parts of a range that lie in one huge unit each (`pmd_addr_end`).
    pub(super) fn units(&self, from: Vaddr, to: Vaddr) -> impl Iterator<Item = (Vaddr, Vaddr)> {
        let hpn = self.hpn;
        let mut addr = from.0;
        std::iter::from_fn(move || {
            let part = (addr, ((addr / hpn + 1) * hpn).min(to.0));
            addr = part.1;
            (part.0 < part.1).then_some((Vaddr(part.0), Vaddr(part.1)))
        })
    }

    /// `madvise_cold_or_pageout_pte_range`, of the part of one PMD entry.
    fn madvise_cold_or_pageout_pte_range(
        &self,
        cpu: &Cpu<'_>,
        walk: &mut LruWalk,
        start: Vaddr,
        end: Vaddr,
    ) {
        let pmd = self.pmdp_get_lockless(cpu, walk.mm, start);
        if pmd.is_trans_huge() {
            let Some(pml) = self.pmd_trans_huge_lock(cpu, walk.mm, start) else { return };
            if !self.cold_huge_pmd(cpu, walk, (start, end), pml) {
                return;
            }
        }
        let Some((mut pte, mut ptl)) = self.pte_offset_map_lock(cpu, walk.mm, start) else {
            return;
        };
        self.flush_tlb_batched_pending(cpu, walk.mm);
        let mut addr = start;
        while addr < end {
            let entry = self.ptep_get(cpu, pte, addr);
            let page = if entry.is_present() { self.vm_normal_page(entry) } else { None };
            if let Some(page) = page {
                let folio = self.folios.of(page);
                if self.folios.is_large(folio) {
                    match self.split_under_ptl(cpu, walk.mm, addr, folio, ptl) {
                        Some(again) => (pte, ptl) = again,
                        None => return,
                    }
                    continue;
                }
                self.cold_page(cpu, walk, folio);
            }
            addr.0 += 1;
        }
        self.pte_unmap_unlock(cpu, ptl);
    }

    /// One small folio. Other mappings are not interfered with. (Whether the entry is young only moves a page on the
    /// LRU, which the model does not have.)
    fn cold_page(&self, cpu: &Cpu<'_>, walk: &mut LruWalk, folio: FolioId) {
        let listed = self.folio(folio).has(super::folio::flags::LRU);
        if !listed || self.folio_mapcount(folio) != 1 {
            return;
        }
        if let Some(list) = &mut walk.isolated
            && self.folio_isolate_lru(cpu, folio)
        {
            list.push(folio);
        }
    }

    /// A huge PMD entry, under pml, which is dropped. `true`: it was split, go on with the PTEs.
    fn cold_huge_pmd(
        &self,
        cpu: &Cpu<'_>,
        walk: &mut LruWalk,
        (start, end): (Vaddr, Vaddr),
        pml: Lockptr,
    ) -> bool {
        let pmd = Pmd(self.pmdp(walk.mm, start).peek());
        let folio = self.folios.of(pmd.pfn());
        if !pmd.is_present() || self.folio_estimated_sharers(folio) != 1 {
            self.lock(pml).unlock(cpu);
            return false;
        }
        if end.0 - start.0 != self.hpn {
            self.folio_get(cpu, folio);
            self.lock(pml).unlock(cpu);
            self.folio(folio).lock.lock(cpu);
            let split = self.split_folio(cpu, folio);
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
            return split;
        }
        if let Some(list) = &mut walk.isolated
            && self.folio_isolate_lru(cpu, folio)
        {
            list.push(folio);
        }
        self.lock(pml).unlock(cpu);
        false
    }

    /// `folio_estimated_sharers`: how often the first page is mapped.
    pub fn folio_estimated_sharers(&self, folio: FolioId) -> i64 {
        let f = self.folio(folio);
        let entire =
            if self.folios.is_large(folio) { f.entire_mapcount.peek() as i64 + 1 } else { 0 };
        self.page(self.folios.head(folio)).mapcount.peek() as i64 + 1 + entire
    }

    /// Splits the large folio that a PTE at `addr` maps, if nobody else seems to map it: its lock is taken under ptl, and
    /// ptl dropped for the split. `Some`: the table again, locked. `None`: give up, nothing is held.
    pub(super) fn split_under_ptl(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        folio: FolioId,
        ptl: Lockptr,
    ) -> Option<(PteMap, Lockptr)> {
        if self.folio_estimated_sharers(folio) != 1 || !self.folio(folio).lock.trylock(cpu) {
            self.pte_unmap_unlock(cpu, ptl);
            return None;
        }
        self.folio_get(cpu, folio);
        self.pte_unmap_unlock(cpu, ptl);
        let split = self.split_folio(cpu, folio);
        self.folio(folio).lock.unlock(cpu);
        self.folio_put(cpu, folio);
        if split { self.pte_offset_map_lock(cpu, mm, addr) } else { None }
    }
}
