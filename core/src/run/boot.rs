//! Booting: the declarations of a set-up become mms, files and VMAs before anybody runs.

use crate::mm::{Config, FileId, Kernel, MmId, Ptlock, Vaddr, VmFlags, VmaId, VmaSpec, flags};
use crate::prog::{Axes, Backing, Mapped, Program, Prot, Setup, Size};
use crate::sync::Cpu;

/// The configuration that a program's axes ask for.
pub(super) fn config(axes: Axes) -> Config {
    let on = |axis| axes.is_default(axis);
    Config {
        ptlock: if axes.is_default(Axes::PTLOCK) { Ptlock::Split } else { Ptlock::None },
        page_table_check: on(Axes::PAGE_TABLE_CHECK),
        per_vma_lock: on(Axes::PER_VMA_LOCK),
        fault_around: on(Axes::FAULT_AROUND),
        ..Config::default()
    }
}

/// Declares everything that the set-up declares, in its order.
pub(super) fn boot(kernel: &mut Kernel, program: &Program) {
    declare_vmas(kernel, program);
    let cpu = Cpu::free(0, &kernel.smp);
    let mut files = 0..;
    for item in &program.setup {
        if let Setup::File { len, backing } = *item
            && let Some(file) = files.next()
        {
            fill_cache(&cpu, kernel, FileId(file), len.pages(kernel.hpn as u16), backing);
        }
    }
}

fn declare_vmas(kernel: &mut Kernel, program: &Program) {
    let hpn = kernel.hpn as u16;
    for item in &program.setup {
        let Setup::Mmap { mm, what, at, len, off, prot } = *item else { continue };
        let pages = |size: Size| size.pages(hpn);
        let (shared, file) = match what {
            Mapped::Anon => (VmFlags::default(), None),
            Mapped::Shared(file) => (VmFlags::SHARED, Some(FileId(file.0))),
            Mapped::Private(file) => (VmFlags::default(), Some(FileId(file.0))),
        };
        let write = if prot == Prot::Rw { VmFlags::WRITE } else { VmFlags::default() };
        let flags = VmFlags::READ.with(shared).with(write);
        let spec = VmaSpec {
            mm: MmId(mm.0),
            start: Vaddr(pages(at)),
            end: Vaddr(pages(at) + pages(len)),
            pgoff: pages(off),
            file,
            flags,
        };
        if let Some(id) = kernel.vmas.alloc(&spec) {
            link(kernel, id);
        }
    }
}

fn link(kernel: &Kernel, id: VmaId) {
    let spec = kernel.vma(id).spec();
    kernel.mm(spec.mm).vma_tree.poke_bits(1 << id.0, 0);
    if let Some(file) = spec.file {
        kernel.mapping(file).i_mmap.poke_bits(1 << id.0, 0);
    }
}

/// Puts folios into the page cache of a new file.
fn fill_cache(cpu: &Cpu<'_>, kernel: &Kernel, file: FileId, pages: u32, backing: Backing) {
    kernel.mapping(file).i_size.poke(u64::from(pages));
    let (large, step) = match backing {
        Backing::Huge => (true, kernel.hpn),
        Backing::Small => (false, 1),
        Backing::Empty => return,
    };
    for index in (0..pages).step_by(step as usize) {
        let Some(folio) = kernel.folio_alloc(cpu, large) else { return };
        kernel.shmem_init_folio(folio);
        kernel.folio(folio).flags.poke_bits(flags::LRU, 0);
        kernel.filemap_add_folio(cpu, file, index, folio);
        kernel.mapping(file).alloced.poke_add(i64::from(kernel.folios.nr_pages(folio)));
        kernel.folio_put(cpu, folio);
    }
}
