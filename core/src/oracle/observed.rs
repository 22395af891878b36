//! What was observed of a run so far, as far as a later check needs it: the last user stores, who is dropping which
//! pages, who has unlinked which table.

use crate::mm::{
    FILE_UNITS_MAX, FILES_MAX, FollFlags, Kernel, MMS_MAX, MmId, Pfn, UNITS_MAX, Vaddr,
};
use crate::sync::{CPUS_MAX, What};

/// Pages that an operation in flight may drop: their content is not predictable until it has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropping {
    /// MADV_DONTNEED, munmap, exit and so on.
    Range {
        /// Whose pages.
        mm: MmId,
        /// The first one.
        start: u32,
        /// The one after the last.
        end: u32,
    },
    /// mremap: both ranges, of an mm's own pages.
    Moved {
        /// Whose pages.
        mm: MmId,
        /// The old range: the first page and the one after the last.
        from: (u32, u32),
        /// The new one.
        to: (u32, u32),
    },
    /// A hole is punched or a page overwritten: only in the file, never a private copy.
    Hole {
        /// The file's number; `None`: it may be any.
        file: Option<u8>,
        /// The first page.
        from: u32,
        /// The one after the last.
        to: u32,
    },
    /// truncate: a file, from this page on, and private copies of it.
    File {
        /// The file's number.
        file: u8,
        /// The first page that goes.
        from: u32,
    },
}

/// Which content a user access goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// The page cache's page of a file.
    File(u8, u32),
    /// A page of an mm's own.
    Private(u8, u32),
}

/// A cell of which nothing is known.
const UNKNOWN: u64 = 0;
/// One that holds zeroes: a hole was punched, and nothing was stored since.
const ZEROED: u64 = u64::MAX;
/// One that was stored to while an operation in flight may drop it: nobody knows which of the two was first.
const RACED: u64 = u64::MAX - 1;

/// The observations.
#[derive(Debug)]
pub struct Observed {
    private: Vec<u64>,
    file: Vec<u64>,
    touched: Vec<Cell>,
    dropping: [Option<Dropping>; CPUS_MAX],
    /// The huge PMD that a CPU installed last: mm and first page.
    installed: [Option<(u8, u32)>; CPUS_MAX],
    /// The range whose table a CPU has unlinked while it holds the huge page's lock.
    unlinked: [Option<(u8, u32)>; CPUS_MAX],
    /// The page that a CPU in GUP-fast has grabbed, and whether it was mapped since.
    gup: [Option<Grab>; CPUS_MAX],
    /// The pages that are pinned for an mm that must not get others in their place, and has not dropped them since:
    /// anonymous ones, those of private mappings that are pinned for long, and those of shmem that is mapped shared.
    pins: Vec<Pin>,
    hpn: u32,
}

/// A page that GUP-fast has grabbed.
#[derive(Clone, Copy, Debug)]
struct Grab {
    mm: u8,
    page: u32,
    pfn: u32,
    write: bool,
    mapped: bool,
    /// The mm has dropped the page since, or is about to.
    dropped: bool,
}

/// A page that a CPU has pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// The CPU.
    pub cpu: u8,
    /// Whose page.
    pub mm: u8,
    /// Which one.
    pub page: u32,
    /// The frame.
    pub pfn: u32,
}

impl Observed {
    /// Of a machine with this HPN.
    pub fn new(hpn: u32) -> Observed {
        Observed {
            private: vec![0; MMS_MAX * UNITS_MAX * hpn as usize],
            file: vec![0; FILES_MAX * FILE_UNITS_MAX * hpn as usize],
            touched: Vec::new(),
            dropping: [None; CPUS_MAX],
            installed: [None; CPUS_MAX],
            unlinked: [None; CPUS_MAX],
            gup: [None; CPUS_MAX],
            pins: Vec::new(),
            hpn,
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        for at in std::mem::take(&mut self.touched) {
            *self.cell_mut(at) = 0;
        }
        self.dropping = [None; CPUS_MAX];
        self.installed = [None; CPUS_MAX];
        self.unlinked = [None; CPUS_MAX];
        self.gup = [None; CPUS_MAX];
        self.pins.clear();
    }

    /// Where an access of `mm` at `page` goes.
    pub fn cell_of(&self, kernel: &Kernel, mm: u8, page: u32) -> Option<Cell> {
        cell_at(kernel, mm, page)
    }

    /// What was stored there last; `None`: not known.
    pub fn last_store(&self, at: Cell) -> Option<u64> {
        match *self.slot(at)? {
            UNKNOWN | RACED => None,
            ZEROED => Some(0),
            value => Some(value),
        }
    }

    /// The cells with a known content.
    pub fn known(&self) -> impl Iterator<Item = (Cell, u64)> + '_ {
        self.touched.iter().filter_map(|&at| Some((at, self.last_store(at)?)))
    }

    /// Whether this CPU has installed a huge PMD there.
    pub fn has_installed(&self, cpu: u8, mm: u8, haddr: u32) -> bool {
        self.installed[usize::from(cpu)] == Some((mm, haddr))
    }

