//! The callers of `collapse_pte_mapped_thp`: MADV_COLLAPSE, khugepaged, and a uprobe that is removed
//! (kernel-semantics section 9.13).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::sync::{Cpu, What};

use super::check::hugepage_vma_check;
use super::{Errno, ScanResult};

impl Kernel {
    /// `madvise(MADV_COLLAPSE)`: mmap_lock for read, and the VMA must be there.
    pub fn do_madvise_collapse(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) -> Errno {
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        let errno = match self.vma_lookup(cpu, mm, start) {
            Some(vma) => self.madvise_collapse(cpu, mm, vma, start, end),
            None => Errno::Einval,
        };
        mmap_lock.up_read(cpu);
        errno
    }

    /// `madvise_collapse` of the whole huge pages in `[start, end)`. mmap_lock is held for read, and is again at
    /// the end; in between it is dropped, and the VMA may be another one afterwards.
    pub fn madvise_collapse(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        vma: VmaId,
        start: Vaddr,
        end: Vaddr,
    ) -> Errno {
        let _f = cpu.enter(func::madvise_collapse);
        let hstart = Vaddr(start.0.next_multiple_of(self.hpn));
        let end = self.haddr(end);
        let mut hend = end;
        if !hugepage_vma_check(self, vma) || hstart > hend {
            return Errno::Einval;
        }
        cpu.assert_held(self.mm(mm).mmap_lock.obj());
        cpu.note(What::CollapseCall { mm: mm.0, start: hstart.0, end: end.0 });
        self.mmgrab(cpu, mm);
        self.lru_add_drain_all(cpu);
        let (mut thps, mut last_fail) = (0, ScanResult::Fail);
        let wanted = (hend.0 - hstart.0) / self.hpn;
        let mut mmap_locked = true;
        let mut vma = vma;
        let mut haddr = hstart;
        while haddr < hend {
            if !mmap_locked {
                self.mm(mm).mmap_lock.down_read(cpu);
                mmap_locked = true;
                match (self.steps.revalidate)(cpu, self, mm, haddr, vma) {
                    Ok(found) => vma = found,
                    Err(result) => {
                        last_fail = result;
                        break;
                    }
                }
                hend = Vaddr(hend.0.min(self.haddr(self.vma(vma).spec().end).0));
            }
            let spec = self.vma(vma).spec();
            let Some(file) = spec.file else {
                last_fail = ScanResult::Fail;
                break;
            };
            self.mm(mm).mmap_lock.up_read(cpu);
            mmap_locked = false;
            let mut result =
                self.hpage_collapse_scan_file(cpu, (mm, haddr), file, spec.pgoff_of(haddr), false);
            if result == ScanResult::PteMappedHugepage {
                cpu.pass(ip::collapse_relock);
                mmap_locked = (self.steps.collapse_locked)(cpu, self, mm, haddr, &mut result);
            }
            match result {
                ScanResult::Succeed | ScanResult::PmdMapped => thps += 1,
                other => {
                    last_fail = other;
                    if !other.goes_on() {
                        break;
                    }
                }
            }
            haddr = Vaddr(haddr.0 + self.hpn);
        }
        if !mmap_locked {
            self.mm(mm).mmap_lock.down_read(cpu);
        }
        self.mmdrop(cpu, mm);
        let success = thps == wanted;
        cpu.note(What::CollapseReturn { mm: mm.0, start: hstart.0, end: end.0, success });
        if success { Errno::Ok } else { last_fail.errno() }
    }

    /// `unregister_uprobe` of a huge page's text: the third caller, under mmap_lock for write.
    pub fn uprobe_unregister(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> ScanResult {
        let _f = cpu.enter(func::uprobe_write_opcode);
        self.mmap_write_lock(cpu, mm);
        let result = self.collapse_pte_mapped_thp(cpu, mm, addr, false);
        self.mmap_write_unlock(cpu, mm);
        result
    }
}

/// `hugepage_vma_revalidate`: mmap_lock was dropped, so whatever is mapped at `haddr` now is looked up again.
pub fn revalidate(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    _: VmaId,
) -> Result<VmaId, ScanResult> {
    let _f = cpu.enter(func::hugepage_vma_revalidate);
    if k.hpage_collapse_test_exit(cpu, mm) {
        return Err(ScanResult::AnyProcess);
    }
    let vma = k.vma_lookup(cpu, mm, haddr).ok_or(ScanResult::VmaNull)?;
    if !k.vma(vma).spec().transhuge_suitable(haddr, k.hpn) {
        return Err(ScanResult::AddressRange);
    }
    if hugepage_vma_check(k, vma) { Ok(vma) } else { Err(ScanResult::VmaCheck) }
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
