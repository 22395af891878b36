//! pt_reclaim.c of later kernels: a zap of a whole unit for MADV_DONTNEED frees the page table, too.
//!
//! See `steps/pt_reclaim.rs` for what it asks of others. It needs tables that are freed by RCU, and entries of one word.

use super::kernel::{Kernel, Width};
use super::pgtable::{Lockptr, TableState};
use super::place::ip;
use super::tlb::MmuGather;
use super::types::{MmId, Pmd, Pte, TableId, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `reclaim_pt_is_enabled`: the zap covers the whole table, and wants it to go.
    pub(super) fn reclaim_pt_is_enabled(&self, wanted: bool, pages: u32) -> bool {
        wanted
            && pages == self.hpn
            && self.config.rcu_table_free
            && self.config.width == Width::X64
            && (self.steps.pt_reclaim.reclaim)()
    }

    /// Whether a zap has skipped nothing, and left no marker behind (`any_skipped`). ptl is held.
    pub(super) fn zapped_all(&self, table: TableId) -> bool {
        let entries = self.tables.get(table);
        (0..self.hpn).all(|i| Pte(entries.entry(i).peek()).is_none())
    }

    /// `try_get_and_clear_pmd`: all entries were just cleared, and ptl is held. pml comes before ptl, so it is only tried.
    /// `None`: somebody has it.
    pub(super) fn try_get_and_clear_pmd(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        haddr: Vaddr,
        ptl: Lockptr,
    ) -> Option<Pmd> {
        let pml = self.pmd_lockptr(mm);
        if ptl != pml && !self.lock(pml).trylock(cpu) {
            return None;
        }
        let pmd = self.pmd_clear(cpu, mm, haddr, TableState::Detached);
        if ptl != pml {
            self.lock(pml).unlock(cpu);
        }
        Some(pmd)
    }

    /// `try_to_free_pte`: the same in the right order, after a look whether the table is empty still.
    pub(super) fn try_to_free_pte(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, haddr: Vaddr) {
        let mm = tlb.mm;
        cpu.pass(ip::pr1);
        let pml = self.pmd_lock(cpu, mm);
        if let Some((pte, ptl)) = self.pte_offset_map_nolock(cpu, mm, haddr) {
            if ptl != pml {
                self.lock(ptl).lock_nested(cpu);
            }
            let pmd = self
                .zapped_all(pte.table)
                .then(|| self.pmd_clear(cpu, mm, haddr, TableState::Detached));
            if ptl != pml {
                self.lock(ptl).unlock(cpu);
            }
            self.pte_unmap(cpu);
            self.lock(pml).unlock(cpu);
            if let Some(pmd) = pmd {
                self.free_pte(cpu, tlb, haddr, pmd);
            }
            return;
        }
        self.lock(pml).unlock(cpu);
    }

    /// `free_pte`: into the gather with the table.
    pub(super) fn free_pte(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, haddr: Vaddr, pmd: Pmd) {
        let table = self.pgtable(cpu, pmd);
        self.pte_free_tlb(cpu, tlb, table, haddr);
        self.mm(tlb.mm).dec_nr_ptes(cpu);
    }
}

/// `tlb_remove_table_one`: whoever walks with interrupts off is waited for, and the table freed at once.
pub(super) fn sync_and_free(cpu: &Cpu<'_>, k: &Kernel, tlb: &mut MmuGather, table: TableId) {
    k.tlb_flush_mmu_tlbonly(cpu, tlb);
    k.tlb_remove_table_sync_one(cpu);
    k.pte_free_now(cpu, table);
}

/// The same since there are walkers who hold RCU only.
pub(super) fn free_by_rcu(cpu: &Cpu<'_>, k: &Kernel, tlb: &mut MmuGather, table: TableId) {
    k.tlb_flush_mmu_tlbonly(cpu, tlb);
    k.pte_free_defer(cpu, table);
}

/// `retract_page_tables` of v6.6 does not look: nobody else can have removed the table.
pub(super) fn must_be_table(cpu: &Cpu<'_>, pmd: Pmd) -> bool {
    cpu.vm_bug_on(!pmd.is_table(), "retract_page_tables() finds no table under pml");
    pmd.is_table()
}
