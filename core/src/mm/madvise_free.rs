//! MADV_FREE: anonymous pages of a range may be thrown away, until they are written to again (kernel-semantics section
//! 11.5).

use super::folio::flags;
use super::kernel::Kernel;
use super::khugepaged::Errno;
use super::pgtable::PteMap;
use super::place::func;
use super::tlb::MmuGather;
use super::types::{FolioId, MmId, Pte, Rss, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `madvise(MADV_FREE)` of the pages from `start` on, VMA by VMA. EINVAL: one of them is not anonymous, and what lies
    /// behind it was not looked at; or there was a hole.
    pub fn madvise_free(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) -> Errno {
        let _f = cpu.enter(func::madvise_free);
        self.madvise_walk_vmas(cpu, mm, start, pages, &mut |vma, from, to| {
            if self.vma(vma).spec().file.is_some() {
                return Errno::Einval;
            }
            self.lru_add_drain(cpu);
            let mut tlb = self.tlb_gather_mmu(cpu, mm);
            self.mmu_notifier_invalidate_range_start(cpu, mm, from, to.0 - from.0);
            for (addr, end) in self.units(from, to) {
                self.madvise_free_pte_range(cpu, &mut tlb, addr, end);
            }
            self.mmu_notifier_invalidate_range_end(cpu, mm, from, to.0 - from.0);
            self.tlb_finish_mmu(cpu, tlb);
            Errno::Ok
        })
    }

    /// `madvise_free_pte_range`, of the part of one PMD entry.
    fn madvise_free_pte_range(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, start: Vaddr, end: Vaddr) {
        let mm = tlb.mm;
        if self.pmdp_get_lockless(cpu, mm, start).is_trans_huge()
            && self.madvise_free_huge_pmd(cpu, tlb, start, end)
        {
            return;
        }
        let Some((mut pte, mut ptl)) = self.pte_offset_map_lock(cpu, mm, start) else { return };
        self.flush_tlb_batched_pending(cpu, mm);
        let (mut addr, mut swapped) = (start, 0);
        while addr < end {
            let entry = self.ptep_get(cpu, pte, addr);
            if let Some(slot) = entry.swap_slot() {
                // Cheaper to fault in a page of zeroes.
                swapped += 1;
                self.free_swap_and_cache(cpu, slot);
                self.pte_clear(cpu, mm, pte, addr);
            }
            let page = if entry.is_present() { self.vm_normal_page(entry) } else { None };
            if let Some(page) = page {
                let folio = self.folios.of(page);
                if self.folios.is_large(folio) {
                    match self.split_under_ptl(cpu, mm, addr, folio, ptl) {
                        Some(again) => (pte, ptl) = again,
                        None => {
                            self.mm(mm).add_counter(cpu, Rss::Swap, -swapped);
                            return;
                        }
                    }
                    continue;
                }
                self.free_page_lazily(cpu, tlb, pte, addr, entry, folio);
            }
            addr.0 += 1;
        }
        self.mm(mm).add_counter(cpu, Rss::Swap, -swapped);
        self.pte_unmap_unlock(cpu, ptl);
    }

    /// One small folio, under ptl: neither it nor the entry is dirty afterwards, so a write can be told.
    fn free_page_lazily(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        pte: PteMap,
        addr: Vaddr,
        entry: Pte,
        folio: FolioId,
    ) {
        let f = self.folio(folio);
        if f.has(flags::SWAPCACHE) || f.has(flags::DIRTY) {
            if !f.lock.trylock(cpu) {
                return;
            }
            // The dirty flag is for all who map it.
            let ours = self.folio_mapcount(folio) == 1
                && (!f.has(flags::SWAPCACHE) || self.folio_free_swap(cpu, folio));
            if ours {
                f.flags.poke_bits(0, flags::DIRTY);
            }
            f.lock.unlock(cpu);
            if !ours {
                return;
            }
        }
        if entry.is_dirty() || entry.is_young() {
            // The hardware may have set the bits since: what counts is what was taken out.
            let old = self.ptep_get_and_clear(cpu, tlb.mm, pte, addr);
            self.set_pte_at(cpu, tlb.mm, pte, addr, old.mkold().mkclean());
            self.tlb_remove_tlb_entry(tlb, addr, 1);
        }
        self.folio_mark_lazyfree(cpu, folio);
    }

    /// `madvise_free_huge_pmd`: `true` if the huge page was dealt with as a whole.
    fn madvise_free_huge_pmd(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        start: Vaddr,
        end: Vaddr,
    ) -> bool {
        let mm = tlb.mm;
        let Some(pml) = self.pmd_trans_huge_lock(cpu, mm, start) else { return false };
        let entry = self.pmdp_get_lockless(cpu, mm, start);
        let folio = self.folios.of(entry.pfn());
        let f = self.folio(folio);
        // Others who map it would lose it too.
        let ours = entry.is_present()
            && f.is_anon()
            && self.folio_estimated_sharers(folio) == 1
            && f.lock.trylock(cpu);
        if !ours {
            self.lock(pml).unlock(cpu);
            return false;
        }
        if end.0 - start.0 != self.hpn {
            // Only these pages.
            self.folio_get(cpu, folio);
            self.lock(pml).unlock(cpu);
            self.split_folio(cpu, folio);
            f.lock.unlock(cpu);
            self.folio_put(cpu, folio);
            return false;
        }
        f.flags.poke_bits(0, flags::DIRTY);
        f.lock.unlock(cpu);
        if entry.is_young() || entry.is_dirty() {
            let old = self.pmdp_invalidate(cpu, mm, start);
            self.set_pmd_at(cpu, mm, start, old.mkold().mkclean());
            self.tlb_remove_tlb_entry(tlb, start, self.hpn);
        }
        self.folio_mark_lazyfree(cpu, folio);
        self.lock(pml).unlock(cpu);
        true
    }
}
