//! `__collapse_huge_page_copy`: the contents move to the huge page, and the old pages go.

use super::CollapseHuge;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::khugepaged::scan_pmd::is_none_or_zero;
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, Pfn, Pte, Rss, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `__collapse_huge_page_copy`. Nobody else can reach the table or write to a page. RCU is held: no sleeping.
    ///
    /// SCAN_COPY_MC: the memory of an old page is broken. Then the old table is back, and its pages are released.
    pub(super) fn collapse_huge_page_copy(
        &self,
        cpu: &Cpu<'_>,
        c: &mut CollapseHuge,
    ) -> ScanResult {
        let _f = cpu.enter(func::collapse_huge_page_copy);
        let head = self.folios.head(c.hpage).0;
        for i in 0..self.hpn {
            let entry = self.ptep_get(cpu, c.pte, c.addr(i));
            let mut content = 0;
            if !is_none_or_zero(entry) {
                cpu.pass(ip::ch6);
                let page = self.page(entry.pfn());
                if page.is_hwpoison() {
                    (self.steps.anon.copy_failed)(cpu, self, c);
                    return ScanResult::CopyMc;
                }
                content = page.content.read_once(cpu);
            }
            // Nobody else knows the huge page: what is stored there is no step.
            self.page(Pfn(head + i)).content.poke(content);
        }
        self.copy_succeeded(cpu, c);
        ScanResult::Succeed
    }

    /// `__collapse_huge_page_copy_succeeded`: the table is emptied, and the old pages are given back.
    fn copy_succeeded(&self, cpu: &Cpu<'_>, c: &CollapseHuge) {
        let s = &self.steps.anon;
        for i in 0..self.hpn {
            let addr = c.addr(i);
            let entry = self.ptep_get(cpu, c.pte, addr);
            if is_none_or_zero(entry) {
                // A page of the huge page that was not there before.
                (s.count_zero_page)(cpu, self, c);
                if !entry.is_none() {
                    (s.clear_old_pte)(cpu, self, c, addr, entry);
                }
                continue;
            }
            let folio = self.folios.of(entry.pfn());
            if !self.folios.is_large(folio) {
                (s.unlock_page)(cpu, self, folio);
                (s.putback_lru)(cpu, self, folio);
            }
            (s.clear_old_pte)(cpu, self, c, addr, entry);
            (s.free_old_page)(cpu, self, folio);
        }
        for &folio in &c.compound {
            (s.unlock_page)(cpu, self, folio);
            self.free_swap_cache(cpu, folio);
            (s.putback_lru)(cpu, self, folio);
        }
    }
}

/// `add_mm_counter(mm, MM_ANONPAGES, 1)`.
pub fn count_zero_page(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    k.mm(c.mm).add_counter(cpu, Rss::Anon, 1);
}

/// `ptep_clear` and `page_remove_rmap`, under ptl ("mostly unnecessary").
pub fn clear_old_pte(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge, addr: Vaddr, entry: Pte) {
    if let Some(ptl) = c.ptl {
        k.lock(ptl).lock(cpu);
        k.ptep_get_and_clear(cpu, c.mm, c.pte, addr);
        if !entry.is_special() {
            (k.steps.anon.remove_rmap)(cpu, k, entry.pfn());
        }
        k.lock(ptl).unlock(cpu);
    }
}

/// The same, but the entry stays.
pub fn leave_old_pte(cpu: &Cpu<'_>, k: &Kernel, _: &CollapseHuge, _: Vaddr, entry: Pte) {
    if !entry.is_special() {
        (k.steps.anon.remove_rmap)(cpu, k, entry.pfn());
    }
}

/// The same without ptl.
pub fn clear_old_pte_unlocked(
    cpu: &Cpu<'_>,
    k: &Kernel,
    c: &CollapseHuge,
    addr: Vaddr,
    entry: Pte,
) {
    k.ptep_get_and_clear(cpu, c.mm, c.pte, addr);
    leave_old_pte(cpu, k, c, addr, entry);
}

/// `free_page_and_swap_cache`: the reference that the entry had.
pub fn free_old_page(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    k.free_swap_cache(cpu, folio);
    k.folio_put(cpu, folio);
}
