//! `zap_huge_pmd`: removes a whole huge PMD (kernel-semantics section 11.1).

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::Lockptr;
use crate::mm::place::func;
use crate::mm::tlb::MmuGather;
use crate::mm::types::{MmId, Pmd, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `zap_huge_pmd`: `false` if the entry at `haddr` is not, or not any longer, a huge one.
    ///
    /// Between the clearing and the removal of the rmap the page looks mapped, with no entry that maps it: who must
    /// not be misled by that waits for pml.
    pub fn zap_huge_pmd(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, haddr: Vaddr) -> bool {
        let _f = cpu.enter(func::zap_huge_pmd);
        let Some(pml) = self.pmd_trans_huge_lock(cpu, tlb.mm, haddr) else { return false };
        let old = self.pmdp_huge_get_and_clear(cpu, tlb.mm, haddr);
        self.tlb_remove_tlb_entry(tlb, haddr, self.hpn);
        let page = Some(old.pfn()).filter(|&pfn| self.folios.is_valid(pfn));
        if let Some(folio) = page.map(|page| self.folios.of(page)) {
            self.folio_remove_rmap_pmd(cpu, folio);
            self.mm(tlb.mm).add_counter(cpu, self.mm_counter_file(folio), -i64::from(self.hpn));
            self.lock(pml).unlock(cpu);
            if self.tlb_remove_page(tlb, folio, None) {
                self.tlb_flush_mmu(cpu, tlb);
            }
        } else {
            self.lock(pml).unlock(cpu);
        }
        true
    }

    /// `__pmd_trans_huge_lock`: pml, if the entry is a huge one under it.
    pub(in crate::mm) fn pmd_trans_huge_lock(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        haddr: Vaddr,
    ) -> Option<Lockptr> {
        let pml = self.pmd_lock(cpu, mm);
        if Pmd(self.pmdp(mm, haddr).read_once(cpu)).is_trans_huge() {
            return Some(pml);
        }
        self.lock(pml).unlock(cpu);
        None
    }
}
