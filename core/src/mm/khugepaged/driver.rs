//! How MADV_COLLAPSE, khugepaged, and a uprobe that is removed call `collapse_pte_mapped_thp`
//! (kernel-semantics section 9.13).

use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{MmId, Vaddr};
use crate::sync::Cpu;

use super::ScanResult;

impl Kernel {
    /// `unregister_uprobe` of a huge page's text: the third caller, under mmap_lock for write.
    pub fn uprobe_unregister(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> ScanResult {
        let _f = cpu.enter(func::uprobe_write_opcode);
        self.mmap_write_lock(cpu, mm);
        let result = self.collapse_pte_mapped_thp(cpu, mm, addr, false);
        self.mmap_write_unlock(cpu, mm);
        result
    }
}

/// v6.6: mmap_lock is taken for read around the collapse, and released again. Returns whether it is held.
pub fn under_read_lock(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    result: &mut ScanResult,
) -> bool {
    k.mm(mm).mmap_lock.down_read(cpu);
    *result = k.collapse_pte_mapped_thp(cpu, mm, haddr, true);
    k.mm(mm).mmap_lock.up_read(cpu);
    false
}

/// The patch: the read lock is kept.
pub fn under_kept_read_lock(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    result: &mut ScanResult,
) -> bool {
    k.mm(mm).mmap_lock.down_read(cpu);
    *result = k.collapse_pte_mapped_thp(cpu, mm, haddr, true);
    true
}

/// Before the patch: the write lock.
pub fn under_write_lock(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    result: &mut ScanResult,
) -> bool {
    k.mmap_write_lock(cpu, mm);
    *result = k.collapse_pte_mapped_thp(cpu, mm, haddr, true);
    k.mmap_write_unlock(cpu, mm);
    false
}

/// No lock at all.
pub fn unlocked(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    result: &mut ScanResult,
) -> bool {
    *result = k.collapse_pte_mapped_thp(cpu, mm, haddr, true);
    false
}

/// v6.6: khugepaged collapses what it finds at once, under the read lock, and installs nothing.
pub fn khugepaged_at_once(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) {
    k.mm(mm).mmap_lock.down_read(cpu);
    if !(k.steps.vma.test_exit)(cpu, k, mm) {
        k.collapse_pte_mapped_thp(cpu, mm, haddr, false);
    }
    k.mm(mm).mmap_lock.up_read(cpu);
}

/// Before: it remembers the address for its next visit.
pub fn khugepaged_later(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) {
    k.khugepaged_add_pte_mapped_thp(cpu, mm, haddr);
}

/// The next visit.
pub fn khugepaged_visit(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.khugepaged_collapse_pte_mapped_thps(cpu, mm);
}
