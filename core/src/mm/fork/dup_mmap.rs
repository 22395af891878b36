//! `dup_mmap`: VMA by VMA, under mmap_lock of both for write.
//!
//! mmap_lock does not keep the parent's threads from writing: not by translations that their CPUs have cached, and not by
//! faults under the lock of a VMA. The former are flushed at the end, all at once; until then the latter must be kept out,
//! or a page would be copied while some CPU still writes to the old one.

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::mm_struct::mmf;
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, MmId, Vaddr, VmaId};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::sync::{Cpu, What};

impl Kernel {
    /// `dup_mmap`: copies `oldmm` into `mm`, which has a user and nothing else. If it fails, what was copied stays, for the
    /// caller to tear down. May sleep.
    pub fn dup_mmap(&self, cpu: &Cpu<'_>, mm: MmId, oldmm: MmId) -> Errno {
        let _f = cpu.enter(func::dup_mmap);
        self.mmap_write_lock(cpu, oldmm);
        // Nobody else can have it for write, but khugepaged gets to know the child in a moment.
        (self.steps.fork.child_lock)(cpu, self, mm);
        cpu.note(What::Fork { parent: oldmm.0, child: mm.0, done: false });
        self.khugepaged_fork(cpu, mm, oldmm);
        let vmas = self.vmas_in(oldmm, Vaddr(0), Vaddr(u32::MAX));
        let failed = vmas.iter().map(|&vma| self.dup_vma(cpu, mm, vma)).find(|&e| e != Errno::Ok);
        (self.steps.fork.child_unlock)(cpu, self, mm);
        cpu.pass(ip::fk3);
        (self.steps.fork.flush)(cpu, self, oldmm);
        if failed.is_none() {
            cpu.note(What::Fork { parent: oldmm.0, child: mm.0, done: true });
        }
        self.mmap_write_unlock(cpu, oldmm);
        (self.steps.fork.flush_late)(cpu, self, oldmm);
        failed.unwrap_or(Errno::Ok)
    }

    /// `khugepaged_fork`.
    fn khugepaged_fork(&self, cpu: &Cpu<'_>, mm: MmId, oldmm: MmId) {
        if self.mm(oldmm).flags.peek() & mmf::VM_HUGEPAGE != 0 {
            self.__khugepaged_enter(cpu, mm);
        }
    }

    /// One VMA of the parent.
    ///
    /// The child's copy is found by rmap before it has anything: a truncation or a migration that comes by must find in
    /// the child what is copied meanwhile. Of the two it meets the parent's first, so that it finds a page there that is
    /// not copied yet, or else in the child.
    fn dup_vma(&self, cpu: &Cpu<'_>, mm: MmId, mpnt: VmaId) -> Errno {
        (self.steps.fork.start_write)(cpu, self, mpnt);
        let spec = self.vma(mpnt).spec();
        if spec.flags.has(VmFlags::DONTCOPY) {
            return Errno::Ok;
        }
        if self.fatal_signal_pending(spec.mm) {
            return Errno::Eintr;
        }
        // dup_userfaultfd() without UFFD_FEATURE_EVENT_FORK: the child's memory is not the monitor's business.
        let flags = spec.flags.without(VmFlags::UFFD.with(VmFlags::LOCKED));
        let Some(tmp) = self.vm_area_dup(cpu, mpnt, &VmaSpec { mm, flags, ..spec }) else {
            return Errno::Enomem;
        };
        let wipe = spec.flags.has(VmFlags::WIPEONFORK);
        if wipe {
            self.vma(tmp).anon_vma.poke(0);
        } else if !self.anon_vma_fork(cpu, tmp, mpnt) {
            self.__vm_area_free(cpu, tmp);
            return Errno::Enomem;
        }
        (self.steps.fork.link_before_copy)(cpu, self, tmp, mpnt);
        self.mm(mm).vma_tree.change_bits(cpu, 1 << tmp.0, 0);
        cpu.pass(ip::fk1);
        let copied = wipe || self.copy_page_range(cpu, tmp, mpnt);
        (self.steps.fork.link_after_copy)(cpu, self, tmp, mpnt);
        if copied { Errno::Ok } else { Errno::Enomem }
    }
}

/// `mmap_write_lock_nested`: the parent's is held.
pub(in crate::mm) fn lock_child(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mm(mm).mmap_lock.down_write_nested(cpu);
}

/// `mmap_write_unlock` of the child.
pub(in crate::mm) fn unlock_child(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mmap_write_unlock(cpu, mm);
}

/// Walks of `i_mmap` find the child's VMA from now on.
pub(in crate::mm) fn link_file(cpu: &Cpu<'_>, k: &Kernel, tmp: VmaId, mpnt: VmaId) {
    if let Some(file) = k.vma(tmp).spec().file {
        (k.steps.fork.link_lock)(cpu, k, file);
        (k.steps.fork.link_order)(cpu, k, file, tmp, mpnt);
        (k.steps.fork.link_unlock)(cpu, k, file);
    }
}

/// `vma_interval_tree_insert_after`.
pub(in crate::mm) fn insert_after(
    cpu: &Cpu<'_>,
    k: &Kernel,
    file: FileId,
    tmp: VmaId,
    mpnt: VmaId,
) {
    k.mapping(file).i_mmap.insert_after(cpu, tmp, mpnt);
}

/// Before the parent's.
pub(in crate::mm) fn insert_before(
    cpu: &Cpu<'_>,
    k: &Kernel,
    file: FileId,
    tmp: VmaId,
    mpnt: VmaId,
) {
    k.mapping(file).i_mmap.insert_before(cpu, tmp, mpnt);
}
