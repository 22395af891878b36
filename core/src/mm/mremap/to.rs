//! `mremap()` to an address that is given: what is there goes first, then the range moves (kernel-semantics section 11.8).

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::func;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::userfaultfd::note_wp;
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, What};

impl Kernel {
    /// `mremap(MREMAP_MAYMOVE | MREMAP_FIXED)` of `[start, end)` to `new_addr`, with `dontunmap` MREMAP_DONTUNMAP too: the
    /// old range stays, empty. Takes mmap_lock. EINVAL: the ranges overlap, or are empty. EFAULT: no VMA covers the old
    /// one; what was at the new address is gone then. ENOMEM: no memory.
    pub fn mremap(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        new_addr: Vaddr,
        dontunmap: bool,
    ) -> Errno {
        let _f = cpu.enter(func::mremap);
        self.mmap_write_lock(cpu, mm);
        let mapped = self.vma_lookup(cpu, mm, start).is_some();
        let errno = match mapped {
            true => self.mremap_to(cpu, mm, (start, end), new_addr, dontunmap),
            false => Errno::Efault,
        };
        self.mmap_write_unlock(cpu, mm);
        errno
    }

    /// `mremap_to`.
    fn mremap_to(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        new_addr: Vaddr,
        dontunmap: bool,
    ) -> Errno {
        let new_end = Vaddr(new_addr.0 + (end.0 - start.0));
        if start == end || start < new_end && new_addr < end {
            return Errno::Einval;
        }
        match self.do_vmi_munmap(cpu, mm, new_addr, new_end, false) {
            Errno::Ok => {}
            errno => return errno,
        }
        // vma_to_resize(): the munmap may have split the VMA.
        let vma = self.vma_lookup(cpu, mm, start);
        match vma.filter(|&vma| self.vma(vma).spec().covers(start, end)) {
            Some(vma) => self.move_vma(cpu, vma, (start, end), new_addr, dontunmap),
            None => Errno::Efault,
        }
    }

    /// `move_vma`: the VMA at the new address, the entries, and the end of the old range.
    fn move_vma(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        (start, end): (Vaddr, Vaddr),
        new_addr: Vaddr,
        dontunmap: bool,
    ) -> Errno {
        let (mm, len) = (self.vma(vma).spec().mm, end.0 - start.0);
        // No fault finds the old entries any longer, and none puts others there.
        (self.steps.moves.start_write)(cpu, self, vma);
        let pgoff = self.vma(vma).spec().pgoff_of(start);
        let Some(copied) = self.copy_vma(cpu, vma, new_addr, len, pgoff) else {
            return Errno::Enomem;
        };
        let (vma, new_vma) = (copied.vma, copied.new_vma);
        let need_rmap_locks = (self.steps.moves.need_rmap_locks)(copied.need_rmap_locks);
        cpu.note(What::MoveBegin { mm: mm.0, from: start.0, to: new_addr.0, pages: len });
        let moved =
            self.move_page_tables(cpu, (vma, start), (new_vma, new_addr), len, need_rmap_locks);
        cpu.note(What::MoveEnd { moved: moved == len });
        if moved < len {
            // Back, which cannot fail, since the old tables are still there; and the new range goes.
            self.move_page_tables(cpu, (new_vma, new_addr), (vma, start), moved, true);
            self.do_vmi_munmap(cpu, mm, new_addr, Vaddr(new_addr.0 + len), false);
            return Errno::Enomem;
        }
        // What was write-protected there has gone, and the old range may stay registered.
        note_wp(cpu, mm, start, len, false);
        self.mremap_userfaultfd_prep(cpu, new_vma);
        if dontunmap {
            let spec = self.vma(vma).spec();
            if spec.flags.has(VmFlags::LOCKED) {
                self.vma_set_flags(cpu, vma, spec.flags.without(VmFlags::LOCKED));
            }
            if new_vma != vma && (spec.start, spec.end) == (start, end) {
                // Nothing of it is anonymous any longer; whoever faults there prepares another one.
                self.unlink_anon_vmas(cpu, vma);
            }
            return Errno::Ok;
        }
        // Without memory for a split the old range stays, empty.
        self.do_vmi_munmap(cpu, mm, start, end, false);
        Errno::Ok
    }

    /// `mremap_userfaultfd_prep`, without UFFD_FEATURE_EVENT_REMAP: the VMA is registered no longer. In v6.6 its entries
    /// say still what was protected.
    fn mremap_userfaultfd_prep(&self, cpu: &Cpu<'_>, new_vma: VmaId) {
        let flags = self.vma(new_vma).spec().flags;
        if flags.has(VmFlags::UFFD) {
            (self.steps.moves.lift_uffd_wp)(cpu, self, new_vma);
            self.vma_set_flags(cpu, new_vma, flags.without(VmFlags::UFFD));
        }
    }
}

/// The fix: as for whoever unregisters, while the VMA is registered still.
pub(in crate::mm) fn lift_uffd_wp(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) {
    let spec = k.vma(vma).spec();
    if spec.flags.has(VmFlags::UFFD_WP) {
        k.uffd_wp_range(cpu, vma, (spec.start, spec.end), false);
    }
}
