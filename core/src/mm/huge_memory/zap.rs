//! `zap_huge_pmd`: removes a whole huge PMD (kernel-semantics section 11.1).

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::Lockptr;
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{FolioId, MmId, Pmd, Rss, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `zap_huge_pmd`: `false` if the entry at `haddr` is not, or not any longer, a huge one (or the migration entry of
    /// one).
    ///
    /// Between the clearing and the removal of the rmap the page looks mapped, with no entry that maps it: who must
    /// not be misled by that waits for pml.
    pub fn zap_huge_pmd(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, haddr: Vaddr) -> bool {
        let _f = cpu.enter(func::zap_huge_pmd);
        let mm = tlb.mm;
        let Some(pml) = self.pmd_trans_huge_lock(cpu, mm, haddr) else { return false };
        let old = self.pmdp_huge_get_and_clear(cpu, mm, haddr);
        cpu.pass(ip::zh1);
        self.tlb_remove_tlb_entry(tlb, haddr, self.hpn);
        if self.is_huge_zero_pmd(old) {
            (self.steps.huge.zap_deposited)(cpu, self, mm);
            self.lock(pml).unlock(cpu);
            return true;
        }
        let Some(folio) = self.folios.is_valid(old.pfn()).then(|| self.folios.of(old.pfn())) else {
            self.lock(pml).unlock(cpu);
            return true;
        };
        if old.is_present() {
            (self.steps.huge.zap_dirty)(cpu, self, folio, old);
            self.folio_remove_rmap_pmd(cpu, folio);
        }
        if self.folio(folio).is_anon() {
            (self.steps.huge.zap_deposited)(cpu, self, mm);
            self.mm(mm).add_counter(cpu, Rss::Anon, -i64::from(self.hpn));
        } else {
            self.mm(mm).add_counter(cpu, self.mm_counter_file(folio), -i64::from(self.hpn));
        }
        self.lock(pml).unlock(cpu);
        cpu.pass(ip::zh2);
        // The reference of a page that is being migrated went when the entry came.
        if old.is_present() && self.tlb_remove_page(cpu, tlb, folio, None) {
            self.tlb_flush_mmu(cpu, tlb);
        }
        true
    }

    /// `__pmd_trans_huge_lock`: pml, if the entry is a huge one (or the migration entry of one) under it.
    pub(in crate::mm) fn pmd_trans_huge_lock(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        haddr: Vaddr,
    ) -> Option<Lockptr> {
        let pml = self.pmd_lock(cpu, mm);
        let pmd = Pmd(self.pmdp(mm, haddr).read_once(cpu));
        if pmd.is_swap_pmd() || pmd.is_trans_huge() {
            return Some(pml);
        }
        self.lock(pml).unlock(cpu);
        None
    }
}

/// `zap_deposited_table`: the table that would have been used for a split is free, and no longer counted.
pub(in crate::mm) fn zap_deposited_table(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    if let Some(table) = k.pgtable_trans_huge_withdraw(cpu, mm) {
        k.pte_free(cpu, table);
        k.mm(mm).dec_nr_ptes(cpu);
    }
}

/// A file's page is dirty if its entry was: a read fault maps shared memory writable, and then only the hardware knows of
/// a store. Reclaim throws clean pages away.
pub(in crate::mm) fn keep_dirty(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId, old: Pmd) {
    if old.is_dirty() && !k.folio(folio).is_anon() {
        k.folio_mark_dirty(cpu, folio);
    }
}
