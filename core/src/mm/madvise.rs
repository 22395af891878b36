//! madvise: MADV_DONTNEED and MADV_POPULATE (kernel-semantics section 11.2). MADV_COLLAPSE is khugepaged's.

use super::kernel::Kernel;
use super::khugepaged::Errno;
use super::memory::{FaultFlags, FaultResult, ZapDetails};
use super::place::func;
use super::types::{MmId, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `madvise(MADV_DONTNEED)` of `pages` pages from `start` on, as far as they lie in the VMA there. EINVAL: nothing
    /// is mapped at `start`.
    pub fn madvise_dontneed(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) -> Errno {
        let _f = cpu.enter(func::madvise_dontneed);
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        let vma = self.vma_lookup(cpu, mm, start);
        if let Some(vma) = vma {
            let end = start.0.saturating_add(pages).min(self.vma(vma).spec().end.0);
            self.zap_page_range_single(cpu, vma, start, end - start.0, ZapDetails::ALL);
        }
        mmap_lock.up_read(cpu);
        if vma.is_some() { Errno::Ok } else { Errno::Einval }
    }

    /// `madvise(MADV_POPULATE_READ)` or `..._WRITE`: one fault for each page from `start` on, without an access.
    /// EINVAL: a page could not be faulted in, and no page after it was tried.
    pub fn madvise_populate(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
        write: bool,
    ) -> Errno {
        let _f = cpu.enter(func::madvise_populate);
        let mmap_lock = &self.mm(mm).mmap_lock;
        let end = start.0.saturating_add(pages);
        let mut addr = start;
        let mut errno = Errno::Ok;
        mmap_lock.down_read(cpu);
        while addr.0 < end && errno == Errno::Ok {
            // Looked up for each page: a fault may have dropped mmap_lock.
            let vma = self
                .vma_lookup(cpu, mm, addr)
                .filter(|&vma| !write || self.vma(vma).spec().write());
            let Some(vma) = vma else {
                errno = Errno::Einval;
                break;
            };
            match self.handle_mm_fault(cpu, mm, vma, addr, FaultFlags::mmap_locked(write)) {
                FaultResult::Done => addr.0 += 1,
                FaultResult::Retry => mmap_lock.down_read(cpu),
                FaultResult::Sigbus | FaultResult::Oom => errno = Errno::Einval,
            }
        }
        mmap_lock.up_read(cpu);
        errno
    }
}
