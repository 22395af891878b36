//! The interpreter: each operation of a program is one call into the kernel.

use super::boot::prot_flags;
use super::layout::{Layout, Range};
use crate::mm::{
    FileId, FlagAdvice, FollFlags, Kernel, Mfill, MmId, PagemapEntry, UserAccess, Vaddr, VmFlags,
    VmaSpec,
};
use crate::oracle::Dropping;
use crate::prog::{
    Access, Advice, FileRef, GupFlags, GupKind, Mapped, MremapFlags, Op, Prot, Size, Switch,
    UffdModes,
};
use crate::sync::Cpu;

/// Calls what `op` asks for. `tag` is the version that a write stores: no two writes of a run store the same.
///
/// What a call returns is between the kernel and the program: the oracles look at what it did.
pub(super) fn call(cpu: &Cpu<'_>, k: &Kernel, layout: &Layout, op: Op, tag: u64) {
    match thread_of(layout, op) {
        Some(mm) if k.thread_begin(mm) => {
            k.switch_to(cpu, mm);
            perform(cpu, k, layout, op, tag);
            k.thread_end(cpu, mm);
        }
        // The process was killed.
        Some(_) => {}
        None => {
            if is_kernel_thread(op) {
                k.enter_lazy_tlb(cpu);
            }
            perform(cpu, k, layout, op, tag);
        }
    }
}

/// What khugepaged, kswapd and their like do, which have no user memory.
fn is_kernel_thread(op: Op) -> bool {
    matches!(
        op,
        Op::Khugepaged { .. }
            | Op::Swapout { .. }
            | Op::Migrate { .. }
            | Op::Split { .. }
            | Op::Poison { .. }
    )
}

/// The mm as whose thread a CPU performs the operation, and so uses its memory. The others hold on to the mm_struct at the
/// most: they meet an mm that exits.
fn thread_of(layout: &Layout, op: Op) -> Option<MmId> {
    match op {
        Op::Khugepaged { .. }
        | Op::Swapout { .. }
        | Op::Migrate { .. }
        | Op::Split { .. }
        | Op::Poison { .. }
        | Op::TlbFill { .. }
        | Op::TlbEvict { .. } => None,
        Op::Fork { parent, .. } => Some(MmId(parent.0)),
        op => op.vma().map(|vma| layout.vma(vma).mm),
    }
}

