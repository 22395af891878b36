//! `handle_userfault`: a fault waits for somebody who resolves it (kernel-semantics section 10.10).

use crate::mm::filemap::Slot;
use crate::mm::kernel::Kernel;
use crate::mm::memory::{FaultResult, VmFault};
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, Pmd};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// Why a fault is userfaultfd's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// VM_UFFD_MISSING: there is no page.
    Missing,
    /// VM_UFFD_WP: the page is write-protected.
    Wp,
    /// VM_UFFD_MINOR: the page cache has the page.
    Minor,
}

impl Kernel {
    /// `handle_userfault`: the lock of the fault is held, no page-table lock is. VM_FAULT_RETRY: that lock is gone, and
    /// the fault was resolved, or a signal came.
    ///
    /// It is queued before it looks whether it need wait: whoever resolves it later finds it there.
    pub fn handle_userfault(&self, cpu: &Cpu<'_>, vmf: &VmFault, reason: Reason) -> FaultResult {
        let _f = cpu.enter(func::handle_userfault);
        cpu.might_sleep();
        self.uffd_enqueue(cpu, vmf.mm, vmf.addr);
        let must_wait = self.userfaultfd_must_wait(cpu, vmf, reason);
        self.release_fault_lock(cpu, vmf);
        cpu.pass(ip::uff1);
        if must_wait && !self.mm(vmf.mm).is_group_exit() {
            self.uffd_wait(cpu, vmf.mm, vmf.addr);
        }
        self.uffd_dequeue(cpu, vmf.mm);
        FaultResult::Retry
    }

    /// `userfaultfd_must_wait`: whether the page tables look as if the fault were still to be resolved. No lock is held.
    fn userfaultfd_must_wait(&self, cpu: &Cpu<'_>, vmf: &VmFault, reason: Reason) -> bool {
        loop {
            let pmd: Pmd = self.pmdp_get_lockless(cpu, vmf.mm, vmf.addr);
            if pmd.is_none() {
                return true;
            }
            if !pmd.is_present() {
                return false;
            }
            if pmd.is_trans_huge() {
                return !pmd.is_write() && reason == Reason::Wp;
            }
            let Some((pte, _)) = self.pte_offset_map_nolock(cpu, vmf.mm, vmf.addr) else {
                continue;
            };
            let entry = self.ptep_get_lockless(cpu, pte, vmf.addr);
            self.pte_unmap(cpu);
            return entry.is_none()
                || entry.is_marker()
                || !entry.is_write() && reason == Reason::Wp;
        }
    }

    /// Whether a fault on a page that the cache has, or swap, is a minor one that userfaultfd wants to hear of.
    pub fn shmem_userfault_minor(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        vmf: &VmFault,
    ) -> bool {
        if !self.vma(vmf.vma).spec().flags.has(VmFlags::UFFD_MINOR) {
            return false;
        }
        if matches!(self.mapping(file).slot(index), Slot::Value(_)) {
            return true;
        }
        let found = self.filemap_get_folio(cpu, file, index);
        if let Some(folio) = found {
            self.folio_put(cpu, folio);
        }
        found.is_some()
    }
}
