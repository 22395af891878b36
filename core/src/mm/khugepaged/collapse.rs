//! `collapse_pte_mapped_thp`: one entrance, whatever the era.

use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{MmId, Pmd, Vaddr};
use crate::sync::Cpu;

use super::ScanResult;

impl Kernel {
    /// `collapse_pte_mapped_thp(mm, addr, install_pmd)`: the page table around `addr` maps subpages of one huge
    /// page of the page cache and nothing else: remove it, and map the huge page by a PMD if asked to.
    ///
    /// The caller holds mmap_lock; which way depends on the era.
    pub fn collapse_pte_mapped_thp(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        install_pmd: bool,
    ) -> ScanResult {
        let _f = cpu.enter(func::collapse_pte_mapped_thp);
        self.assert_only_mmap_locked(cpu);
        (self.steps.collapse_pte_mapped_thp)(cpu, self, mm, addr, install_pmd)
    }

    /// `find_pmd_or_thp_or_none` (section 9.3): one look at the PMD entry, without a lock.
    pub fn find_pmd_or_thp_or_none(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> ScanResult {
        let _f = cpu.enter(func::find_pmd_or_thp_or_none);
        let pmd = self.pmdp_get_lockless(cpu, mm, addr);
        if pmd.is_none() {
            ScanResult::PmdNone
        } else if !(self.steps.find_pmd_present)(pmd) {
            ScanResult::PmdNull
        } else if pmd.is_trans_huge() {
            ScanResult::PmdMapped
        } else if pmd.is_bad() {
            ScanResult::PmdNull
        } else {
            ScanResult::Succeed
        }
    }

    /// `pmd_none`, without a step: for oracles.
    pub fn peek_pmd(&self, mm: MmId, addr: Vaddr) -> Pmd {
        Pmd(self.pmdp(mm, addr).peek())
    }
}
