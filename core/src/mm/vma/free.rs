//! How the memory of a VMA becomes free: after a grace period, since `lock_vma_under_rcu` may still look at it.

use crate::mm::kernel::Kernel;
use crate::mm::rcu::RcuHead;
use crate::mm::types::VmaId;
use crate::sync::{Cpu, Splat, What};

impl Kernel {
    /// `vm_area_free`. Nobody finds the VMA any longer, in the tree or by rmap.
    pub fn vm_area_free(&self, cpu: &Cpu<'_>, vma: VmaId) {
        if self.config.per_vma_lock {
            (self.steps.vma.vma_free_rcu)(cpu, self, vma);
        } else {
            self.__vm_area_free(cpu, vma);
        }
    }

    /// `__vm_area_free`: at once. The callback of the grace period; `exit_mmap`, after which nobody looks; and what
    /// was never linked.
    pub fn __vm_area_free(&self, cpu: &Cpu<'_>, vma: VmaId) {
        let area = self.vma(vma);
        let spec = area.spec();
        let in_tree = self.mm(spec.mm).vma_tree.peek() >> vma.0 & 1 == 1;
        let in_i_mmap =
            spec.file.is_some_and(|file| self.mapping(file).i_mmap.peek() >> vma.0 & 1 == 1);
        if !area.is_allocated() || in_tree || in_i_mmap {
            cpu.splat(Splat::VmaUseAfterFree(area.obj()));
        }
        cpu.vm_bug_on(area.vm_lock.is_locked(), "a VMA is freed while its lock is held");
        self.vmas.free(vma);
        cpu.note(What::Free(area.obj()));
    }
}

/// `call_rcu(&vma->vm_rcu, vm_area_free_rcu_cb)`.
pub(in crate::mm) fn free_by_rcu(cpu: &Cpu<'_>, _: &Kernel, vma: VmaId) {
    cpu.call_rcu(RcuHead::Vma(vma).token());
}

/// No grace period.
pub(in crate::mm) fn free_now(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) {
    k.__vm_area_free(cpu, vma);
}
