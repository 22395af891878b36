//! The interpreter: each operation of a program is one call into the kernel.

use super::layout::{Layout, Range};
use crate::mm::{FileId, Kernel, UserAccess};
use crate::oracle::Dropping;
use crate::prog::{Advice, FileRef, Op, Size};
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
        Op::TlbFill { at, access } => {
            let (mm, addr) = page(at);
            _ = k.hardware_walk(cpu, mm, addr, access.is_write());
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
        // The grammar is ahead of the machine: nobody does these yet, and each leaves this list when somebody does.
        Op::Map { .. }
        | Op::Mremap { .. }
        | Op::Mprotect { .. }
        | Op::Fork { .. }
        | Op::Exit { .. }
        | Op::Punch { .. }
        | Op::Alloc { .. }
        | Op::FileWrite { .. }
        | Op::OpenWrite { .. }
        | Op::CloseWrite { .. }
        | Op::GupFast { .. }
        | Op::GupSlow { .. }
        | Op::Put
        | Op::Split { .. }
        | Op::Numa { .. }
        | Op::Poison { .. }
        | Op::FailAlloc { .. }
        | Op::OomReap { .. }
        | Op::UffdRegister { .. }
        | Op::UffdUnregister { .. }
        | Op::UffdCopy { .. }
        | Op::UffdZeropage { .. }
        | Op::UffdContinue { .. }
        | Op::UffdPoison { .. }
        | Op::UffdWp { .. }
        | Op::Smaps { .. }
        | Op::Pagemap { .. }
        | Op::Mincore { .. }
        | Op::ContextSwitch { .. } => {}
    }
}

/// The pages that the operation may drop or overwrite: their content is unknown while it runs.
pub(super) fn dropping(layout: &Layout, op: Op) -> Option<Dropping> {
    let pages = |Range { mm, start, end }| Dropping::Range { mm, start: start.0, end: end.0 };
    let hole = |file: FileRef, (from, to)| Dropping::Hole { file: Some(file.0), from, to };
    match op {
        // What MADV_FREE has marked may go later too: until the next store nobody knows the content.
        Op::Madvise { at, len, advice: Advice::Dontneed | Advice::Free }
        | Op::Munmap { at, len } => Some(pages(layout.range(at, len))),
        Op::Map { vma, .. } => Some(pages(layout.vma(vma))),
        Op::Exit { mm } | Op::OomReap { mm } => Some(pages(layout.all(mm))),
        Op::Mremap { at, to, len, .. } => {
            let (from, to) = layout.moved(at, to, len);
            let pages = |range: Range| (range.start.0, range.end.0);
            Some(Dropping::Moved { mm: from.mm, from: pages(from), to: pages(to) })
        }
        Op::Truncate { file, len } => {
            Some(Dropping::File { file: file.0, from: layout.pages(len) })
        }
        Op::Punch { file, off, len } => Some(hole(file, layout.part(off, len))),
        Op::FileWrite { file, off } => Some(hole(file, layout.part(off, Size::base(1)))),
        // Of whichever file is mapped there when the operation comes to it.
        Op::Madvise { advice: Advice::Remove, .. } => {
            Some(Dropping::Hole { file: None, from: 0, to: u32::MAX })
        }
        _ => None,
    }
}

fn madvise(cpu: &Cpu<'_>, k: &Kernel, range: Range, advice: Advice) {
    let Range { mm, start, end } = range;
    match advice {
        Advice::Dontneed => _ = k.madvise_dontneed(cpu, mm, start, range.pages()),
        Advice::Collapse => _ = k.do_madvise_collapse(cpu, mm, start, end),
        Advice::PopulateRead => _ = k.madvise_populate(cpu, mm, start, range.pages(), false),
        Advice::PopulateWrite => _ = k.madvise_populate(cpu, mm, start, range.pages(), true),
        // Like the operations above: named, and done by nobody yet.
        Advice::Free
        | Advice::Remove
        | Advice::Hugepage
        | Advice::Nohugepage
        | Advice::Pageout
        | Advice::Cold => {}
    }
}
