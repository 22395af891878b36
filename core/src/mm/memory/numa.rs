//! `do_numa_page`: a page was made inaccessible to learn who uses it (kernel-semantics section 10.3).

use super::fault::{FaultResult, VmFault};
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::place::{func, ip};
use crate::sync::Cpu;

impl Kernel {
    /// `do_numa_page`: the entry is made accessible again. There is one node, so the page never moves. The table is
    /// mapped, and unmapped on return.
    ///
    /// The entry was read without its lock: another fault may have restored it, a zap or a reclaim taken it away.
    pub(super) fn do_numa_page(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        ptl: Lockptr,
    ) -> FaultResult {
        let _f = cpu.enter(func::do_numa_page);
        cpu.pass(ip::nu1);
        self.lock(ptl).lock(cpu);
        if (self.steps.moves.numa_recheck)(cpu, self, vmf, pte) {
            let spec = self.vma(vmf.vma).spec();
            let modified = spec.page_prot().modify_pte(self.ptep_get(cpu, pte, vmf.addr));
            let writable = modified.is_write()
                || spec.wants_manual_write_upgrade()
                    && self.can_change_pte_writable(vmf.vma, modified);
            let old = self.ptep_modify_prot_start(cpu, vmf.mm, pte, vmf.addr);
            cpu.pass(ip::nu2);
            let entry = spec.page_prot().modify_pte(old).mkyoung();
            let entry = if writable { entry.mkwrite() } else { entry };
            self.set_pte_at(cpu, vmf.mm, pte, vmf.addr, entry);
        }
        self.pte_unmap_unlock(cpu, ptl);
        FaultResult::Done
    }
}

/// Under ptl, the entry is still the one that faulted.
pub(in crate::mm) fn pte_same(cpu: &Cpu<'_>, k: &Kernel, vmf: &VmFault, pte: PteMap) -> bool {
    !k.vmf_pte_changed(cpu, vmf, pte)
}
