//! UFFDIO_REGISTER and UFFDIO_UNREGISTER (kernel-semantics section 11.11).

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::func;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, UffdFact, What};

impl Kernel {
    /// `userfaultfd_register`: the VMAs of the range get the `modes` (VM_UFFD_*) instead of those that they had, unless
    /// they have them all already. EINVAL: nothing is mapped there, or something that cannot be registered so.
    pub fn userfaultfd_register(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        modes: VmFlags,
    ) -> Errno {
        let _f = cpu.enter(func::userfaultfd_register);
        self.mmap_write_lock(cpu, mm);
        let vmas = self.vmas_in(mm, start, end);
        let can = !vmas.is_empty() && vmas.iter().all(|&vma| self.vma_can_userfault(vma, modes));
        if can {
            for &vma in vmas.iter() {
                (self.steps.uffd.register_again)(cpu, self, vma, (start, end), modes);
            }
        }
        let errno = match can {
            true => self.userfaultfd_set_vm_flags(cpu, mm, (start, end), |old| {
                let registered = old.0 & modes.0 == modes.0;
                if registered { old } else { old.without(VmFlags::UFFD).with(modes) }
            }),
            false => Errno::Einval,
        };
        if errno == Errno::Ok {
            let (page, pages) = (start.0, end.0 - start.0);
            cpu.note(What::Uffd { mm: mm.0, page, pages, fact: UffdFact::Armed });
        }
        self.mmap_write_unlock(cpu, mm);
        errno
    }

    /// `userfaultfd_unregister`: faults on missing pages that wait are woken, protections lifted, the flags go.
    pub fn userfaultfd_unregister(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
    ) -> Errno {
        let _f = cpu.enter(func::userfaultfd_unregister);
        self.mmap_write_lock(cpu, mm);
        for &vma in self.vmas_in(mm, start, end).iter() {
            let spec = self.vma(vma).spec();
            let (from, to) = (spec.start.max(start), spec.end.min(end));
            if spec.flags.has(VmFlags::UFFD_MISSING) {
                self.note_resolved(cpu, mm, from, to.0 - from.0);
                (self.steps.uffd.unregister_wake)(cpu, self, mm, from, to.0 - from.0);
            }
            if spec.flags.has(VmFlags::UFFD_WP) {
                _ = self.uffd_wp_range(cpu, vma, (from, to), false);
            }
        }
        let errno =
            self.userfaultfd_set_vm_flags(cpu, mm, (start, end), |old| old.without(VmFlags::UFFD));
        self.mmap_write_unlock(cpu, mm);
        errno
    }

    /// The flags of the VMAs in the range become others: split, merged, and locked for write first, so that a fault
    /// without mmap_lock is over, or sees them. Holes are no matter.
    fn userfaultfd_set_vm_flags(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        change: impl Fn(VmFlags) -> VmFlags,
    ) -> Errno {
        let mut failed = None;
        self.walk_vmas(mm, start, end, &mut |prev, vma, part| {
            let old = self.vma(vma).spec().flags;
            let flags = change(old);
            if flags == old {
                return Ok(vma);
            }
            let modified = self.vma_modify(cpu, prev, vma, part, flags);
            let vma = modified.inspect_err(|&errno| failed = Some(errno))?;
            self.vma_set_flags(cpu, vma, flags);
            Ok(vma)
        });
        failed.unwrap_or(Errno::Ok)
    }

    /// `vma_can_userfault`: anonymous memory and shmem, and only the latter has a page cache that minor faults ask.
    fn vma_can_userfault(&self, vma: VmaId, modes: VmFlags) -> bool {
        match self.vma(vma).spec().file {
            None => !modes.has(VmFlags::UFFD_MINOR),
            Some(file) => self.shmem_mapping(file),
        }
    }
}
