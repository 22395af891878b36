//! What userfaultfd has promised of which page, and who waits.

use super::{Cell, Dropping, drops};
use crate::mm::{FileId, Kernel, MMS_MAX, MmId, Pte, Slot, UNITS_MAX, Vaddr, VmFlags};
use crate::sync::{CPUS_MAX, UffdFact, What};

/// What is promised of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Promise {
    /// It was missing when it was registered, and nobody has filled it who may do so.
    Missing = 1,
    /// An ioctl protects it and has not returned.
    Protecting = 2,
    /// It is write-protected.
    Protected = 4,
}

/// The promises.
#[derive(Debug)]
pub struct Uffd {
    /// [`Promise`]s of each page of each mm.
    pages: Vec<u8>,
    /// The pages that were ever promised anything.
    touched: Vec<(u8, u32)>,
    /// What each CPU is protecting: CPU, mm and page.
    protecting: Vec<(u8, u8, u32)>,
    /// What each CPU waits for, and whether it was resolved.
    waits: [Option<(u8, u32, bool)>; CPUS_MAX],
    hpn: u32,
}

impl Uffd {
    pub(super) fn new(hpn: u32) -> Uffd {
        Uffd {
            pages: vec![0; MMS_MAX * UNITS_MAX * hpn as usize],
            touched: Vec::new(),
            protecting: Vec::new(),
            waits: [None; CPUS_MAX],
            hpn,
        }
    }

    pub(super) fn reset(&mut self) {
        for (mm, page) in std::mem::take(&mut self.touched) {
            *self.of(mm, page) = 0;
        }
        self.protecting.clear();
        self.waits = [None; CPUS_MAX];
    }

    fn index(&self, mm: u8, page: u32) -> usize {
        usize::from(mm) * UNITS_MAX * self.hpn as usize + page as usize
    }

    fn of(&mut self, mm: u8, page: u32) -> &mut u8 {
        let index = self.index(mm, page);
        &mut self.pages[index]
    }

    /// Whether this is promised of the page.
    pub fn is(&self, mm: u8, page: u32, promise: Promise) -> bool {
        self.pages.get(self.index(mm, page)).is_some_and(|of| of & promise as u8 != 0)
    }

