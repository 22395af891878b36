//! The first access to a page of an anonymous mapping (kernel-semantics section 10.5).

use super::fault::{FaultResult, VmFault};
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{FolioId, Pte, Rss};
use crate::mm::userfaultfd::Reason;
use crate::sync::Cpu;

impl Kernel {
    /// `do_anonymous_page`: the zero page for a read, a new page for a write.
    pub(super) fn do_anonymous_page(&self, cpu: &Cpu<'_>, vmf: &VmFault) -> FaultResult {
        let _f = cpu.enter(func::do_anonymous_page);
        if self.vma(vmf.vma).spec().shared() {
            return FaultResult::Sigbus;
        }
        if !self.pte_alloc(cpu, vmf.mm, vmf.addr) {
            return FaultResult::Oom;
        }
        if !vmf.write {
            return self.map_zero_page(cpu, vmf);
        }
        if self.anon_vma_prepare(cpu, vmf.vma).is_none() {
            return FaultResult::Oom;
        }
        let Some(folio) = self.vma_alloc_zeroed_folio(cpu) else { return FaultResult::Oom };
        // Before the lock: nobody changes what the VMA permits meanwhile.
        let entry = self.maybe_mkwrite(vmf.vma, self.folios.head(folio)).mkdirty();
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, vmf.mm, vmf.addr) else {
            self.folio_put(cpu, folio);
            return FaultResult::Done;
        };
        if self.vmf_pte_changed(cpu, vmf, pte) {
            // Another thread of the program has faulted the page in.
            self.folio_put(cpu, folio);
        } else if (self.steps.uffd.missing)(self, vmf.vma) {
            self.pte_unmap_unlock(cpu, ptl);
            self.folio_put(cpu, folio);
            return self.handle_userfault(cpu, vmf, Reason::Missing);
        } else {
            self.mm(vmf.mm).add_counter(cpu, Rss::Anon, 1);
            self.folio_add_new_anon_rmap(cpu, folio, vmf.vma, vmf.addr);
            self.folio_add_lru(cpu, folio);
            let entry = if vmf.orig_uffd_wp() { entry.mkuffd_wp() } else { entry };
            self.set_pte_at(cpu, vmf.mm, pte, vmf.addr, entry);
        }
        self.pte_unmap_unlock(cpu, ptl);
        FaultResult::Done
    }

    fn map_zero_page(&self, cpu: &Cpu<'_>, vmf: &VmFault) -> FaultResult {
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, vmf.mm, vmf.addr) else {
            return FaultResult::Done;
        };
        if !self.vmf_pte_changed(cpu, vmf, pte) {
            if (self.steps.uffd.missing)(self, vmf.vma) {
                self.pte_unmap_unlock(cpu, ptl);
                return self.handle_userfault(cpu, vmf, Reason::Missing);
            }
            let zero = Pte::zero_page();
            let entry = if vmf.orig_uffd_wp() { zero.mkuffd_wp() } else { zero };
            self.set_pte_at(cpu, vmf.mm, pte, vmf.addr, entry);
        }
        self.pte_unmap_unlock(cpu, ptl);
        FaultResult::Done
    }

    /// `vma_alloc_zeroed_movable_folio`, and up to date: a page of zeroes that nobody knows yet, with the caller's
    /// reference, and charged. `None`: out of memory.
    pub(in crate::mm) fn vma_alloc_zeroed_folio(&self, cpu: &Cpu<'_>) -> Option<FolioId> {
        let folio = self.folio_alloc(cpu, false)?;
        if !self.mem_cgroup_charge(cpu, folio) {
            self.folio_put(cpu, folio);
            return None;
        }
        self.page(self.folios.head(folio)).content.poke(0);
        self.folio(folio).flags.poke_bits(flags::UPTODATE, 0);
        Some(folio)
    }
}
