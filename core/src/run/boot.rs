//! Booting: the declarations of a set-up become mms, files and VMAs before anybody runs.

use crate::mm::{
    Config, FileId, Kernel, MaxPtes, MmId, Ptlock, ShmemHuge, ThpEnabled, Vaddr, VmFlags, VmaId,
    VmaSpec, Width, flags,
};
use crate::prog::{Axes, Backing, FileKind, MapFlags, Mapped, Op, Program, Prot, Setup, Size};
use crate::sync::Cpu;

/// The configuration that a program's axes ask for.
pub(super) fn config(axes: Axes) -> Config {
    let usual = |axis| axes.is_default(axis);
    Config {
        width: if usual(Axes::WIDTH) { Width::X64 } else { Width::Pae },
        ptlock: if usual(Axes::PTLOCK) { Ptlock::Split } else { Ptlock::None },
        rcu_table_free: usual(Axes::RCU_TABLE_FREE),
        per_vma_lock: usual(Axes::PER_VMA_LOCK),
        page_table_check: usual(Axes::PAGE_TABLE_CHECK),
        fault_around: usual(Axes::FAULT_AROUND),
        reuse: !usual(Axes::REUSE),
        sync_swap: !usual(Axes::SYNC_SWAP),
        thp: ThpEnabled::ALL[axes.get(Axes::THP) % ThpEnabled::ALL.len()],
        shmem_huge: ShmemHuge::ALL[axes.get(Axes::SHMEM) % ShmemHuge::ALL.len()],
        use_zero_page: !usual(Axes::USE_ZERO_PAGE),
        max_ptes_none: max_ptes(axes, Axes::MAX_PTES_NONE),
        max_ptes_swap: max_ptes(axes, Axes::MAX_PTES_SWAP),
        max_ptes_shared: max_ptes(axes, Axes::MAX_PTES_SHARED),
    }
}

fn max_ptes(axes: Axes, axis: usize) -> MaxPtes {
    MaxPtes::ALL[axes.get(axis) % MaxPtes::ALL.len()]
}

/// Declares everything that the set-up declares, in its order.
pub(super) fn boot(kernel: &mut Kernel, program: &Program) {
    declare_mms(kernel, program);
    declare_vmas(kernel, program);
    // Whoever subscribes first takes all locks of the mm: that is over before anybody runs, and costs the others nothing.
    let setup = program.setup.iter().filter_map(|item| match item {
        Setup::Do(op) => Some(op),
        _ => None,
    });
    if program.cpus.iter().flatten().chain(setup).any(|op| matches!(op, Op::HmmFault { .. })) {
        kernel.mms.iter().for_each(|mm| mm.notifier.itree.set_has_itree());
    }
    let mut files = 0..;
    for item in &program.setup {
        if let Setup::File { len, kind, backing } = *item
            && let Some(file) = files.next()
        {
            let file = FileId(file);
            kernel.files[file.idx()].regular = kind == FileKind::Regular;
            let cpu = Cpu::free(0, &kernel.smp);
            fill_cache(&cpu, kernel, file, len.pages(kernel.hpn as u16), backing);
        }
    }
}

/// An mm that is not born has no users until a fork makes it.
fn declare_mms(kernel: &Kernel, program: &Program) {
    let mms = program.setup.iter().filter_map(|item| match item {
        Setup::Mm { unborn } => Some(*unborn),
        _ => None,
    });
    for (mm, unborn) in (0..).map(MmId).zip(mms) {
        if unborn {
            kernel.mm(mm).init_unborn();
        } else {
            // Some VMA of it was eligible once, so khugepaged knows it.
            kernel.init_khugepaged_slot(mm);
        }
    }
}

