//! `do_huge_pmd_numa_page`: a huge page was made inaccessible to learn who uses it (kernel-semantics section 10.2).

use crate::mm::kernel::Kernel;
use crate::mm::memory::{FaultResult, VmFault};
use crate::mm::place::func;
use crate::mm::types::{Pmd, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

impl Kernel {
    /// `do_huge_pmd_numa_page`: the entry is made accessible again. There is one node, so the page never moves.
    pub fn do_huge_pmd_numa_page(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        orig_pmd: Pmd,
    ) -> FaultResult {
        let _f = cpu.enter(func::do_huge_pmd_numa_page);
        let pml = self.pmd_lock(cpu, vmf.mm);
        if (self.steps.huge.numa_recheck)(cpu, self.pmdp(vmf.mm, vmf.addr), orig_pmd) {
            let prot_write = self.vma(vmf.vma).spec().page_prot_write();
            let mut pmd = orig_pmd.mkreadable().mkyoung();
            if prot_write || self.can_change_pmd_writable(vmf.vma, pmd) {
                pmd = pmd.mkwrite();
            }
            self.set_pmd_at(cpu, vmf.mm, self.haddr(vmf.addr), pmd);
        }
        self.lock(pml).unlock(cpu);
        FaultResult::Done
    }

    /// `can_change_pmd_writable`, asked only where `vma_wants_manual_pte_write_upgrade`: a write would succeed without
    /// telling anybody, so the entry may be writable at once.
    pub fn can_change_pmd_writable(&self, vma: VmaId, pmd: Pmd) -> bool {
        let spec = self.vma(vma).spec();
        let protected = spec.flags.has(VmFlags::UFFD_WP) && pmd.is_uffd_wp();
        if !spec.write() || protected {
            return false;
        }
        if spec.shared() {
            return pmd.is_dirty();
        }
        let anon = self.pmd_folio(pmd).is_some_and(|folio| self.folio(folio).is_anon());
        anon && self.page_anon_exclusive(pmd.pfn())
    }
}
