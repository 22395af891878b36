//! The page tables of VMAs that nobody finds any more (kernel-semantics section 11.3).

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::TableState;
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `free_pgtables` of VMAs in the order of their addresses. They leave the rmap trees first, so that nobody comes to
    /// their tables that way; then the tables that lie wholly between `floor` and `ceiling`, where the next VMAs that
    /// stay begin, are unlinked, with no page-table lock.
    pub(super) fn free_pgtables(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vmas: &[VmaId],
        (floor, ceiling): (Vaddr, Vaddr),
        mm_wr_locked: bool,
    ) {
        let _f = cpu.enter(func::free_pgtables);
        let mut left = vmas;
        while let Some(&first) = left.first() {
            // VMAs that lie close together are one piece, so that a table that they share goes once.
            let near = |pair: &[VmaId]| {
                self.vma(pair[1]).spec().start.0 <= self.vma(pair[0]).spec().end.0 + self.hpn
            };
            let len = 1 + left.windows(2).take_while(|&pair| near(pair)).count();
            let (piece, rest) = left.split_at(len);
            for &vma in piece {
                if mm_wr_locked {
                    (self.steps.vma.free_pgtables_start_write)(cpu, self, vma);
                }
                (self.steps.vma.unlink_before_tables)(cpu, self, vma);
            }
            cpu.pass(ip::unlinked);
            let next = rest.first().map_or(ceiling, |&next| self.vma(next).spec().start);
            let end = piece.last().map_or(ceiling, |&last| self.vma(last).spec().end);
            self.free_pgd_range(cpu, tlb, (self.vma(first).spec().start, end), floor, next);
            left = rest;
        }
        for &vma in vmas {
            (self.steps.vma.unlink_after_tables)(cpu, self, vma);
        }
    }

    /// `free_pgd_range`: the tables of `[start, end)`, but none that reaches below `floor` or beyond `ceiling`.
    fn free_pgd_range(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        (start, end): (Vaddr, Vaddr),
        floor: Vaddr,
        ceiling: Vaddr,
    ) {
        let mut haddr = self.haddr(start);
        while haddr < end {
            let next = Vaddr(haddr.0 + self.hpn);
            if haddr >= floor && next <= ceiling {
                self.free_pte_range(cpu, tlb, haddr);
            }
            haddr = next;
        }
    }

    /// `free_pte_range`: `pmd_clear`, and the table goes into the gather.
    ///
    /// The entry is read first and cleared then. Nobody should change it in between; whoever does (a collapse that
    /// holds no mmap_lock) has the table freed twice.
    fn free_pte_range(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, haddr: Vaddr) {
        let pmd = Pmd(self.pmdp(tlb.mm, haddr).read_once(cpu));
        if pmd.is_none() {
            return;
        }
        if !pmd.is_table() {
            cpu.vm_bug_on(true, "free_pgtables() finds a PMD entry that is no table");
            self.pmdp_huge_get_and_clear(cpu, tlb.mm, haddr);
            return;
        }
        let table = self.pgtable(cpu, pmd);
        self.pmd_clear(cpu, tlb.mm, haddr, TableState::Detached);
        self.pte_free_tlb(cpu, tlb, table, haddr);
        self.mm(tlb.mm).dec_nr_ptes(cpu);
    }
}

/// `unlink_anon_vmas` and `unlink_file_vma`.
pub(in crate::mm) fn unlink(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) {
    k.unlink_anon_vmas(cpu, vma);
    k.unlink_file_vma(cpu, vma);
}
