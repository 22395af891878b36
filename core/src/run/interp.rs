//! The interpreter: each operation of a program is one call into the kernel.

use super::layout::{Layout, Range};
use crate::mm::{FileId, Kernel, UserAccess};
use crate::oracle::Dropping;
use crate::prog::{Advice, Op};
use crate::sync::Cpu;

/// Calls what `op` asks for. `tag` is the version that a write stores: no two writes of a run store the same.
///
/// What a call returns is between the kernel and the program: the oracles look at what it did.
pub(super) fn call(cpu: &Cpu<'_>, k: &Kernel, layout: &Layout, op: Op, tag: u64) {
    let page = |at| layout.page(at);
    match op {
        Op::Read { at } => {
            let (mm, addr) = page(at);
            // A signal is an answer too: the range may have been unmapped, the file truncated.
            _ = k.user_access(cpu, mm, addr, UserAccess::Read);
        }
        Op::Write { at } => {
            let (mm, addr) = page(at);
            _ = k.user_access(cpu, mm, addr, UserAccess::Write(tag));
        }
        Op::Madvise { at, len, advice } => madvise(cpu, k, layout.range(at, len), advice),
        Op::Munmap { at, len } => {
            let Range { mm, start, end } = layout.range(at, len);
            k.do_munmap(cpu, mm, start, end);
        }
        Op::Truncate { file, len } => k.shmem_setattr(cpu, FileId(file.0), layout.pages(len)),
        Op::Swapout { at } => {
            let (mm, addr) = page(at);
            _ = k.pageout(cpu, mm, addr);
        }
        Op::Migrate { at } => {
            let (mm, addr) = page(at);
            _ = k.migrate_page(cpu, mm, addr);
        }
        Op::Khugepaged { vma } => {
            let Range { mm, start, end } = layout.vma(vma);
            k.khugepaged_scan_range(cpu, mm, start, end);
        }
        Op::Uprobe { at } => {
            let (mm, addr) = page(at);
            _ = k.uprobe_unregister(cpu, mm, addr);
        }
        Op::KvmFault { at, access } => {
            let (mm, addr) = page(at);
            _ = k.kvm_mmu_fault(cpu, mm, addr, access.is_write());
        }
        Op::TlbFill { at } => {
            let (mm, addr) = page(at);
            _ = k.hardware_walk(cpu, mm, addr, false);
        }
        Op::TlbEvict { at } => {
            let (mm, addr) = page(at);
            k.tlb_evict(cpu, mm, addr);
        }
        Op::RcuGp => k.rcu_do_batch(cpu),
        Op::LruDrain => k.lru_add_drain(cpu),
        Op::PteAlloc { at } => {
            let (mm, addr) = page(at);
            k.pte_alloc_under_mmap_lock(cpu, mm, addr);
        }
    }
}

/// The pages that the operation may drop: their content is unknown while it runs.
pub(super) fn dropping(layout: &Layout, op: Op) -> Option<Dropping> {
    let pages = |Range { mm, start, end }| Dropping::Range { mm, start: start.0, end: end.0 };
    match op {
        Op::Madvise { at, len, advice: Advice::Dontneed } => Some(pages(layout.range(at, len))),
        Op::Munmap { at, len } => Some(pages(layout.range(at, len))),
        Op::Truncate { file, len } => {
            Some(Dropping::File { file: file.0, from: layout.pages(len) })
        }
        _ => None,
    }
}

fn madvise(cpu: &Cpu<'_>, k: &Kernel, range: Range, advice: Advice) {
    let Range { mm, start, end } = range;
    _ = match advice {
        Advice::Dontneed => k.madvise_dontneed(cpu, mm, start, range.pages()),
        Advice::Collapse => k.do_madvise_collapse(cpu, mm, start, end),
        Advice::PopulateRead => k.madvise_populate(cpu, mm, start, range.pages(), false),
        Advice::PopulateWrite => k.madvise_populate(cpu, mm, start, range.pages(), true),
    };
}
