//! `__split_huge_pmd` of a page of a file (kernel-semantics section 11.7).

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{FolioId, MmId, Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `__split_huge_pmd`: the huge PMD around `addr` goes, if there is one. Its pages can be faulted in again from
    /// the page cache, so no table takes its place: the entry is empty afterwards. May sleep.
    pub fn __split_huge_pmd(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr) {
        let _f = cpu.enter(func::split_huge_pmd);
        let mm = self.vma(vma).spec().mm;
        let haddr = self.haddr(addr);
        self.mmu_notifier_invalidate_range_start(cpu, mm, haddr, self.hpn);
        let pml = self.pmd_lock(cpu, mm);
        // A zap or another split may have been faster.
        if Pmd(self.pmdp(mm, haddr).read_once(cpu)).is_trans_huge() {
            self.__split_huge_pmd_locked(cpu, mm, haddr);
        }
        self.lock(pml).unlock(cpu);
        self.mmu_notifier_invalidate_range_end(cpu, mm, haddr, self.hpn);
    }

    /// `__split_huge_pmd_locked`, under pml.
    fn __split_huge_pmd_locked(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) {
        let old = self.pmdp_huge_clear_flush(cpu, mm, haddr);
        if !self.folios.is_valid(old.pfn()) {
            return;
        }
        let folio = self.folios.of(old.pfn());
        if old.is_dirty() && !self.folio(folio).has(flags::DIRTY) {
            self.folio_mark_dirty(cpu, folio);
        }
        self.folio_remove_rmap_pmd(cpu, folio);
        (self.steps.split_uncount)(cpu, self, mm, folio);
    }
}

/// The counter, then the reference: the folio says which counter it is, so it must still be there.
pub(in crate::mm) fn uncount_then_put(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, folio: FolioId) {
    k.mm(mm).add_counter(cpu, k.mm_counter_file(folio), -i64::from(k.hpn));
    k.folio_put(cpu, folio);
}

/// The other way round, as v6.6 does it: a truncation may have left the PMD as the last user, and then a free page
/// is asked which counter it belongs to.
pub(in crate::mm) fn put_then_uncount(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, folio: FolioId) {
    k.folio_put(cpu, folio);
    k.mm(mm).add_counter(cpu, k.mm_counter_file(folio), -i64::from(k.hpn));
}
