//! Zap: removes entries of a range, and whatever they counted (kernel-semantics section 11.1).
//!
//! mmap_lock or i_mmap_rwsem keeps the VMA, for read: faults, collapses and other zaps work on the same tables.

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::{PteMap, RssDebt};
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{FolioId, Pte, Rss, Vaddr, VmaId};
use crate::sync::Cpu;

/// What a zap removes (`struct zap_details`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZapDetails {
    /// Private copies and swap entries too, not only pages of the file.
    pub even_cows: bool,
    /// The one folio whose mappings are to go: a zap of its PMD that is under way must be waited for.
    pub single_folio: Option<FolioId>,
    /// ZAP_FLAG_DROP_MARKER: of a file too nothing stays that userfaultfd protects.
    pub drop_marker: bool,
    /// Page tables that it empties too, where the kernel does that (`reclaim_pt`).
    pub reclaim_pt: bool,
}

impl ZapDetails {
    /// Everything (the kernel's NULL), but markers of files stay: the page may come back.
    pub const ALL: ZapDetails = ZapDetails::of(true, None);
    /// Everything, of a mapping that goes.
    pub const UNMAP: ZapDetails = ZapDetails { drop_marker: true, ..ZapDetails::ALL };

    /// Of a file, or a folio of it.
    pub const fn of(even_cows: bool, single_folio: Option<FolioId>) -> ZapDetails {
        ZapDetails { even_cows, single_folio, drop_marker: false, reclaim_pt: false }
    }
}

impl Kernel {
    /// `zap_page_range_single`: zaps `pages` pages of one VMA from `start` on. May sleep.
    ///
    /// The flush comes after the invalidation range is closed; until then the gather holds the pages.
    pub fn zap_page_range_single(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        start: Vaddr,
        pages: u32,
        details: ZapDetails,
    ) {
        let _f = cpu.enter(func::zap_page_range_single);
        let mm = self.vma(vma).spec().mm;
        self.assert_vma_stable(cpu, vma);
        let mut tlb = self.tlb_gather_mmu(cpu, mm);
        (self.steps.zap.notify_start)(cpu, self, mm, start, pages);
        self.zap_pmd_range(cpu, &mut tlb, vma, start, Vaddr(start.0 + pages), details);
        (self.steps.zap.notify_end)(cpu, self, mm, start, pages);
        self.tlb_finish_mmu(cpu, tlb);
    }

    /// `unmap_vmas`: VMAs that lie in `[start, end)`, with one invalidation range. The caller finishes the gather.
    pub fn unmap_vmas(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vmas: &[VmaId],
        (start, end): (Vaddr, Vaddr),
    ) {
        let _f = cpu.enter(func::unmap_vmas);
        let mm = tlb.mm;
        (self.steps.zap.notify_start)(cpu, self, mm, start, end.0 - start.0);
        for &vma in vmas {
            let spec = self.vma(vma).spec();
            let (from, to) = (spec.start.max(start), spec.end.min(end));
            self.zap_pmd_range(cpu, tlb, vma, from, to, ZapDetails::UNMAP);
        }
        (self.steps.zap.notify_end)(cpu, self, mm, start, end.0 - start.0);
    }

    /// `zap_pmd_range`: unit by unit; one whose PMD entry changes under it is looked at again.
    pub(in crate::mm) fn zap_pmd_range(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        start: Vaddr,
        end: Vaddr,
        details: ZapDetails,
    ) {
        let _f = cpu.enter(func::zap_pmd_range);
        let mut addr = start;
        while addr < end {
            let next = Vaddr((self.haddr(addr).0 + self.hpn).min(end.0));
            let whole = next.0 - addr.0 == self.hpn;
            let pmd = self.pmdp_get_lockless(cpu, tlb.mm, addr);
            if pmd.is_trans_huge() || pmd.is_swap_pmd() {
                if !whole {
                    self.__split_huge_pmd(cpu, vma, addr);
                } else if self.zap_huge_pmd(cpu, tlb, addr) {
                    addr = next;
                    continue;
                }
            } else if pmd.is_none()
                && whole
                && details.single_folio.is_some_and(|f| self.folios.is_large(f))
            {
                // A zap_huge_pmd() has cleared the entry and may not have removed the rmap yet.
                (self.steps.zap.wait_for_pmd)(cpu, self, tlb.mm);
            }
            if self.pmdp_get_lockless(cpu, tlb.mm, addr).is_none() {
                addr = next;
                continue;
            }
            addr = self.zap_pte_range(cpu, tlb, vma, addr, next, details);
            if addr < next {
                cpu.pass(ip::zp1);
            }
        }
    }

