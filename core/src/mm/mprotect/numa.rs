//! NUMA balancing: pages are made inaccessible, and the next fault tells who uses them (kernel-semantics section 11.10).
//!
//! An entry that is marked looks like one of a VMA without access; that the VMA has access tells them apart, so a VMA
//! without is left alone.

use super::change::CpFlags;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pte, Vaddr, VmaId};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::sync::Cpu;

impl Kernel {
    /// `task_numa_work` of a range: marks the entries of every VMA that is worth it. Takes mmap_lock for read, if it is
    /// to be had at once.
    pub fn task_numa_work(&self, cpu: &Cpu<'_>, mm: MmId, (start, end): (Vaddr, Vaddr)) {
        if !self.mmap_read_trylock(cpu, mm) {
            return;
        }
        for &vma in self.vmas_in(mm, start, end).iter() {
            let spec = self.vma(vma).spec();
            if worth_it(&spec) {
                self.change_prot_numa(cpu, vma, spec.start.max(start), spec.end.min(end));
            }
        }
        self.mmap_read_unlock(cpu, mm);
    }

    /// `change_prot_numa`.
    fn change_prot_numa(&self, cpu: &Cpu<'_>, vma: VmaId, start: Vaddr, end: Vaddr) {
        let _f = cpu.enter(func::change_prot_numa);
        let mut tlb = self.tlb_gather_mmu(cpu, self.vma(vma).spec().mm);
        self.change_protection(cpu, &mut tlb, vma, start, end, CpFlags::PROT_NUMA);
        cpu.pass(ip::mp2);
        (self.steps.moves.numa_flush)(cpu, self, tlb);
    }

    /// Whether a present entry is not worth a fault: marked already, the zero page, shared by COW, or dirty memory of a
    /// file, which would not be moved anyway.
    pub(super) fn numa_skips_pte(&self, cpu: &Cpu<'_>, vma: VmaId, entry: Pte) -> bool {
        if entry.is_protnone() {
            return true;
        }
        let Some(page) = self.vm_normal_page(entry) else { return true };
        let folio = self.folio_of(page);
        if self.vma(vma).spec().is_cow() && folio.refcount.read_once(cpu) != 1 {
            return true;
        }
        !folio.has(flags::SWAPBACKED) && folio.has(flags::DIRTY)
    }
}

/// The VMAs that `task_numa_work` does not pass over.
fn worth_it(spec: &VmaSpec) -> bool {
    let read_only = !spec.flags.has(VmFlags::WRITE) && spec.flags.has(VmFlags::READ);
    spec.accessible() && !(spec.file.is_some() && read_only)
}
