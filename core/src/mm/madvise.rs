//! madvise: MADV_DONTNEED and MADV_POPULATE (kernel-semantics section 11.2). MADV_COLLAPSE is khugepaged's.

use super::kernel::Kernel;
use super::khugepaged::Errno;
use super::memory::{FaultFlags, FaultResult, ZapDetails};
use super::place::func;
use super::types::{MmId, Vaddr};
use super::vma::VmFlags;
use crate::sync::{Cpu, What};

/// What `madvise` can do to the flags of a VMA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagAdvice {
    /// MADV_HUGEPAGE.
    Hugepage,
    /// MADV_NOHUGEPAGE.
    Nohugepage,
    /// MADV_DONTFORK.
    Dontfork,
    /// MADV_DOFORK.
    Dofork,
    /// MADV_WIPEONFORK: anonymous memory only.
    Wipeonfork,
    /// MADV_KEEPONFORK.
    Keeponfork,
}

impl FlagAdvice {
    /// The flags of a VMA that follows the advice.
    fn flags(self, old: VmFlags) -> VmFlags {
        match self {
            FlagAdvice::Hugepage => old.without(VmFlags::NOHUGEPAGE).with(VmFlags::HUGEPAGE),
            FlagAdvice::Nohugepage => old.without(VmFlags::HUGEPAGE).with(VmFlags::NOHUGEPAGE),
            FlagAdvice::Dontfork => old.with(VmFlags::DONTCOPY),
            FlagAdvice::Dofork => old.without(VmFlags::DONTCOPY),
            FlagAdvice::Wipeonfork => old.with(VmFlags::WIPEONFORK),
            FlagAdvice::Keeponfork => old.without(VmFlags::WIPEONFORK),
        }
    }
}

impl Kernel {
    /// `madvise_vma_behavior` for the advices that change flags, under mmap_lock for write, VMA by VMA. EINVAL: not for
    /// this kind of mapping. ENOMEM: there are holes, or no room for a VMA that is split.
    pub fn madvise_vma_behavior(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        advice: FlagAdvice,
    ) -> Errno {
        let _f = cpu.enter(func::madvise_vma_behavior);
        self.mmap_write_lock(cpu, mm);
        let errno = self.walk_vmas(mm, start, end, &mut |prev, vma, part| {
            let spec = self.vma(vma).spec();
            if advice == FlagAdvice::Wipeonfork && (spec.file.is_some() || spec.shared()) {
                return Err(Errno::Einval);
            }
            let flags = advice.flags(spec.flags);
            if advice == FlagAdvice::Hugepage {
                self.khugepaged_enter_vma(cpu, vma, flags);
            }
            if flags == spec.flags {
                return Ok(vma);
            }
            let vma = self.vma_modify(cpu, prev, vma, part, flags)?;
            self.vma_set_flags(cpu, vma, flags);
            Ok(vma)
        });
        self.mmap_write_unlock(cpu, mm);
        errno
    }

    /// `madvise(MADV_DONTNEED)` of `pages` pages from `start` on, as far as they lie in the VMA there. EINVAL: nothing
    /// is mapped at `start`.
    pub fn madvise_dontneed(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) -> Errno {
        let _f = cpu.enter(func::madvise_dontneed);
        let details = ZapDetails { reclaim_pt: true, ..ZapDetails::ALL };
        if (self.steps.pt_reclaim.dontneed_under_vma_lock)()
            && let Some(vma) = self.lock_vma_under_rcu(cpu, mm, start)
        {
            let end = start.0.saturating_add(pages).min(self.vma(vma).spec().end.0);
            self.zap_page_range_single(cpu, vma, start, end - start.0, details);
            self.vma_end_read(cpu, vma);
            return Errno::Ok;
        }
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        let vma = self.vma_lookup(cpu, mm, start);
        if let Some(vma) = vma {
            let end = start.0.saturating_add(pages).min(self.vma(vma).spec().end.0);
            self.zap_page_range_single(cpu, vma, start, end - start.0, details);
            cpu.note(What::Dontneed { mm: mm.0, start: start.0, pages: end - start.0 });
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
            let vma =
                self.vma_lookup(cpu, mm, addr).filter(|&vma| self.vma(vma).spec().permits(write));
            let Some(vma) = vma else {
                errno = Errno::Einval;
                break;
            };
            match self.handle_mm_fault(cpu, mm, vma, addr, FaultFlags::mmap_locked(write)) {
                FaultResult::Done => addr.0 += 1,
                FaultResult::Retry if self.fault_signal_pending(cpu, mm) => return Errno::Eintr,
                FaultResult::Retry => mmap_lock.down_read(cpu),
                FaultResult::Sigbus => errno = Errno::Einval,
                FaultResult::Oom => errno = Errno::Enomem,
            }
        }
        mmap_lock.up_read(cpu);
        errno
    }
}