fn perform(cpu: &Cpu<'_>, k: &Kernel, layout: &Layout, op: Op, tag: u64) {
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
        Op::Truncate { file, len } => k.do_truncate(cpu, FileId(file.0), layout.pages(len)),
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
            if k.mm(mm).is_born() {
                _ = k.tlb_fill(cpu, mm, addr, access.is_write());
            }
        }
        Op::TlbEvict { at } => {
            let (mm, addr) = page(at);
            k.tlb_evict(cpu, mm, addr);
        }
        Op::RcuGp => k.rcu_do_batch(cpu),
        Op::Split { at } => {
            let (mm, addr) = page(at);
            _ = k.split_huge_page_at(cpu, mm, addr);
        }
        Op::Poison { at } => {
            let (mm, addr) = page(at);
            k.poison_page_at(cpu, mm, addr);
        }
        Op::LruDrain => k.lru_add_drain(cpu),
        Op::PteAlloc { at } => {
            let (mm, addr) = page(at);
            k.pte_alloc_under_mmap_lock(cpu, mm, addr);
        }
        Op::Map { vma, what, prot, off } => map(cpu, k, layout, layout.vma(vma), (what, prot, off)),
        Op::HmmFault { at, access } => {
            let (mm, addr) = page(at);
            _ = k.hmm_fault(cpu, mm, addr, access.is_write());
        }
        Op::GupFast { at, access, kind } => {
            let (mm, addr) = page(at);
            k.gup_fast(cpu, mm, addr, foll_flags(access, kind));
        }
        Op::GupSlow { at, access, kind, flags } if forces(access, kind, flags) => {
            let (mm, addr) = page(at);
            _ = k.access_remote_vm(cpu, mm, addr, tag);
        }
        Op::GupSlow { at, access, kind, .. } => {
            let (mm, addr) = page(at);
            _ = k.gup_slow(cpu, mm, addr, foll_flags(access, kind));
        }
        Op::Put => _ = k.gup_put(cpu),
        Op::Smaps { vma } => {
            let Range { mm, start, .. } = layout.vma(vma);
            _ = k.smaps(cpu, mm, start);
        }
        Op::Pagemap { vma } => {
            let range = layout.vma(vma);
            let mut entries = vec![PagemapEntry::default(); range.pages() as usize];
            k.pagemap(cpu, range.mm, range.start, &mut entries);
        }
        Op::Mincore { at, len } => {
            let range = layout.range(at, len);
            let mut vec = vec![0; range.pages() as usize];
            k.mincore(cpu, range.mm, range.start, &mut vec);
        }
        Op::Fork { parent, child } => _ = k.copy_process(cpu, MmId(parent.0), MmId(child.0)),
        Op::Exit { mm } => _ = k.do_group_exit(cpu, MmId(mm.0)),
        Op::OomReap { mm } => _ = k.oom_reap_task_mm(cpu, MmId(mm.0)),
        Op::Punch { file, off, len } => k.punch_hole(cpu, FileId(file.0), layout.part(off, len)),
        Op::Alloc { file, off, len } => k.fallocate(cpu, FileId(file.0), layout.part(off, len)),
        Op::FileWrite { file, off } => {
            _ = k.file_write(cpu, FileId(file.0), layout.pages(off), tag);
        }
        Op::OpenWrite { file } => k.open_write(cpu, FileId(file.0)),
        Op::CloseWrite { file } => k.close_write(cpu, FileId(file.0)),
        Op::Mremap { at, to, len, flags } => {
            let (from, to) = layout.moved(at, to, len);
            let dontunmap = flags.has(MremapFlags::DONTUNMAP);
            _ = k.mremap(cpu, from.mm, (from.start, from.end), to.start, dontunmap);
        }
        Op::Mprotect { at, len, prot } => {
            let Range { mm, start, end } = layout.range(at, len);
            _ = k.mprotect(cpu, mm, (start, end), prot_flags(prot));
        }
        Op::Numa { at, len } => {
            let Range { mm, start, end } = layout.range(at, len);
            k.task_numa_work(cpu, mm, (start, end));
        }
        Op::UffdRegister { at, len, modes } => {
            let Range { mm, start, end } = layout.range(at, len);
            _ = k.userfaultfd_register(cpu, mm, (start, end), uffd_flags(modes));
        }
        Op::UffdUnregister { at, len } => {
            let Range { mm, start, end } = layout.range(at, len);
            _ = k.userfaultfd_unregister(cpu, mm, (start, end));
        }
        Op::UffdCopy { at } => mfill(cpu, k, page(at), Mfill::Copy(tag)),
        Op::UffdZeropage { at } => mfill(cpu, k, page(at), Mfill::Zeropage),
        Op::UffdContinue { at } => mfill(cpu, k, page(at), Mfill::Continue),
        Op::UffdPoison { at } => mfill(cpu, k, page(at), Mfill::Poison),
        Op::UffdWp { at, len, wp } => {
            let Range { mm, start, end } = layout.range(at, len);
            _ = k.mwriteprotect_range(cpu, mm, (start, end), wp == Switch::On);
        }
        Op::FailAlloc { nth } => k.set_fail_alloc(cpu, nth.0.into()),
        Op::ContextSwitch { mm } => k.context_switch(cpu, MmId(mm.0)),
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
        // Not a user's store, and it may hit a page that has just been dropped.
        Op::GupSlow { at, access, kind, flags } if forces(access, kind, flags) => {
            let Range { mm, start, .. } = layout.range(at, Size::base(1));
            Some(Dropping::Range { mm, start: start.0, end: start.0 + 1 })
        }
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
        Advice::Free => _ = k.madvise_free(cpu, mm, start, range.pages()),
        Advice::Pageout => _ = k.madvise_cold(cpu, mm, start, range.pages(), true),
        Advice::Cold => _ = k.madvise_cold(cpu, mm, start, range.pages(), false),
        Advice::Hugepage => _ = k.madvise_vma_behavior(cpu, mm, (start, end), FlagAdvice::Hugepage),
        Advice::Nohugepage => {
            _ = k.madvise_vma_behavior(cpu, mm, (start, end), FlagAdvice::Nohugepage)
        }
        Advice::Remove => _ = k.madvise_remove(cpu, mm, start, end),
    }
}

fn mfill(cpu: &Cpu<'_>, k: &Kernel, (mm, addr): (MmId, Vaddr), what: Mfill) {
    _ = k.mfill_atomic(cpu, mm, addr, what);
}

/// For what a range is registered with a userfaultfd.
fn uffd_flags(modes: UffdModes) -> VmFlags {
    let names = [
        (UffdModes::MISSING, VmFlags::UFFD_MISSING),
        (UffdModes::WP, VmFlags::UFFD_WP),
        (UffdModes::MINOR, VmFlags::UFFD_MINOR),
    ];
    let set = names.into_iter().filter(|(mode, _)| modes.has(*mode));
    set.fold(VmFlags::default(), |all, (_, flag)| all.with(flag))
}

/// Whether it is a debugger that asks for a page, to store to it.
fn forces(access: Access, kind: GupKind, flags: GupFlags) -> bool {
    flags.has(GupFlags::FORCE) && access.is_write() && kind == GupKind::Get
}

/// What `get_user_pages` is asked for.
fn foll_flags(access: Access, kind: GupKind) -> FollFlags {
    let flags = match kind {
        GupKind::Get => FollFlags::GET,
        GupKind::Pin => FollFlags::PIN,
        GupKind::Longterm => FollFlags::LONGTERM,
    };
    flags.writing(access.is_write())
}

fn map(
    cpu: &Cpu<'_>,
    k: &Kernel,
    layout: &Layout,
    range: Range,
    (what, prot, off): (Mapped, Prot, Size),
) {
    let shared = match what {
        Mapped::Shared(_) => VmFlags::SHARED,
        _ => VmFlags::default(),
    };
    if let Mapped::Shared(file) = what
        && prot == Prot::Rw
        && k.mapping(FileId(file.0)).regular
    {
        // Whoever maps a file shared and writable has opened it for writing, and the mapping keeps it open.
        k.do_dentry_open(cpu, FileId(file.0));
    }
    let spec = VmaSpec {
        mm: range.mm,
        start: range.start,
        end: range.end,
        pgoff: layout.pages(off),
        file: what.file().map(|file| FileId(file.0)),
        flags: prot_flags(prot).with(shared),
    };
    _ = k.do_mmap(cpu, &spec);
}