fn declare_vmas(kernel: &mut Kernel, program: &Program) {
    let hpn = kernel.hpn as u16;
    for item in &program.setup {
        let Setup::Mmap { mm, what, at, len, off, prot, flags } = *item else { continue };
        let pages = |size: Size| size.pages(hpn);
        let (shared, file) = match what {
            Mapped::Anon => (VmFlags::default(), None),
            Mapped::Shared(file) => (VmFlags::SHARED, Some(FileId(file.0))),
            Mapped::Private(file) => (VmFlags::default(), Some(FileId(file.0))),
            // The range has a name, and that is all.
            Mapped::Reserved => continue,
        };
        let spec = VmaSpec {
            mm: MmId(mm.0),
            start: Vaddr(pages(at)),
            end: Vaddr(pages(at) + pages(len)),
            // That of anonymous memory is its address.
            pgoff: if file.is_some() { pages(off) } else { pages(at) },
            file,
            flags: prot_flags(prot).with(shared).with(map_flags(flags)),
        };
        if let Some(id) = kernel.vmas.alloc(&spec) {
            link(kernel, id);
        }
    }
}

/// What a protection permits (`calc_vm_prot_bits`).
pub(super) fn prot_flags(prot: Prot) -> VmFlags {
    match prot {
        Prot::Ro => VmFlags::READ,
        Prot::Rw => VmFlags::READ.with(VmFlags::WRITE),
        Prot::Rx => VmFlags::READ.with(VmFlags::EXEC),
        Prot::None => VmFlags::default(),
    }
}

fn map_flags(flags: MapFlags) -> VmFlags {
    let names = [
        (MapFlags::HUGEPAGE, VmFlags::HUGEPAGE),
        (MapFlags::NOHUGEPAGE, VmFlags::NOHUGEPAGE),
        (MapFlags::LOCKED, VmFlags::LOCKED),
        (MapFlags::DONTCOPY, VmFlags::DONTCOPY),
        (MapFlags::WIPEONFORK, VmFlags::WIPEONFORK),
        (MapFlags::UFFD_MISSING, VmFlags::UFFD_MISSING),
        (MapFlags::UFFD_WP, VmFlags::UFFD_WP),
        (MapFlags::UFFD_MINOR, VmFlags::UFFD_MINOR),
    ];
    let set = names.into_iter().filter(|(flag, _)| flags.has(*flag));
    set.fold(VmFlags::default(), |all, (_, flag)| all.with(flag))
}

fn link(kernel: &Kernel, id: VmaId) {
    let spec = kernel.vma(id).spec();
    kernel.mm(spec.mm).vma_tree.poke_bits(1 << id.0, 0);
    if let Some(file) = spec.file {
        kernel.mapping(file).i_mmap.poke_bits(1 << id.0, 0);
        if spec.shared() && spec.write() {
            // Whoever maps a file shared and writable has opened it for writing.
            kernel.mapping(file).i_writecount.poke_add(1);
        }
    }
}

/// Puts folios into the page cache of a new file.
fn fill_cache(cpu: &Cpu<'_>, kernel: &Kernel, file: FileId, pages: u32, backing: Backing) {
    kernel.mapping(file).i_size.poke(u64::from(pages));
    // Where somebody can write to a regular file it has no huge pages.
    let open = kernel.mapping(file).regular && kernel.mapping(file).i_writecount.peek() > 0;
    let (large, step) = match backing {
        Backing::Huge if open => (false, 1),
        Backing::Huge => (true, kernel.hpn),
        Backing::Small => (false, 1),
        Backing::Empty => return,
    };
    for index in (0..pages).step_by(step as usize) {
        let Some(folio) = kernel.folio_alloc(cpu, large) else { return };
        if kernel.mapping(file).regular {
            kernel.folio(folio).flags.poke_bits(flags::UPTODATE, 0);
        } else {
            kernel.shmem_init_folio(folio);
            // Somebody wrote the file, some time ago. (A collapse relies on it: a PTE that goes does not dirty its page.)
            kernel.folio(folio).flags.poke_bits(flags::DIRTY, 0);
            kernel.mapping(file).alloced.poke_add(i64::from(kernel.folios.nr_pages(folio)));
        }
        kernel.folio(folio).flags.poke_bits(flags::LRU, 0);
        kernel.filemap_add_folio(cpu, file, index, folio);
        kernel.folio_put(cpu, folio);
    }
}
