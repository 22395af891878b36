//! Faults where the PMD entry is empty, or maps a huge page already (kernel-semantics section 10.2).

use crate::mm::kernel::Kernel;
use crate::mm::memory::{FaultResult, VmFault};
use crate::mm::place::func;
use crate::mm::types::{MmId, Pmd, Vaddr, VmaId};
use crate::mm::userfaultfd::Reason;
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// How a fault on a huge page ended. `None` is VM_FAULT_FALLBACK: it goes on with the PTE.
pub(super) type HugeFault = Option<FaultResult>;

impl Kernel {
    /// `create_huge_pmd`: the entry was empty, and the VMA may have huge pages. Only anonymous memory has a handler:
    /// shmem has no `huge_fault`.
    pub fn create_huge_pmd(&self, cpu: &Cpu<'_>, vmf: &VmFault) -> HugeFault {
        match self.vma(vmf.vma).spec().file {
            None => self.do_huge_pmd_anonymous_page(cpu, vmf),
            Some(_) => None,
        }
    }

    /// `wp_huge_pmd`: a write to a huge page that is mapped read-only. Of a file, a copy is made of one page, and the
    /// others are faulted in again.
    pub fn wp_huge_pmd(&self, cpu: &Cpu<'_>, vmf: &VmFault, orig_pmd: Pmd) -> HugeFault {
        let _f = cpu.enter(func::wp_huge_pmd);
        let spec = self.vma(vmf.vma).spec();
        if spec.file.is_none() {
            let protected = spec.flags.has(VmFlags::UFFD_WP) && orig_pmd.is_uffd_wp();
            if protected && !vmf.unshare {
                return Some(self.handle_userfault(cpu, vmf, Reason::Wp));
            }
            return self.do_huge_pmd_wp_page(cpu, vmf, orig_pmd);
        }
        self.__split_huge_pmd(cpu, vmf.vma, vmf.addr);
        None
    }

    /// `huge_pmd_set_accessed`: another CPU made the entry what this one wanted, or the hardware lagged behind.
    pub fn huge_pmd_set_accessed(&self, cpu: &Cpu<'_>, vmf: &VmFault, orig_pmd: Pmd) {
        let pml = self.pmd_lock(cpu, vmf.mm);
        if Pmd(self.pmdp(vmf.mm, vmf.addr).read_once(cpu)) == orig_pmd {
            self.touch_pmd(cpu, vmf.mm, vmf.addr, orig_pmd, vmf.write);
        }
        self.lock(pml).unlock(cpu);
    }

    /// `touch_pmd`: young, and dirty for a write. pml is held and the entry is `pmd`.
    pub fn touch_pmd(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, pmd: Pmd, write: bool) {
        let entry = if write { pmd.mkyoung().mkdirty() } else { pmd.mkyoung() };
        if write {
            self.pmdp_set_access_flags(cpu, mm, self.haddr(addr), entry);
        }
    }

    /// `maybe_pmd_mkwrite`.
    pub(in crate::mm) fn maybe_pmd_mkwrite(&self, pmd: Pmd, vma: VmaId) -> Pmd {
        if self.vma(vma).spec().write() { pmd.mkwrite() } else { pmd }
    }

    /// `pmd_migration_entry_wait`: if the huge page at `addr` is being migrated, waits until its folio is unlocked.
    ///
    /// As in the kernel the fault's lock stays held, and no reference is taken: whoever waits must not be the reason
    /// why the migration fails.
    pub fn pmd_migration_entry_wait(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        let _f = cpu.enter(func::pmd_migration_entry_wait);
        let pml = self.pmd_lock(cpu, mm);
        let entry = Pmd(self.pmdp(mm, addr).read_once(cpu));
        let folio = Some(entry).filter(|entry| entry.is_migration());
        let folio = folio.and_then(|entry| self.migration_entry_folio(cpu, entry.pfn()));
        self.lock(pml).unlock(cpu);
        if let Some(folio) = folio {
            self.folio(folio).lock.wait_unlocked(cpu);
        }
    }
}
