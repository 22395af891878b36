//! khugepaged comes to an mm (`khugepaged_scan_mm_slot`, kernel-semantics section 9.12).
//!
//! Which mm, and where in it, is the program's choice. What it may not do is wait: whoever holds mmap_lock for write may wait
//! for it.

use crate::mm::huge_memory::eligible::Asks;
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::sync::Cpu;

use super::ScanResult;

/// How a visit ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Visit {
    /// mmap_lock was dropped for a range, so the loop over the VMAs was left: there is more to do the next time.
    Left,
    /// There is no more to do, or mmap_lock was not to be had.
    Finished,
}

impl Kernel {
    /// Visits of the mm until khugepaged has come from `start` to `end`: its cursor (`khugepaged_scan.address`) is the
    /// visitor's own, since a program may have khugepaged on several CPUs.
    pub fn khugepaged_scan_range(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) {
        let mut cursor = start;
        if !self.khugepaged_select(cpu, mm) {
            return;
        }
        loop {
            let visit = self.khugepaged_scan_mm_slot(cpu, mm, &mut cursor, end);
            if self.khugepaged_leave(cpu, mm, visit == Visit::Finished) {
                return;
            }
        }
    }

    /// `khugepaged_scan_mm_slot`: one visit. `khugepaged_mm_lock` is not held.
    fn khugepaged_scan_mm_slot(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        cursor: &mut Vaddr,
        end: Vaddr,
    ) -> Visit {
        let _f = cpu.enter(func::khugepaged_scan_mm_slot);
        (self.steps.khugepaged_visit)(cpu, self, mm);
        if !self.mmap_read_trylock(cpu, mm) {
            return Visit::Finished;
        }
        let mut mmap_locked = true;
        if !(self.steps.vma.test_exit)(cpu, self, mm) {
            self.khugepaged_scan_vmas(cpu, mm, (cursor, end), &mut mmap_locked);
        }
        if mmap_locked {
            self.mmap_read_unlock(cpu, mm);
        }
        if mmap_locked { Visit::Finished } else { Visit::Left }
    }

    /// The loop over the VMAs, and over the ranges of each. `mmap_locked` is `false` where it was left in the middle.
    fn khugepaged_scan_vmas(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (cursor, end): (&mut Vaddr, Vaddr),
        mmap_locked: &mut bool,
    ) {
        for vma in self.vmas_in(mm, *cursor, end) {
            if (self.steps.vma.test_exit)(cpu, self, mm) {
                return;
            }
            let spec = self.vma(vma).spec();
            if !self.hugepage_vma_check(vma, spec.flags, Asks::KHUGEPAGED) {
                continue;
            }
            let hend = self.haddr(spec.end.min(end));
            cursor.0 = cursor.0.max(spec.start.0).next_multiple_of(self.hpn);
            while *cursor < hend {
                if (self.steps.vma.test_exit)(cpu, self, mm) {
                    return;
                }
                let addr = *cursor;
                cursor.0 += self.hpn;
                self.khugepaged_scan_one(cpu, mm, (vma, addr), mmap_locked);
                if !*mmap_locked {
                    return;
                }
            }
        }
    }

    /// One range.
    fn khugepaged_scan_one(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (vma, addr): (VmaId, Vaddr),
        mmap_locked: &mut bool,
    ) {
        let spec = self.vma(vma).spec();
        let Some(file) = spec.file else {
            self.hpage_collapse_scan_pmd(cpu, (vma, addr), mmap_locked, true);
            return;
        };
        self.mmap_read_unlock(cpu, mm);
        *mmap_locked = false;
        let found = self.hpage_collapse_scan_file(cpu, (mm, addr), file, spec.pgoff_of(addr), true);
        if found == ScanResult::PteMappedHugepage {
            (self.steps.khugepaged_pte_mapped)(cpu, self, mm, addr);
        }
    }
}
