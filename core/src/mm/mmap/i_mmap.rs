//! i_mmap: the VMAs that map a file (kernel-semantics section 2.4).

use crate::mm::interval_tree::VmaVec;
use crate::mm::kernel::Kernel;
use crate::mm::types::{FileId, VmaId};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// The VMAs of `i_mmap`, in the order of the tree. `i_mmap_rwsem` is held.
    pub fn i_mmap_vmas(&self, cpu: &Cpu<'_>, file: FileId) -> impl Iterator<Item = VmaId> + use<> {
        self.vma_interval_tree(cpu, file, 0, u32::MAX).into_iter()
    }

    /// `vma_interval_tree_foreach`: those that map a page of `[first, last]`. `i_mmap_rwsem` is held.
    pub fn vma_interval_tree(&self, cpu: &Cpu<'_>, file: FileId, first: u32, last: u32) -> VmaVec {
        let found = self.mapping(file).i_mmap.read(cpu, &self.vmas, first, last);
        for &vma in found.iter().filter(|&&vma| !self.vma(vma).is_allocated()) {
            cpu.splat(Splat::VmaUseAfterFree(self.vma(vma).obj()));
        }
        found
    }

    /// `vma_link_file`: walks of `i_mmap` find the VMA from now on.
    pub fn vma_link_file(&self, cpu: &Cpu<'_>, vma: VmaId) {
        if let Some(file) = self.vma(vma).spec().file {
            (self.steps.vma.i_mmap_link_lock)(cpu, self, file);
            self.mapping(file).i_mmap.insert(cpu, vma);
            (self.steps.vma.i_mmap_link_unlock)(cpu, self, file);
        }
    }

    /// `unlink_file_vma`: no walk of `i_mmap` finds the VMA any longer, and those that have found it are over.
    pub fn unlink_file_vma(&self, cpu: &Cpu<'_>, vma: VmaId) {
        if let Some(file) = self.vma(vma).spec().file {
            (self.steps.vma.i_mmap_link_lock)(cpu, self, file);
            self.mapping(file).i_mmap.remove(cpu, vma);
            (self.steps.vma.i_mmap_link_unlock)(cpu, self, file);
        }
    }
}

/// `i_mmap_lock_write`.
pub(in crate::mm) fn lock_write(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).i_mmap_rwsem.down_write(cpu);
}

/// `i_mmap_unlock_write`.
pub(in crate::mm) fn unlock_write(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).i_mmap_rwsem.up_write(cpu);
}
