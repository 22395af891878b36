//! `retract_page_tables` before it could do without mmap_lock (kernel-semantics 9.6, last line).
//!
//! i_mmap_rwsem is held for write. mmap_lock comes before it and before the huge page's lock, so it can only be tried:
//! where it is busy, khugepaged is told to come back.

use super::collapse_file::CollapseFile;
use super::{Collapse, ScanResult, install, pre_seed};
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// What became of the range in one VMA.
enum Retracted {
    /// The answer, if the VMA is the target's.
    Result(ScanResult),
    /// Not now.
    Later,
}

/// The function. The huge page is locked. Returns what became of the caller's own range.
pub(in crate::mm) fn retract(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    let _f = cpu.enter(func::retract_page_tables);
    let mut target_result = ScanResult::Fail;
    let rwsem = &k.mapping(c.file).i_mmap_rwsem;
    rwsem.down_write(cpu);
    for vma in k.i_mmap_vmas(cpu, c.file) {
        cpu.pass(ip::rt1);
        let spec = k.vma(vma).spec();
        if !(spec.pgoff..spec.pgoff + spec.pages()).contains(&c.start) {
            continue;
        }
        let addr = Vaddr(spec.start.0 + c.start - spec.pgoff);
        let is_target = (spec.mm, addr) == c.target;
        match one(cpu, k, c, (spec.mm, vma, addr), is_target) {
            Retracted::Result(result) if is_target => target_result = result,
            Retracted::Later if is_target => target_result = ScanResult::PteMappedHugepage,
            Retracted::Later => _ = k.khugepaged_add_pte_mapped_thp(cpu, spec.mm, addr),
            Retracted::Result(_) => {}
        }
    }
    rwsem.up_write(cpu);
    target_result
}

/// One VMA.
fn one(
    cpu: &Cpu<'_>,
    k: &Kernel,
    c: &CollapseFile,
    (mm, vma, addr): (MmId, VmaId, Vaddr),
    is_target: bool,
) -> Retracted {
    let steps = &k.steps.file;
    if (steps.retract_anon_vma)(cpu, k, vma) {
        return Retracted::Result(ScanResult::PageAnon);
    }
    if !(steps.retract_covers)(k, vma, addr) {
        return Retracted::Result(ScanResult::VmaCheck);
    }
    let found = k.find_pmd_or_thp_or_none(cpu, mm, addr);
    if found != ScanResult::Succeed {
        return Retracted::Result(found);
    }
    cpu.pass(ip::rt2);
    // Other mappings are not MADV_COLLAPSE's business.
    if !(c.is_khugepaged || is_target) || !k.mmap_write_trylock(cpu, mm) {
        return Retracted::Later;
    }
    cpu.pass(ip::rt4);
    let result = if !vma_try_start_write(cpu, k, vma) {
        ScanResult::PteMappedHugepage
    } else if (steps.retract_recheck_anon_vma)(cpu, k, vma) {
        // It was set under mmap_lock for read since the first look.
        ScanResult::PageAnon
    } else if (steps.retract_test_exit)(cpu, k, mm) {
        ScanResult::AnyProcess
    } else if k.vma(vma).spec().flags.has(VmFlags::UFFD_WP) {
        ScanResult::PteUffdWp
    } else {
        let mut collapse = Collapse::new(mm, addr, vma, c.file, true);
        collapse.hpage = c.hpage;
        pre_seed::collapse_and_free_pmd(cpu, k, &mut collapse);
        if !c.is_khugepaged && is_target {
            install::set_huge_pmd(cpu, k, &mut collapse)
        } else {
            ScanResult::Succeed
        }
    };
    k.mmap_write_unlock(cpu, mm);
    cpu.pass(ip::rt6);
    Retracted::Result(result)
}

/// `vma_try_start_write`: `vma_start_write` that does not wait, since the locks are taken in the wrong order.
fn vma_try_start_write(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    let area = k.vma(vma);
    let seq = k.mm(area.spec().mm).mm_lock_seq.peek();
    if !k.config.per_vma_lock || area.vm_lock_seq.peek() == seq {
        return true;
    }
    if !area.vm_lock.down_write_trylock(cpu) {
        return false;
    }
    area.vm_lock_seq.write_once(cpu, seq);
    area.vm_lock.up_write(cpu);
    true
}
