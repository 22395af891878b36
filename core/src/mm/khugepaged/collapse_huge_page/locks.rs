//! The locks and the waits of `collapse_huge_page`, one a function, so that each can be left out.

use super::CollapseHuge;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::types::MmId;
use crate::sync::Cpu;

/// mmap_lock for write: nobody else changes the VMAs or faults by way of mmap_lock.
pub fn mmap_lock(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mmap_write_lock(cpu, mm);
}

/// ... and dropped, with the marks of the VMAs.
pub fn mmap_unlock(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mmap_write_unlock(cpu, mm);
}

/// `check_pmd_still_valid`: another collapse of the range may have been faster.
pub fn check_pmd(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) -> ScanResult {
    k.find_pmd_or_thp_or_none(cpu, c.mm, c.haddr)
}

/// `anon_vma_lock_write`: no rmap walk is in the table, or comes while it is unlinked.
pub fn anon_vma_lock(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    let anon_vma = k.peek_anon_vma(c.vma);
    cpu.vm_bug_on(anon_vma.is_none(), "collapse_huge_page() of a VMA without an anon_vma");
    if let Some(anon_vma) = anon_vma {
        k.anon_vma_lock_write(cpu, anon_vma);
    }
}

/// `anon_vma_unlock_write`.
pub fn anon_vma_unlock(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    if let Some(anon_vma) = k.peek_anon_vma(c.vma) {
        k.anon_vma_unlock_write(cpu, anon_vma);
    }
}

/// Opens the invalidation range. May sleep.
pub fn notify_start(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    k.mmu_notifier_invalidate_range_start(cpu, c.mm, c.haddr, k.hpn);
}

/// Closes it: the table is unlinked, whatever becomes of it.
pub fn notify_end(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    k.mmu_notifier_invalidate_range_end(cpu, c.mm, c.haddr, k.hpn);
}

/// pml, around the unlinking. ("Probably unnecessary", says the kernel.)
pub fn lock_pml(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    k.pmd_lock(cpu, c.mm);
}

/// ... and dropped.
pub fn unlock_pml(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    k.lock(k.pmd_lockptr(c.mm)).unlock(cpu);
}

/// `tlb_remove_table_sync_one`: the flush interrupts only CPUs that may have translations of the mm.
pub fn sync_one(cpu: &Cpu<'_>, k: &Kernel) {
    if k.config.rcu_table_free {
        k.tlb_remove_table_sync_one(cpu);
    }
}
