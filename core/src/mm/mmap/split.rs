//! One VMA becomes two (`split_vma`).

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::func;
use crate::mm::types::{Vaddr, VmaId};
use crate::mm::vma::VmaSpec;
use crate::sync::Cpu;

impl Kernel {
    /// `vm_area_alloc`: a VMA that nobody can find yet. `None`: no memory.
    pub fn vm_area_alloc(&self, cpu: &Cpu<'_>, spec: &VmaSpec) -> Option<VmaId> {
        if self.should_fail_alloc(cpu) { None } else { self.vmas.alloc(spec) }
    }

    /// `vm_area_dup`: a VMA like `orig` but for its range, with the same `anon_vma`, linked with nothing.
    pub fn vm_area_dup(&self, cpu: &Cpu<'_>, orig: VmaId, spec: &VmaSpec) -> Option<VmaId> {
        let new = self.vm_area_alloc(cpu, spec)?;
        self.vma(new).anon_vma.poke(self.vma(orig).anon_vma.peek());
        Some(new)
    }

    /// `__split_vma` at `addr`, which lies inside: the new VMA is the part below (`new_below`) or above it. mmap_lock is
    /// held for write. Returns the new one. ENOMEM: nothing has changed. May sleep.
    pub fn __split_vma(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        new_below: bool,
    ) -> Result<VmaId, Errno> {
        let _f = cpu.enter(func::split_vma);
        let old = self.vma(vma).spec();
        self.mmap_assert_write_locked(cpu, old.mm);
        let below = VmaSpec { end: addr, ..old };
        let above = VmaSpec { start: addr, pgoff: old.pgoff_of(addr), ..old };
        let (new_spec, left) = if new_below { (below, above) } else { (above, below) };
        let new = self.vm_area_dup(cpu, vma, &new_spec).ok_or(Errno::Enomem)?;
        // vma_iter_prealloc()
        if self.should_fail_alloc(cpu) || !self.anon_vma_clone(cpu, new, vma) {
            self.__vm_area_free(cpu, new);
            return Err(Errno::Enomem);
        }
        (self.steps.vma.split_start_write)(cpu, self, vma);
        self.vma_start_write(cpu, new);
        let vp = super::VmaPrepare { insert: Some(new), ..self.init_vma_prep(vma, None) };
        self.vma_prepare(cpu, &vp);
        self.vma_adjust_trans_huge(cpu, vma, old.start, addr, 0);
        self.vma_set_range(cpu, vma, left.start, left.end, left.pgoff);
        self.vma_complete(cpu, &vp);
        Ok(new)
    }
}
