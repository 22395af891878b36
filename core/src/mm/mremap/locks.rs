//! `take_rmap_locks`: no walk of rmap looks at the tables while entries move (kernel-semantics section 11.8).

use crate::mm::kernel::Kernel;
use crate::mm::types::VmaId;
use crate::sync::Cpu;

/// `take_rmap_locks`: i_mmap and the anon_vma of the VMA, for write. May sleep.
pub(in crate::mm) fn take(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) {
    if let Some(file) = k.vma(vma).spec().file {
        k.mapping(file).i_mmap_rwsem.down_write(cpu);
    }
    if let Some(anon_vma) = k.peek_anon_vma(vma) {
        k.anon_vma_lock_write(cpu, anon_vma);
    }
}

/// `drop_rmap_locks`.
pub(in crate::mm) fn release(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) {
    if let Some(anon_vma) = k.peek_anon_vma(vma) {
        k.anon_vma_unlock_write(cpu, anon_vma);
    }
    if let Some(file) = k.vma(vma).spec().file {
        k.mapping(file).i_mmap_rwsem.up_write(cpu);
    }
}
