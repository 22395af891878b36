//! `retract_page_tables`: the page tables over a range that has become one huge page go, in every mm that maps it
//! (kernel-semantics section 9.6; v6.6).
//!
//! No mmap_lock of the other mms is held, only i_mmap_rwsem for read, the huge page's lock, and pml and ptl at the end.
//! The tables are empty: the old pages were unmapped under their locks, and the huge page can be mapped by nobody yet.

use super::ScanResult;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, MmId, Pmd, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, Word};

impl Kernel {
    /// `retract_page_tables`. The huge page at `pgoff` is locked. May sleep.
    pub fn retract_page_tables(&self, cpu: &Cpu<'_>, file: FileId, pgoff: u32) {
        let _f = cpu.enter(func::retract_page_tables);
        let steps = &self.steps.file;
        (steps.retract_lock)(cpu, self, file);
        for vma in self.i_mmap_vmas(cpu, file) {
            cpu.pass(ip::rt1);
            let spec = self.vma(vma).spec();
            let inside = (spec.pgoff..spec.pgoff + spec.pages()).contains(&pgoff);
            // With an anon_vma there may be copies, which the table is the only one to know.
            if !inside || (steps.retract_anon_vma)(cpu, self, vma) {
                continue;
            }
            let addr = Vaddr(spec.start.0 + pgoff - spec.pgoff);
            if !(steps.retract_covers)(self, vma, addr) {
                continue;
            }
            self.retract_page_table(cpu, spec.mm, vma, addr);
        }
        (steps.retract_unlock)(cpu, self, file);
    }

    /// One VMA, at its huge-aligned address.
    fn retract_page_table(&self, cpu: &Cpu<'_>, mm: MmId, vma: VmaId, addr: Vaddr) {
        let steps = &self.steps.file;
        if self.find_pmd_or_thp_or_none(cpu, mm, addr) != ScanResult::Succeed {
            return;
        }
        cpu.pass(ip::rt2);
        // An exiting mm takes its tables down without any lock that is taken here. Markers of write-protection live in
        // the table.
        if (steps.retract_test_exit)(cpu, self, mm) || (steps.retract_uffd_wp)(cpu, self, vma) {
            return;
        }
        (steps.retract_notify_start)(cpu, self, mm, addr);
        cpu.pass(ip::rt3);
        let unlinked = self.retract_unlink(cpu, mm, vma, addr);
        (steps.retract_notify_end)(cpu, self, mm, addr);
        cpu.pass(ip::rt6);
        if unlinked.is_table() {
            self.mm(mm).dec_nr_ptes(cpu);
            let table = self.pgtable(cpu, unlinked);
            if self.config.page_table_check {
                self.page_table_check_pte_clear_range(cpu, table);
            }
            (steps.retract_free)(cpu, self, table);
        }
    }

    /// Under pml and ptl: unlinks the table if it may go after all. Whoever could change the PMD entry since the look at
    /// it needs i_mmap_rwsem for write, or the lock of the huge page: so it still links a table.
    fn retract_unlink(&self, cpu: &Cpu<'_>, mm: MmId, vma: VmaId, addr: Vaddr) -> Pmd {
        let steps = &self.steps.file;
        (steps.retract_lock_pml)(cpu, self, mm);
        let pmd = self.pmdp_get_lockless(cpu, mm, addr);
        let still_there = (self.steps.pt_reclaim.retract_check_pmd)(cpu, pmd);
        let ptl = still_there.then(|| self.pte_lockptr(cpu, mm, pmd));
        let ptl = ptl.filter(|&ptl| ptl != self.pmd_lockptr(mm));
        if let Some(ptl) = ptl {
            (steps.retract_lock_ptl)(cpu, self, ptl);
        }
        cpu.pass(ip::rt4);
        let mut unlinked = Pmd::NONE;
        // UFFDIO_COPY prepares an anon_vma under mmap_lock for read, and then comes for ptl; so do markers after a
        // registration. Now that ptl is held, asking again is enough.
        if still_there
            && !(steps.retract_recheck_anon_vma)(cpu, self, vma)
            && !(steps.retract_recheck_uffd_wp)(cpu, self, vma)
            && !(steps.retract_recheck_poison)(cpu, self, pmd)
        {
            unlinked = self.pmdp_collapse_flush(cpu, mm, addr);
            self.pmdp_get_lockless_sync(cpu);
            cpu.pass(ip::rt5);
        }
        if let Some(ptl) = ptl {
            (steps.retract_unlock_ptl)(cpu, self, ptl);
        }
        (steps.retract_unlock_pml)(cpu, self, mm);
        unlinked
    }
}

/// i_mmap_rwsem for read: the VMAs stay in the tree, and so their tables are not freed by a munmap.
pub fn lock_i_mmap(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).i_mmap_rwsem.down_read(cpu);
}

/// ... and dropped.
pub fn unlock_i_mmap(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).i_mmap_rwsem.up_read(cpu);
}

/// Whether the address is huge-aligned and the VMA covers the whole range: otherwise the table maps something else too.
pub fn covers(k: &Kernel, vma: VmaId, addr: Vaddr) -> bool {
    k.haddr(addr) == addr && k.vma(vma).spec().end.0 >= addr.0 + k.hpn
}

/// `hpage_collapse_test_exit`.
pub fn test_exit(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) -> bool {
    k.hpage_collapse_test_exit(cpu, mm)
}

/// Opens the invalidation range.
pub fn notify_start(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, addr: Vaddr) {
    k.mmu_notifier_invalidate_range_start(cpu, mm, addr, k.hpn);
}

/// Closes it.
pub fn notify_end(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, addr: Vaddr) {
    k.mmu_notifier_invalidate_range_end(cpu, mm, addr, k.hpn);
}

/// `vma->anon_vma`: nothing but ptl keeps it from being set.
pub fn has_anon_vma(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    k.vma_anon_vma(cpu, vma).is_some()
}

/// `userfaultfd_wp`: it is set under mmap_lock, which is not held.
pub fn userfaultfd_wp(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).read_flags(cpu).has(VmFlags::UFFD_WP)
}

/// Whether a page is marked as poisoned: UFFDIO_POISON leaves a marker where nothing is mapped, whatever the VMA is
/// registered for.
pub fn has_poison_markers(cpu: &Cpu<'_>, k: &Kernel, pmd: Pmd) -> bool {
    let table = pmd.pgtable().filter(|&table| k.tables.is_valid(table));
    let marked = |entry: &Word| Pte(entry.read_once(cpu)).is_poisoned_marker();
    table.is_some_and(|table| k.tables.get(table).entries().iter().any(marked))
}
