//! MADV_COLLAPSE: one huge page after the other, until one fails for good (kernel-semantics section 9.13).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::vma::VmaSpec;
use crate::sync::{Cpu, What};

use super::check::hugepage_vma_check;
use super::revalidate::Handle;
use super::{Errno, ScanResult};

/// A call in flight, for one VMA: the local variables of `madvise_collapse`.
#[derive(Debug)]
struct Call {
    mm: MmId,
    vma: Handle,
    mmap_locked: bool,
    /// The first huge-aligned address of the range, and the end of its last whole huge page.
    hstart: Vaddr,
    hend: Vaddr,
    thps: u32,
    last_fail: ScanResult,
}

impl Call {
    /// What the VMA maps; complains if it was freed since it was found.
    fn spec(&self, cpu: &Cpu<'_>, k: &Kernel) -> VmaSpec {
        k.vma_assert_generation(cpu, self.vma.0, self.vma.1);
        k.vma(self.vma.0).spec()
    }
}

impl Kernel {
    /// `madvise(MADV_COLLAPSE)`: under mmap_lock for read, VMA by VMA. ENOMEM: there was a hole.
    pub fn do_madvise_collapse(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) -> Errno {
        self.madvise_walk_vmas(cpu, mm, start, end.0 - start.0, &mut |vma, start, end| {
            self.madvise_collapse(cpu, mm, vma, start, end)
        })
    }

    /// `madvise_collapse` of the whole huge pages in `[start, end)`, which `vma` covers. mmap_lock is held for read, and is
    /// again at the end; in between it is dropped, and the VMA may be another one afterwards (`*prev` is NULL then: the
    /// walk of the VMAs looks the next one up by its address).
    pub fn madvise_collapse(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        vma: VmaId,
        start: Vaddr,
        end: Vaddr,
    ) -> Errno {
        let _f = cpu.enter(func::madvise_collapse);
        if !hugepage_vma_check(self, vma) {
            return Errno::Einval;
        }
        // struct collapse_control
        if self.should_fail_alloc(cpu) {
            return Errno::Enomem;
        }
        let mut call = Call {
            mm,
            vma: (vma, self.vma_generation(vma)),
            mmap_locked: true,
            hstart: Vaddr(start.0.next_multiple_of(self.hpn)),
            hend: self.haddr(end),
            thps: 0,
            last_fail: ScanResult::Fail,
        };
        cpu.assert_held(self.mm(mm).mmap_lock.obj());
        let (first, end) = (call.hstart.0, call.hend.0);
        cpu.note(What::CollapseCall { mm: mm.0, start: first, end });
        self.mmgrab(cpu, mm);
        self.lru_add_drain_all(cpu);
        let mut addr = call.hstart;
        while addr < call.hend && self.madvise_collapse_one(cpu, &mut call, addr) {
            addr.0 += self.hpn;
        }
        if !call.mmap_locked {
            self.mmap_read_lock(cpu, mm);
        }
        self.mmdrop(cpu, mm);
        // The numbers are unsigned: a range inside one huge page, with neither end aligned, never matches.
        let wanted = call.hend.0.checked_sub(call.hstart.0).map(|pages| pages / self.hpn);
        let success = wanted == Some(call.thps);
        // Where the VMA ends earlier now than it did, less is promised.
        let end = call.hend.0;
        cpu.note(What::CollapseReturn { mm: mm.0, start: first, end, success });
        if success { Errno::Ok } else { call.last_fail.errno() }
    }

    /// One turn of the loop. `false`: it is left.
    fn madvise_collapse_one(&self, cpu: &Cpu<'_>, call: &mut Call, addr: Vaddr) -> bool {
        if !call.mmap_locked {
            cpu.pass(ip::collapse_revalidate);
            self.mmap_read_lock(cpu, call.mm);
            call.mmap_locked = true;
            match (self.steps.revalidate)(cpu, self, call.mm, addr, call.vma) {
                Ok(vma) => call.vma = vma,
                Err(result) => {
                    call.last_fail = result;
                    return false;
                }
            }
            call.hend = call.hend.min(self.haddr(call.spec(cpu, self).end));
        }
        cpu.assert_held(self.mm(call.mm).mmap_lock.obj());
        let spec = call.spec(cpu, self);
        let mut result = match spec.file {
            Some(file) => {
                self.mmap_read_unlock(cpu, call.mm);
                call.mmap_locked = false;
                let target = (call.mm, addr);
                self.hpage_collapse_scan_file(cpu, target, file, spec.pgoff_of(addr), false)
            }
            None => {
                let target = (call.vma.0, addr);
                self.hpage_collapse_scan_pmd(cpu, target, &mut call.mmap_locked, false)
            }
        };
        if result == ScanResult::PteMappedHugepage {
            cpu.vm_bug_on(call.mmap_locked, "SCAN_PTE_MAPPED_HUGEPAGE with mmap_lock held");
            cpu.pass(ip::collapse_relock);
            call.mmap_locked = (self.steps.collapse_locked)(cpu, self, call.mm, addr, &mut result);
        }
        match result {
            ScanResult::Succeed | ScanResult::PmdMapped => call.thps += 1,
            other => call.last_fail = other,
        }
        result.goes_on()
    }
}
