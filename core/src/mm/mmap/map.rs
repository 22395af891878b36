//! mmap(MAP_FIXED): a range is mapped, whatever was there before (kernel-semantics section 1.2).

use super::merge::MergeWith;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::func;
use crate::mm::types::VmaId;
use crate::mm::vma::VmaSpec;
use crate::sync::Cpu;

impl Kernel {
    /// `mmap()` at a fixed address. Takes mmap_lock. The `pgoff` of an anonymous mapping is its address. ENOMEM: no room
    /// for a VMA; what was mapped there may be gone.
    pub fn do_mmap(&self, cpu: &Cpu<'_>, spec: &VmaSpec) -> Errno {
        let _f = cpu.enter(func::do_mmap);
        self.mmap_write_lock(cpu, spec.mm);
        let errno = self.mmap_region(cpu, spec).err().unwrap_or(Errno::Ok);
        self.mmap_write_unlock(cpu, spec.mm);
        errno
    }

    /// `mmap_region`, with mmap_lock for write. Returns the VMA, which may be a neighbour that was expanded.
    pub fn mmap_region(&self, cpu: &Cpu<'_>, spec: &VmaSpec) -> Result<VmaId, Errno> {
        let private_anon = spec.file.is_none() && !spec.shared();
        let pgoff = if private_anon { spec.start.0 } else { spec.pgoff };
        let spec = &VmaSpec { pgoff, ..*spec };
        match self.do_vmi_munmap(cpu, spec.mm, spec.start, spec.end, false) {
            Errno::Ok => {}
            errno => return Err(errno),
        }
        if let Some(vma) = self.mmap_expand(cpu, spec) {
            self.khugepaged_enter_vma(cpu, vma, spec.flags);
            return Ok(vma);
        }
        let vma = self.vm_area_alloc(cpu, spec).ok_or(Errno::Enomem)?;
        // vma_iter_prealloc()
        if self.should_fail_alloc(cpu) {
            self.__vm_area_free(cpu, vma);
            return Err(Errno::Enomem);
        }
        // It may be found as soon as it is in the tree, and is not complete yet.
        (self.steps.vma.mmap_start_write)(cpu, self, vma);
        self.mm(spec.mm).vma_tree.change_bits(cpu, 1 << vma.0, 0);
        self.vma_link_file(cpu, vma);
        self.khugepaged_enter_vma(cpu, vma, spec.flags);
        Ok(vma)
    }

    /// The neighbour that the new mapping becomes a part of, if there is one.
    fn mmap_expand(&self, cpu: &Cpu<'_>, spec: &VmaSpec) -> Option<VmaId> {
        let (prev, next) = self.vmas_around(spec.mm, spec.start, spec.end);
        let VmaSpec { mm, start, end, pgoff, file, flags } = *spec;
        let mut with = MergeWith { mm, start, end, pgoff, flags, file, anon_vma: None };
        let (mut wide, mut vma) = ((start, end, pgoff), None);
        let next_fits = |next: &VmaId| {
            self.vma(*next).spec().start == end && self.can_vma_merge_before(*next, &with)
        };
        if let Some(next) = next.filter(next_fits) {
            wide.1 = self.vma(next).spec().end;
            vma = Some(next);
            with.anon_vma = self.peek_anon_vma(next);
        }
        let prev_fits = |prev: &VmaId| {
            self.vma(*prev).spec().end == start && self.can_vma_merge_after(*prev, &with)
        };
        if let Some(prev) = prev.filter(prev_fits) {
            wide.0 = self.vma(prev).spec().start;
            wide.2 = self.vma(prev).spec().pgoff;
            vma = Some(prev);
        }
        let vma = vma?;
        self.vma_expand(cpu, vma, wide, next).ok().map(|()| vma)
    }
}
