//! Stages 6 and 8: holes are charged, and sealed so that nobody can fill them behind the collapse's back.

use super::run::CollapseFile;
use crate::mm::filemap::Slot;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::ip;
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// `shmem_charge`: the pages that the holes will be.
pub fn charge(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.shmem_charge(cpu, c.file, i64::from(c.nr_none));
    c.charged = true;
}

/// Puts a RETRY entry into each hole, so that whoever comes now waits; counts them again, since one may have been filled
/// meanwhile; and looks for a userfaultfd that wants to hear of missing pages. xa_lock is held if all is well.
pub fn seal(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    seal_unless(cpu, k, c, k.steps.file.uffd_missing)
}

fn seal_unless(
    cpu: &Cpu<'_>,
    k: &Kernel,
    c: &mut CollapseFile,
    uffd_missing: fn(&Cpu<'_>, &Kernel, &mut CollapseFile) -> bool,
) -> ScanResult {
    let mapping = k.mapping(c.file);
    mapping.i_mmap_rwsem.down_read(cpu);
    mapping.xa_lock.lock(cpu);
    cpu.pass(ip::cf7);
    let mut result = ScanResult::StoreFailed;
    if (k.steps.file.store_retry)(cpu, k, c) {
        result = (k.steps.file.recount_holes)(cpu, k, c);
    }
    if result == ScanResult::Succeed && uffd_missing(cpu, k, c) {
        result = ScanResult::ExceedNonePte;
    }
    mapping.i_mmap_rwsem.up_read(cpu);
    if result != ScanResult::Succeed {
        for index in c.start..c.end {
            if mapping.slot(index) == Slot::Retry {
                mapping.store(cpu, index, Slot::Empty);
            }
        }
        mapping.xa_lock.unlock(cpu);
    }
    result
}

/// The same, but the VMAs are looked at before the holes are sealed: somebody may register one in between, and see a
/// hole.
pub fn seal_after_look(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    let i_mmap_rwsem = &k.mapping(c.file).i_mmap_rwsem;
    i_mmap_rwsem.down_read(cpu);
    let missing = uffd_missing(cpu, k, c);
    i_mmap_rwsem.up_read(cpu);
    if missing { ScanResult::ExceedNonePte } else { seal_unless(cpu, k, c, |_, _, _| false) }
}

/// Nothing is sealed: a fault that finds a hole fills it.
pub fn lock_only(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    k.mapping(c.file).xa_lock.lock(cpu);
    ScanResult::Succeed
}

/// The RETRY entries. `false`: one could not be stored for want of memory.
pub fn store_retry(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> bool {
    let mapping = k.mapping(c.file);
    for index in c.start..c.end {
        if mapping.slot(index) == Slot::Empty {
            if k.should_fail_alloc(cpu) {
                return false;
            }
            mapping.store(cpu, index, Slot::Retry);
        }
    }
    true
}

/// Whether there are as many holes as before: one that a fault has filled meanwhile must not be lost.
pub fn recount(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    let mapping = k.mapping(c.file);
    cpu.step(0, 1);
    let holes = (c.start..c.end)
        .filter(|&index| matches!(mapping.slot(index), Slot::Retry | Slot::Empty))
        .count();
    if holes == c.nr_none as usize { ScanResult::Succeed } else { ScanResult::PageFilled }
}

/// Whether a VMA over the range is registered for missing pages: somebody may have seen a hole there, and expects to be
/// asked before it is filled.
pub fn uffd_missing(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> bool {
    k.i_mmap_vmas(cpu, c.file).any(|vma| {
        let spec = k.vma(vma).spec();
        spec.pgoff < c.end
            && c.start < spec.pgoff + spec.pages()
            && k.vma(vma).read_flags(cpu).has(VmFlags::UFFD_MISSING)
    })
}