    /// Whether this CPU has unlinked the table there, in the operation that it is in.
    pub fn has_unlinked(&self, cpu: u8, mm: u8, haddr: u32) -> bool {
        self.unlinked[usize::from(cpu)] == Some((mm, haddr))
    }

    /// The CPU that has unlinked the table of the range around `page`, and still holds the huge page.
    pub fn unlinked_by(&self, mm: u8, page: u32) -> Option<u8> {
        let range = Some((mm, page / self.hpn * self.hpn));
        self.unlinked.iter().position(|&unlinked| unlinked == range).map(|cpu| cpu as u8)
    }

    /// Whether the page that the CPU has grabbed was mapped at some instant since.
    pub fn gup_was_mapped(&self, cpu: u8) -> bool {
        self.gup[usize::from(cpu)].is_some_and(|grab| grab.mapped)
    }

    /// The pages that are pinned, that their mms must not replace.
    pub fn pins(&self) -> impl Iterator<Item = Pin> + '_ {
        self.pins.iter().copied()
    }

    /// Takes a fact in, after the checks have seen it.
    pub fn take_in(&mut self, kernel: &Kernel, cpu: u8, what: What) {
        let me = usize::from(cpu);
        match what {
            What::UserStore { mm, page, value } => {
                if let Some(at) = self.cell_of(kernel, mm, page) {
                    self.store(kernel, at, value);
                }
            }
            What::FileStore { file, index, value } => {
                self.store(kernel, Cell::File(file, index), value);
            }
            What::Establish { mm, start, pages, .. } => {
                if pages > 1 {
                    self.installed[me] = Some((mm, start));
                }
                self.gup_look_again(kernel);
            }
            What::GupGrab { .. } | What::GupDone { .. } | What::GupPut { .. } => {
                self.take_in_gup(kernel, cpu, what);
            }
            What::Unlink { pmd, .. } => {
                let units = UNITS_MAX as u32;
                let (mm, unit) = (pmd.index() / units, pmd.index() % units);
                self.unlinked[me] = Some((mm as u8, unit * self.hpn));
            }
            What::CollapseResult { .. } => {
                self.unlinked[me] = None;
                self.installed[me] = None;
            }
            // From here on the huge page may be faulted in.
            What::Retracted { .. } | What::OpEnd(_) => self.unlinked[me] = None,
            _ => {}
        }
    }

    fn take_in_gup(&mut self, kernel: &Kernel, cpu: u8, what: What) {
        match what {
            What::GupGrab { mm, page, pfn, flags } => {
                let write = FollFlags::from_bits(flags).write;
                let dropped = self.is_in_doubt(kernel, mm, page);
                let grab = Grab { mm, page, pfn, write, mapped: false, dropped };
                self.gup[usize::from(cpu)] = Some(grab);
                self.gup_look_again(kernel);
            }
            What::GupDone { mm, page, pfn, flags } => {
                // What is being dropped may be replaced at once; what was dropped since the grab has been, perhaps.
                let grab = self.gup[usize::from(cpu)].take();
                let dropped = grab.is_some_and(|grab| grab.dropped);
                let flags = FollFlags::from_bits(flags);
                let anon = kernel.folio_of(Pfn(pfn)).is_anon();
                let may_be_replaced = match self.cell_of(kernel, mm, page) {
                    Some(Cell::Private(..)) => !flags.longterm,
                    // Opening a regular file for writing is enough to lose its pages.
                    Some(Cell::File(file, _)) => kernel.files[usize::from(file)].regular,
                    None => true,
                };
                let kept = !dropped && !self.is_in_doubt(kernel, mm, page);
                if flags.pin && (anon || !may_be_replaced) && kept {
                    self.pins.push(Pin { cpu, mm, page, pfn });
                }
            }
            What::GupPut { pfn } => {
                let last = self.pins.iter().rposition(|pin| pin.cpu == cpu && pin.pfn == pfn);
                if let Some(at) = last {
                    self.pins.remove(at);
                }
            }
            _ => {}
        }
    }

    /// Some entry has changed: the pages that were grabbed may be mapped now.
    fn gup_look_again(&mut self, kernel: &Kernel) {
        for grab in self.gup.iter_mut().flatten().filter(|grab| !grab.mapped) {
            let (mm, page) = (MmId(grab.mm), Vaddr(grab.page));
            grab.mapped = kernel.peek_maps(mm, page, Pfn(grab.pfn), grab.write);
        }
    }

    /// Whether an operation in flight may drop the page of an mm, or that of the file behind it.
    fn is_in_doubt(&self, kernel: &Kernel, mm: u8, page: u32) -> bool {
        self.is_uncertain(kernel, Cell::Private(mm, page))
            || cell_at(kernel, mm, page).is_some_and(|at| self.is_uncertain(kernel, at))
    }

    fn is_uncertain(&self, kernel: &Kernel, at: Cell) -> bool {
        self.dropping.iter().flatten().any(|&dropping| drops(kernel, dropping, at))
    }

    /// An operation that drops pages begins, or (`None`) the CPU's last one has ended.
    pub fn set_dropping(&mut self, kernel: &Kernel, cpu: u8, dropping: Option<Dropping>) {
        let before = std::mem::replace(&mut self.dropping[usize::from(cpu)], dropping);
        for gone in [before, dropping].into_iter().flatten() {
            let goes = |mm, page| {
                drops(kernel, gone, Cell::Private(mm, page))
                    || cell_at(kernel, mm, page).is_some_and(|at| drops(kernel, gone, at))
            };
            self.pins.retain(|pin| !goes(pin.mm, pin.page));
            for grab in self.gup.iter_mut().flatten() {
                grab.dropped |= goes(grab.mm, grab.page);
            }
            for at in self.touched.clone() {
                if drops(kernel, gone, at) && (*self.cell_mut(at) != RACED) {
                    *self.cell_mut(at) = UNKNOWN;
                }
            }
        }
        if let Some(Dropping::Hole { file: Some(file), from, to }) = before {
            (from..to).for_each(|page| self.punched(kernel, Cell::File(file, page)));
        }
        for at in self.touched.clone() {
            if *self.cell_mut(at) == RACED && !self.is_uncertain(kernel, at) {
                *self.cell_mut(at) = UNKNOWN;
            }
        }
    }

    /// A hole is there now: it reads as zeroes, unless something was stored meanwhile.
    fn punched(&mut self, kernel: &Kernel, at: Cell) {
        if self.slot(at) == Some(&UNKNOWN) && !self.is_uncertain(kernel, at) {
            self.touch(at);
            *self.cell_mut(at) = ZEROED;
        }
    }

    fn touch(&mut self, at: Cell) {
        if !self.touched.contains(&at) {
            self.touched.push(at);
        }
    }

    fn store(&mut self, kernel: &Kernel, at: Cell, value: u64) {
        let uncertain = self.is_uncertain(kernel, at);
        if self.slot(at).is_none() {
            return;
        }
        self.touch(at);
        // What a huge page has behind the end of its file goes when the page is split.
        let behind_eof = match at {
            Cell::File(file, page) => {
                u64::from(page) >= kernel.files[usize::from(file)].i_size.peek()
            }
            Cell::Private(..) => false,
        };
        *self.cell_mut(at) = match (uncertain, behind_eof) {
            (true, _) => RACED,
            (false, true) => UNKNOWN,
            (false, false) => value,
        };
    }

    fn slot(&self, at: Cell) -> Option<&u64> {
        match at {
            Cell::File(file, page) => self.file.get(self.index(file, page, FILE_UNITS_MAX)),
            Cell::Private(mm, page) => self.private.get(self.index(mm, page, UNITS_MAX)),
        }
    }

    fn cell_mut(&mut self, at: Cell) -> &mut u64 {
        match at {
            Cell::File(file, page) => {
                let index = self.index(file, page, FILE_UNITS_MAX);
                &mut self.file[index]
            }
            Cell::Private(mm, page) => {
                let index = self.index(mm, page, UNITS_MAX);
                &mut self.private[index]
            }
        }
    }

    fn index(&self, which: u8, page: u32, units: usize) -> usize {
        usize::from(which) * units * self.hpn as usize + page as usize
    }
}

