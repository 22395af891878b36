//! The walk that looks and changes nothing: `walk_page_range()` of `mm/pagewalk.c`, as smaps, pagemap and mincore call it
//! (kernel-semantics section 11.12).

use super::kernel::Kernel;
use super::pgtable::{Lockptr, PteMap};
use super::place::ip;
use super::types::{MmId, Pmd, Vaddr};
use crate::sync::Cpu;

/// What a walk comes to, of one PMD entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Walked {
    /// `pte_hole`: nothing there. No lock is held.
    Hole,
    /// A huge page or its migration entry, with pml held.
    Huge(Pmd),
    /// A table, with ptl held. It is linked, and stays so.
    Table(PteMap),
}

impl Kernel {
    /// `walk_page_range`: calls `visit` for each part of `start..end` under one PMD entry. mmap_lock is held, and the range
    /// lies in one VMA: nobody frees its tables, but a collapse may take one away.
    pub(super) fn walk_page_range(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        end: Vaddr,
        mut visit: impl FnMut(Vaddr, Vaddr, Walked),
    ) {
        let mut addr = start;
        while addr < end {
            let next = Vaddr((self.haddr(addr).0 + self.hpn).min(end.0));
            if self.walk_pmd_entry(cpu, mm, addr, |walked| visit(addr, next, walked)) {
                addr = next;
            } else {
                // ACTION_AGAIN: the table vanished between the looks. Somebody made progress, so this ends.
                cpu.pass(ip::walk_again);
            }
        }
    }

    /// One PMD entry. `false`: there was a table, and there is none now.
    fn walk_pmd_entry(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        visit: impl FnOnce(Walked),
    ) -> bool {
        if (self.steps.huge.walk_hole)(cpu, self, mm, addr) {
            visit(Walked::Hole);
            return true;
        }
        if let Some((pml, pmd)) = self.walk_huge_lock(cpu, mm, addr) {
            visit(Walked::Huge(pmd));
            self.lock(pml).unlock(cpu);
            return true;
        }
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, addr) else { return false };
        visit(Walked::Table(pte));
        self.pte_unmap_unlock(cpu, ptl);
        true
    }

    /// `pmd_trans_huge_lock`: pml, if the entry is a huge page or stands for one, both without the lock and under it.
    fn walk_huge_lock(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<(Lockptr, Pmd)> {
        let huge = |pmd: Pmd| pmd.is_trans_huge() || pmd.is_swap_pmd();
        if !huge(self.pmdp_get_lockless(cpu, mm, addr)) {
            return None;
        }
        let pml = self.pmd_lock(cpu, mm);
        let pmd = Pmd(self.pmdp(mm, addr).read_once(cpu));
        if huge(pmd) {
            return Some((pml, pmd));
        }
        self.lock(pml).unlock(cpu);
        None
    }
}

/// One reading of the entry. What it becomes afterwards is found out under its lock.
pub(super) fn is_hole(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, addr: Vaddr) -> bool {
    k.pmdp_get_lockless(cpu, mm, addr).is_none()
}