    /// `zap_pte_range`: returns how far it came. Not at all, if there is no table any longer; not to the end, if
    /// the batch was full.
    fn zap_pte_range(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        start: Vaddr,
        end: Vaddr,
        details: ZapDetails,
    ) -> Vaddr {
        let _f = cpu.enter(func::zap_pte_range);
        let mm = self.vma(vma).spec().mm;
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, start) else { return start };
        (self.steps.zap.batched_pending)(cpu, self, mm);
        let mut rss = [0; 4];
        let mut full = false;
        let mut addr = start;
        while addr < end && !full {
            let entry = self.ptep_get(cpu, pte, addr);
            if entry.is_present() {
                full = self.zap_present(cpu, tlb, vma, pte, addr, entry, details, &mut rss);
            } else if !entry.is_none() {
                self.zap_not_present(cpu, tlb, vma, pte, addr, entry, details, &mut rss);
            }
            addr.0 += 1;
        }
        for which in [Rss::File, Rss::Anon, Rss::Swap, Rss::Shmem] {
            (self.steps.zap.add_counter)(cpu, self, mm, which, rss[which as usize]);
        }
        cpu.pass(ip::zp2);
        let reclaim = addr == end
            && self.reclaim_pt_is_enabled(details.reclaim_pt, end.0 - start.0)
            && self.zapped_all(pte.table);
        let cleared = if reclaim { self.try_get_and_clear_pmd(cpu, mm, start, ptl) } else { None };
        let force_flush = full || tlb.has_delayed_rmap();
        if force_flush {
            (self.steps.zap.flush_under_ptl)(cpu, self, tlb);
            self.tlb_flush_rmaps(cpu, tlb);
        }
        self.pte_unmap_unlock(cpu, ptl);
        cpu.pass(ip::zp3);
        if force_flush {
            self.tlb_flush_mmu(cpu, tlb);
        }
        match cleared {
            Some(pmd) => self.free_pte(cpu, tlb, start, pmd),
            None if reclaim => self.try_to_free_pte(cpu, tlb, start),
            None => {}
        }
        addr
    }

    /// One present entry. `true`: the batch is full.
    #[expect(
        clippy::too_many_arguments,
        reason = "the locals of zap_pte_range(), as in the kernel"
    )]
    fn zap_present(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        pte: PteMap,
        addr: Vaddr,
        entry: Pte,
        details: ZapDetails,
        rss: &mut [i64; 4],
    ) -> bool {
        let is_anon = |page| self.folio_of(page).is_anon();
        if !details.even_cows && self.vm_normal_page(entry).is_some_and(is_anon) {
            return false;
        }
        // The hardware may have set the dirty bit since: what counts is the entry that was taken out.
        let taken = self.ptep_get_and_clear(cpu, tlb.mm, pte, addr);
        let entry = (self.steps.zap.taken_out)(entry, taken);
        cpu.pass(ip::zp4);
        self.tlb_remove_tlb_entry(tlb, addr, 1);
        (self.steps.uffd.zap_marker)(cpu, self, (vma, pte, addr), entry, details);
        let Some(page) = self.vm_normal_page(entry).filter(|_| entry.is_present()) else {
            return false;
        };
        let folio = self.folios.of(page);
        // A CPU may still write to a dirty page of the file through its TLB, and truncate() must not take the page
        // for unmapped before that is over: its rmap goes after the flush.
        let delay_rmap = !is_anon(page) && (self.steps.zap.delay_rmap)(entry);
        if !is_anon(page) && entry.is_dirty() {
            self.folio_mark_dirty(cpu, folio);
        }
        rss[self.mm_counter(folio) as usize] -= 1;
        if !delay_rmap {
            self.page_remove_rmap(cpu, page);
        }
        self.tlb_remove_page(cpu, tlb, folio, delay_rmap.then_some(page))
    }

    /// One swap or migration entry. The page behind a migration entry has lost its rmap and reference already.
    #[expect(
        clippy::too_many_arguments,
        reason = "the locals of zap_pte_range(), as in the kernel"
    )]
    fn zap_not_present(
        &self,
        cpu: &Cpu<'_>,
        tlb: &MmuGather,
        vma: VmaId,
        pte: PteMap,
        addr: Vaddr,
        entry: Pte,
        details: ZapDetails,
        rss: &mut [i64; 4],
    ) {
        if entry.is_uffd_wp_marker() && !self.zap_drops_markers(vma, details) {
            return;
        }
        // A swap entry stands for a private copy, a migration entry for whatever page it names, and a poisoned marker for
        // one that nobody can have.
        let page = Some(entry).filter(|entry| entry.is_migration());
        let page = page.and_then(|entry| self.migration_entry_folio(cpu, entry.pfn()));
        let cow =
            !entry.is_uffd_wp_marker() && page.is_none_or(|folio| self.folio(folio).is_anon());
        if cow && !details.even_cows {
            return;
        }
        let RssDebt(which) = self.rss_of(entry);
        if let Some(which) = which {
            rss[which as usize] -= 1;
        }
        if let Some(slot) = entry.swap_slot() {
            self.free_swap_and_cache(cpu, slot);
        }
        self.pte_clear(cpu, tlb.mm, pte, addr);
        (self.steps.uffd.zap_marker)(cpu, self, (vma, pte, addr), entry, details);
    }
}
