//! The interpreter: each operation of a program is one call into the kernel.

use crate::mm::{FileId, Kernel, MmId, UserAccess, Vaddr, VmaId, VmaSpec};
use crate::oracle::Dropping;
use crate::prog::{Advice, At, Op, Size, VmaRef};
use crate::sync::Cpu;

/// Calls what `op` asks for. `tag` is the version that a write stores: no two writes of a run store the same.
pub(super) fn call(cpu: &Cpu<'_>, k: &Kernel, op: Op, tag: u64) {
    match op {
        Op::Read { at } => access(cpu, k, at, UserAccess::Read),
        Op::Write { at } => access(cpu, k, at, UserAccess::Write(tag)),
        Op::Madvise { at, len, advice } => madvise(cpu, k, at, len, advice),
        Op::Munmap { vma } => k.do_munmap(cpu, spec(k, vma).mm, id(vma)),
        Op::Truncate { file, len } => k.shmem_setattr(cpu, FileId(file.0), len.pages(k.hpn as u16)),
        Op::Swapout { at } => on_page(k, at, |mm, addr| _ = k.pageout(cpu, mm, addr)),
        Op::Migrate { at } => on_page(k, at, |mm, addr| _ = k.migrate_page(cpu, mm, addr)),
        Op::Khugepaged { vma } => k.khugepaged_scan_vma(cpu, id(vma)),
        Op::Uprobe { at } => on_page(k, at, |mm, addr| _ = k.uprobe_unregister(cpu, mm, addr)),
        Op::KvmFault { at, write } => {
            on_page(k, at, |mm, addr| _ = k.kvm_mmu_fault(cpu, mm, addr, write))
        }
        Op::TlbFill { at } => on_page(k, at, |mm, addr| _ = k.hardware_walk(cpu, mm, addr, false)),
        Op::TlbEvict { at } => on_page(k, at, |mm, addr| k.tlb_evict(cpu, mm, addr)),
        Op::RcuGp => k.rcu_do_batch(cpu),
        Op::PteAlloc { at } => {
            on_page(k, at, |mm, addr| k.pte_alloc_under_mmap_lock(cpu, mm, addr))
        }
    }
}

/// The pages that the operation may drop: their content is unknown while it runs.
pub(super) fn dropping(k: &Kernel, op: Op) -> Option<Dropping> {
    match op {
        Op::Madvise { at, len, advice: Advice::Dontneed } => {
            let (mm, start, end) = range(k, at, len);
            Some(Dropping::Range { mm, start: start.0, end: end.0 })
        }
        Op::Munmap { vma } => {
            let spec = spec(k, vma);
            Some(Dropping::Range { mm: spec.mm, start: spec.start.0, end: spec.end.0 })
        }
        Op::Truncate { file, len } => {
            Some(Dropping::File { file: file.0, from: len.pages(k.hpn as u16) })
        }
        _ => None,
    }
}

fn id(vma: VmaRef) -> VmaId {
    VmaId(vma.0)
}

fn spec(k: &Kernel, vma: VmaRef) -> VmaSpec {
    k.vma(id(vma)).spec
}

fn on_page(k: &Kernel, at: At, call: impl FnOnce(MmId, Vaddr)) {
    let spec = spec(k, at.vma);
    call(spec.mm, Vaddr(spec.start.0 + at.page(k.hpn as u16)));
}

fn access(cpu: &Cpu<'_>, k: &Kernel, at: At, access: UserAccess) {
    // A signal is an answer too: the range may have been unmapped, the file truncated.
    on_page(k, at, |mm, addr| _ = k.user_access(cpu, mm, addr, access));
}

/// The range of an madvise call, clipped to the VMA. Without a length it ends with the VMA.
fn range(k: &Kernel, at: At, len: Size) -> (MmId, Vaddr, Vaddr) {
    let (spec, hpn) = (spec(k, at.vma), k.hpn as u16);
    let start = (spec.start.0 + at.page(hpn)).min(spec.end.0);
    let end = if len.is_zero() { spec.end.0 } else { (start + len.pages(hpn)).min(spec.end.0) };
    (spec.mm, Vaddr(start), Vaddr(end))
}

fn madvise(cpu: &Cpu<'_>, k: &Kernel, at: At, len: Size, advice: Advice) {
    let (mm, start, end) = range(k, at, len);
    let pages = end.0 - start.0;
    // What the call returns is between the kernel and the program: the oracles look at what it did.
    let _errno = match advice {
        Advice::Dontneed => k.madvise_dontneed(cpu, mm, id(at.vma), start, pages),
        Advice::Collapse => k.do_madvise_collapse(cpu, mm, id(at.vma), start, end),
        Advice::PopulateRead => k.madvise_populate(cpu, mm, start, pages, false),
        Advice::PopulateWrite => k.madvise_populate(cpu, mm, start, pages, true),
    };
}
