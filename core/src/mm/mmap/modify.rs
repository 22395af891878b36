//! Part of a VMA gets other flags: madvise, mprotect, userfaultfd (`madvise_update_vma`).

use super::merge::MergeWith;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

impl Kernel {
    /// `vma_merge`, or else `split_vma` at both ends: afterwards there is a VMA that is `[start, end)` of `vma`, or a
    /// wider one that has `flags` already but for this range. `prev` is the VMA before it, or `vma` itself if the range
    /// does not begin where `vma` does. mmap_lock is held for write. The caller changes the flags, with
    /// [`Kernel::vma_set_flags`]. May sleep.
    pub fn vma_modify(
        &self,
        cpu: &Cpu<'_>,
        prev: Option<VmaId>,
        vma: VmaId,
        (start, end): (Vaddr, Vaddr),
        flags: VmFlags,
    ) -> Result<VmaId, Errno> {
        let spec = self.vma(vma).spec();
        let anon_vma = self.peek_anon_vma(vma);
        let (mm, file, pgoff) = (spec.mm, spec.file, spec.pgoff_of(start));
        let with = MergeWith { mm, start, end, pgoff, flags, file, anon_vma };
        if let Some(merged) = self.vma_merge(cpu, prev, &with) {
            return Ok(merged);
        }
        if spec.start < start {
            self.__split_vma(cpu, vma, start, true)?;
        }
        if end < spec.end {
            self.__split_vma(cpu, vma, end, false)?;
        }
        Ok(vma)
    }

    /// `vm_flags_reset`: the VMA is locked for write first, so that no fault holds it. One step.
    pub fn vma_set_flags(&self, cpu: &Cpu<'_>, vma: VmaId, flags: VmFlags) {
        (self.steps.vma.flags_start_write)(cpu, self, vma);
        cpu.vm_bug_on(
            self.config.per_vma_lock && !self.vma_is_write_locked(vma),
            "the flags of a VMA change that is not locked for write",
        );
        let old = self.vma(vma).spec().flags;
        if old != flags {
            self.vma(vma).change_flags(cpu, flags, old.without(flags));
        }
    }

    /// Goes through the VMAs of `[start, end)` as `madvise_walk_vmas` does: `visit` gets the VMA before, the VMA, and the
    /// part of the range that is its. It returns the VMA that the part belongs to afterwards. ENOMEM: there are holes, or
    /// no room. mmap_lock is held for write.
    pub fn walk_vmas(
        &self,
        mm: MmId,
        start: Vaddr,
        end: Vaddr,
        visit: &mut dyn FnMut(Option<VmaId>, VmaId, (Vaddr, Vaddr)) -> Result<VmaId, Errno>,
    ) -> Errno {
        let mut at = start;
        let mut holes = false;
        while at < end {
            let Some(vma) = self.find_vma(mm, at).filter(|&vma| self.vma(vma).spec().start < end)
            else {
                return Errno::Enomem;
            };
            let spec = self.vma(vma).spec();
            holes |= at < spec.start;
            at = at.max(spec.start);
            let prev = if at > spec.start { Some(vma) } else { self.vmas_around(mm, at, at).0 };
            let part = (at, spec.end.min(end));
            match visit(prev, vma, part) {
                Ok(after) => at = part.1.max(self.vma(after).spec().end),
                Err(errno) => return errno,
            }
        }
        if holes { Errno::Enomem } else { Errno::Ok }
    }
}