    /// The pages of which this is promised.
    pub fn all(&self, promise: Promise) -> impl Iterator<Item = (u8, u32)> + '_ {
        self.touched.iter().copied().filter(move |&(mm, page)| self.is(mm, page, promise))
    }

    /// Whether the fault that the CPU waits for was resolved since it was queued.
    pub fn was_resolved(&self, cpu: u8) -> bool {
        self.waits[usize::from(cpu)].is_some_and(|(.., resolved)| resolved)
    }

    /// The pages that the CPU's ioctl protects and nobody has lifted since.
    pub fn protected_by(&self, cpu: u8) -> impl Iterator<Item = (u8, u32)> + '_ {
        let mine = self.protecting.iter().filter(move |&&(by, ..)| by == cpu);
        mine.map(|&(_, mm, page)| (mm, page))
            .filter(|&(mm, page)| self.is(mm, page, Promise::Protecting))
    }

    /// The flags of the VMA that is there now.
    pub fn flags(kernel: &Kernel, mm: u8, page: u32) -> VmFlags {
        let vma = kernel.peek_vma(MmId(mm), Vaddr(page));
        vma.map_or(VmFlags::default(), |vma| kernel.vma(vma).spec().flags)
    }

    fn promise(&mut self, mm: u8, page: u32, promise: Promise) {
        if self.index(mm, page) < self.pages.len() {
            if !self.touched.contains(&(mm, page)) {
                self.touched.push((mm, page));
            }
            *self.of(mm, page) |= promise as u8;
        }
    }

    fn end(&mut self, mm: u8, page: u32, promises: u8) {
        let index = self.index(mm, page);
        if let Some(of) = self.pages.get_mut(index) {
            *of &= !promises;
        }
    }

    /// VMAs that are registered from the start.
    pub(super) fn begin(&mut self, kernel: &Kernel) {
        for (_, vma) in kernel.vmas.iter() {
            let spec = vma.spec();
            if spec.flags.has(VmFlags::UFFD_MISSING) {
                (spec.start.0..spec.end.0).for_each(|page| self.arm(kernel, spec.mm.0, page));
            }
        }
    }

    /// The page was registered.
    fn arm(&mut self, kernel: &Kernel, mm: u8, page: u32) {
        self.end(mm, page, u8::MAX);
        let Some(vma) = kernel.peek_vma(MmId(mm), Vaddr(page)) else { return };
        let spec = kernel.vma(vma).spec();
        // A hole that a collapse has sealed nobody can have seen: whoever looks waits until it is a page.
        let missing = match spec.file {
            Some(FileId(file)) => {
                let index = spec.pgoff_of(Vaddr(page));
                let mapping = &kernel.files[usize::from(file)];
                (index as usize) < mapping.i_pages.len() && mapping.slot(index) == Slot::Empty
            }
            None => true,
        };
        let none = missing && Uffd::is_none(kernel, MmId(mm), Vaddr(page));
        if none && spec.flags.has(VmFlags::UFFD_MISSING) {
            self.promise(mm, page, Promise::Missing);
        }
    }

    /// Whether there is no entry, and nobody holds its lock who may have taken it out for a moment.
    fn is_none(kernel: &Kernel, mm: MmId, addr: Vaddr) -> bool {
        let pmd = kernel.peek_pmd(mm, addr);
        let table = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id));
        let (lock, none) = match table {
            Some(table) => {
                let entry = Pte(kernel.tables.get(table).entry(addr.0).peek());
                (kernel.peek_pte_lockptr(mm, table), entry.is_none())
            }
            None => (kernel.pmd_lockptr(mm), pmd.is_none()),
        };
        none && kernel.lock(lock).is_free()
    }

    /// A fact; `uncertain` says whether an operation in flight may drop the page.
    pub(super) fn take_in(
        &mut self,
        kernel: &Kernel,
        cpu: u8,
        what: What,
        uncertain: impl Fn(Cell) -> bool,
    ) {
        match what {
            What::Uffd { mm, page, fact: UffdFact::Reported, .. } => {
                self.waits[usize::from(cpu)] = Some((mm, page, false));
            }
            What::Uffd { mm, page, pages, fact } => {
                for page in page..page + pages {
                    self.about(kernel, cpu, (mm, page), fact, &uncertain);
                }
            }
            What::HoleFilled { file, index } => {
                for (mm, page) in self.all(Promise::Missing).collect::<Vec<_>>() {
                    if maps(kernel, (mm, page), file, |at| at == index) {
                        self.end(mm, page, Promise::Missing as u8);
                    }
                }
            }
            What::OpEnd(_) => {
                self.waits[usize::from(cpu)] = None;
                for (mm, page) in self.protected_by(cpu).collect::<Vec<_>>() {
                    self.end(mm, page, Promise::Protecting as u8);
                    self.promise(mm, page, Promise::Protected);
                }
                self.protecting.retain(|&(by, ..)| by != cpu);
            }
            _ => {}
        }
    }

    fn about(
        &mut self,
        kernel: &Kernel,
        cpu: u8,
        (mm, page): (u8, u32),
        fact: UffdFact,
        uncertain: &impl Fn(Cell) -> bool,
    ) {
        match fact {
            UffdFact::Armed => self.arm(kernel, mm, page),
            UffdFact::Protected
                if !uncertain(Cell::Private(mm, page))
                    && !is_poisoned(kernel, MmId(mm), Vaddr(page)) =>
            {
                self.protecting.push((cpu, mm, page));
                self.promise(mm, page, Promise::Protecting);
            }
            UffdFact::Filled | UffdFact::Lifted => {
                let promises = Promise::Protecting as u8 | Promise::Protected as u8;
                let filled = fact == UffdFact::Filled;
                self.end(mm, page, if filled { u8::MAX } else { promises });
            }
            UffdFact::Resolved => {
                for wait in self.waits.iter_mut().flatten() {
                    wait.2 |= (wait.0, wait.1) == (mm, page);
                }
            }
            UffdFact::Failed => {
                for (mm, page) in self.protected_by(cpu).collect::<Vec<_>>() {
                    self.end(mm, page, Promise::Protecting as u8);
                }
                self.protecting.retain(|&(by, ..)| by != cpu);
            }
            UffdFact::Protected | UffdFact::Reported | UffdFact::Killed => {}
        }
    }

    /// An operation that drops pages begins or has ended: what is protected there may be lost, unless a mapping of a file
    /// keeps it in markers.
    pub(super) fn drop(&mut self, kernel: &Kernel, gone: Dropping) {
        let promises = Promise::Protecting as u8 | Promise::Protected as u8;
        for i in 0..self.touched.len() {
            let (mm, page) = self.touched[i];
            if self.pages[self.index(mm, page)] & promises != 0
                && loses_protection(kernel, gone, mm, page)
            {
                self.end(mm, page, promises);
            }
        }
    }
}

/// Whether the operation may take the protection of a page.
pub(super) fn loses_protection(kernel: &Kernel, gone: Dropping, mm: u8, page: u32) -> bool {
    match gone {
        // Whatever of the file goes, goes with its markers.
        Dropping::Hole { file, from, to } => (0..crate::mm::FILES_MAX as u8)
            .filter(|&f| file.is_none_or(|file| file == f))
            .any(|f| maps(kernel, (mm, page), f, |at| (from..to).contains(&at))),
        // Entries and markers move; MREMAP_DONTUNMAP leaves the old range registered, with nothing in it.
        Dropping::Moved { mm: of, from, .. } if of.0 == mm && (from.0..from.1).contains(&page) => {
            true
        }
        Dropping::Range { .. } => {
            let vma = kernel.peek_vma(MmId(mm), Vaddr(page));
            let kept = vma.is_some_and(|vma| {
                let spec = kernel.vma(vma).spec();
                spec.file.is_some() && spec.flags.has(VmFlags::UFFD_WP)
            });
            !kept && drops(kernel, gone, Cell::Private(mm, page))
        }
        _ => drops(kernel, gone, Cell::Private(mm, page)),
    }
}

/// Whether the page is poisoned: an ioctl passes over it, since nobody can write to it anyway.
fn is_poisoned(kernel: &Kernel, mm: MmId, addr: Vaddr) -> bool {
    let pmd = kernel.peek_pmd(mm, addr);
    let table = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id));
    table.is_some_and(|table| {
        Pte(kernel.tables.get(table).entry(addr.0).peek()).is_poisoned_marker()
    })
}

/// Whether the page is one of the file, mapped now.
fn maps(kernel: &Kernel, (mm, page): (u8, u32), file: u8, at: impl Fn(u32) -> bool) -> bool {
    kernel.peek_vma(MmId(mm), Vaddr(page)).is_some_and(|vma| {
        let spec = kernel.vma(vma).spec();
        spec.file == Some(FileId(file)) && at(spec.pgoff_of(Vaddr(page)))
    })
}