/// Where an access of `mm` at `page` goes.
fn cell_at(kernel: &Kernel, mm: u8, page: u32) -> Option<Cell> {
    let spec = kernel.vma(kernel.peek_vma(MmId(mm), Vaddr(page))?).spec();
    match spec.file {
        Some(file) if spec.shared() => Some(Cell::File(file.0, spec.pgoff_of(Vaddr(page)))),
        _ => Some(Cell::Private(mm, page)),
    }
}

/// Whether an operation that is dropping may drop the content of a cell.
fn drops(kernel: &Kernel, dropping: Dropping, at: Cell) -> bool {
    match (dropping, at) {
        (Dropping::Range { mm, start, end }, Cell::Private(m, page)) => {
            mm.0 == m && start <= page && page < end
        }
        (Dropping::Moved { mm, from, to }, Cell::Private(m, page)) => {
            mm.0 == m && [from, to].iter().any(|range| (range.0..range.1).contains(&page))
        }
        (Dropping::Range { .. } | Dropping::Moved { .. }, Cell::File(..)) => false,
        (Dropping::Hole { file, from, to }, Cell::File(f, page)) => {
            file.is_none_or(|file| file == f) && (from..to).contains(&page)
        }
        (Dropping::Hole { .. }, Cell::Private(..)) => false,
        (Dropping::File { file, from }, Cell::File(f, page)) => file == f && page >= from,
        (Dropping::File { file, .. }, Cell::Private(mm, page)) => {
            kernel.vmas.iter().any(|(_, vma)| {
                vma.spec().mm.0 == mm
                    && vma.spec().contains(Vaddr(page))
                    && vma.spec().file.is_some_and(|f| f.0 == file)
            })
        }
    }
}
