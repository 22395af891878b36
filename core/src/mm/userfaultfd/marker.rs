//! Markers: entries that map nothing and say something (kernel-semantics sections 10.9 and 11.1).

use crate::mm::kernel::Kernel;
use crate::mm::memory::{FaultResult, VmFault, ZapDetails};
use crate::mm::place::func;
use crate::mm::types::VmaId;
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

impl Kernel {
    /// `handle_pte_marker`: the fault found one, without a lock.
    pub fn handle_pte_marker(&self, cpu: &Cpu<'_>, vmf: &mut VmFault) -> FaultResult {
        let _f = cpu.enter(func::handle_pte_marker);
        if vmf.orig_pte.is_poisoned_marker() {
            return FaultResult::Sigbus;
        }
        if self.vma(vmf.vma).spec().flags.has(VmFlags::UFFD_WP) {
            return self.do_pte_missing(cpu, vmf);
        }
        self.pte_marker_clear(cpu, vmf);
        FaultResult::Done
    }

    /// `pte_marker_clear`: the VMA is not registered any more, so the marker says nothing. The fault comes again.
    fn pte_marker_clear(&self, cpu: &Cpu<'_>, vmf: &VmFault) {
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, vmf.mm, vmf.addr) else { return };
        if self.ptep_get(cpu, pte, vmf.addr) == vmf.orig_pte {
            self.pte_clear(cpu, vmf.mm, pte, vmf.addr);
        }
        self.pte_unmap_unlock(cpu, ptl);
    }

    /// Whether a zap takes markers of write-protection too: always of anonymous memory, whose page is lost with its
    /// entry; of a file (`zap_drop_file_uffd_wp`) only if it is told to.
    pub fn zap_drops_markers(&self, vma: VmaId, details: ZapDetails) -> bool {
        self.vma(vma).spec().file.is_none() || details.drop_marker
    }
}
