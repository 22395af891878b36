//! The end of an address space (kernel-semantics sections 1.4 and 11.2).

use crate::mm::kernel::{Kernel, UNITS_MAX};
use crate::mm::mm_struct::mmf;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `exit_mmap`: the mm has no users, and everything in it goes. May sleep.
    ///
    /// The pages go with mmap_lock for read: whoever has it for read too (khugepaged, which asks for the users under it,
    /// the OOM reaper) and whoever comes by rmap works on the same tables. Then mmap_lock is taken for write, for the
    /// tables; that nobody comes by rmap is known once the VMAs have left its trees.
    pub(in crate::mm) fn exit_mmap(&self, cpu: &Cpu<'_>, mm: MmId) {
        let _f = cpu.enter(func::exit_mmap);
        let all = (Vaddr(0), Vaddr(UNITS_MAX as u32 * self.hpn));
        self.mmu_notifier_release(cpu, mm, all);
        (self.steps.vma.exit_mmap_read_lock)(cpu, self, mm);
        let vmas = self.vmas_in(mm, all.0, all.1);
        if vmas.is_empty() {
            (self.steps.vma.exit_mmap_read_unlock)(cpu, self, mm);
            return;
        }
        self.lru_add_drain(cpu);
        let mut tlb = self.tlb_gather_mmu(cpu, mm);
        self.unmap_vmas(cpu, &mut tlb, &vmas, all);
        cpu.pass(ip::ex1);
        (self.steps.vma.exit_mmap_read_unlock)(cpu, self, mm);
        self.mm(mm).flags.change_bits(cpu, mmf::OOM_SKIP, 0);
        cpu.pass(ip::ex2);
        (self.steps.vma.exit_mmap_lock)(cpu, self, mm);
        self.free_pgtables(cpu, &mut tlb, &vmas, all, true);
        cpu.pass(ip::ex3);
        self.tlb_finish_mmu(cpu, tlb);
        let gone = vmas.iter().fold(0, |bits, vma| bits | 1 << vma.0);
        self.mm(mm).vma_tree.change_bits(cpu, 0, gone);
        // Nobody can look any VMA of it up: no grace period.
        vmas.iter().for_each(|&vma| self.__vm_area_free(cpu, vma));
        (self.steps.vma.exit_mmap_unlock)(cpu, self, mm);
    }

    /// `mmu_notifier_release`: the mirrors drop everything.
    fn mmu_notifier_release(&self, cpu: &Cpu<'_>, mm: MmId, (start, end): (Vaddr, Vaddr)) {
        self.mmu_notifier_invalidate_range_start(cpu, mm, start, end.0 - start.0);
        self.mmu_notifier_invalidate_range_end(cpu, mm, start, end.0 - start.0);
    }
}

/// mmap_lock for write, of which nobody but khugepaged and the OOM reaper can know.
pub(in crate::mm) fn lock_write(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mmap_write_lock(cpu, mm);
}

/// Its release.
pub(in crate::mm) fn unlock_write(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mmap_write_unlock(cpu, mm);
}

#[cfg(test)]
mod tests;
