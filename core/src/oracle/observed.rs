//! What was observed of a run so far, as far as a later check needs it: the last user stores, who is dropping which
//! pages, who has unlinked which table.

pub(super) mod uffd;

use super::forked::{self, Forks};
use crate::mm::{
    FILE_UNITS_MAX, FILES_MAX, FollFlags, Kernel, MMS_MAX, MmId, Pfn, UNITS_MAX, Vaddr,
};
use crate::sync::{CPUS_MAX, What};
use uffd::{Uffd, loses_protection};

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
    /// mremap: the new range, of an mm's own pages, until the old one begins to move there.
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
    /// The forks that are under way.
    forks: Forks,
    /// The huge PMD that a CPU installed last: mm and first page.
    installed: [Option<(u8, u32)>; CPUS_MAX],
    /// The range whose table a CPU has unlinked while it holds the huge page's lock.
    unlinked: [Option<(u8, u32)>; CPUS_MAX],
    /// The call of MADV_COLLAPSE that a CPU is in, and the units that had a huge PMD meanwhile.
    calls: [Option<(u8, u64)>; CPUS_MAX],
    /// The page that a CPU in GUP-fast has grabbed, and whether it was mapped since.
    gup: [Option<Grab>; CPUS_MAX],
    /// The pages that are pinned for an mm that must not get others in their place, and has not dropped them since:
    /// anonymous ones, those of private mappings that are pinned for long, and those of shmem that is mapped shared.
    pins: Vec<Pin>,
    /// What each CPU is moving.
    moving: [Option<Move>; CPUS_MAX],
    /// What each CPU's operation may drop, and was known when it began.
    known_before: [Vec<(Cell, u64)>; CPUS_MAX],
    /// What was dropped, or has moved away, from a page of an mm's own, and must not be read there any longer.
    left: Vec<(Cell, u64)>,
    /// What userfaultfd has promised.
    pub uffd: Uffd,
    hpn: u32,
}

/// Pages that mremap is moving: until it is done each is reached by one address or by the other.
#[derive(Clone, Copy, Debug)]
struct Move {
    mm: u8,
    from: u32,
    to: u32,
    pages: u32,
}

impl Move {
    /// The other address of a page of either range.
    fn other(&self, at: Cell) -> Option<Cell> {
        let Cell::Private(mm, page) = at else { return None };
        let offset = |first: u32| page.checked_sub(first).filter(|&offset| offset < self.pages);
        let page = offset(self.from)
            .map(|offset| self.to + offset)
            .or_else(|| offset(self.to).map(|offset| self.from + offset));
        page.filter(|_| mm == self.mm).map(|page| Cell::Private(mm, page))
    }

    /// The two addresses of each page.
    fn pairs(self) -> impl Iterator<Item = (Cell, Cell)> {
        let cell = move |page| Cell::Private(self.mm, page);
        (0..self.pages).map(move |i| (cell(self.from + i), cell(self.to + i)))
    }
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
            forks: Forks::default(),
            installed: [None; CPUS_MAX],
            unlinked: [None; CPUS_MAX],
            calls: [None; CPUS_MAX],
            gup: [None; CPUS_MAX],
            pins: Vec::new(),
            moving: [None; CPUS_MAX],
            known_before: Default::default(),
            left: Vec::new(),
            uffd: Uffd::new(hpn),
            hpn,
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        for at in std::mem::take(&mut self.touched) {
            *self.cell_mut(at) = 0;
        }
        self.dropping = [None; CPUS_MAX];
        self.forks = Forks::default();
        self.installed = [None; CPUS_MAX];
        self.unlinked = [None; CPUS_MAX];
        self.calls = [None; CPUS_MAX];
        self.gup = [None; CPUS_MAX];
        self.pins.clear();
        self.moving = [None; CPUS_MAX];
        self.known_before.iter_mut().for_each(Vec::clear);
        self.left.clear();
        self.uffd.reset();
    }

    /// The machine has booted.
    pub fn begin(&mut self, kernel: &Kernel) {
        self.uffd.begin(kernel);
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

    /// Whether this content was here, and was dropped, or has moved away.
    pub fn has_left(&self, at: Cell, value: u64) -> bool {
        self.left.contains(&(at, value))
    }

    /// What was dropped, or has moved away, and from where.
    pub fn left(&self) -> impl Iterator<Item = (Cell, u64)> + '_ {
        self.left.iter().copied()
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

    /// The first huge range of the CPU's call of MADV_COLLAPSE that had no huge PMD since the call began.
    pub fn range_never_huge(&self, cpu: u8, mm: u8, start: u32, end: u32) -> Option<u32> {
        let seen =
            self.calls[usize::from(cpu)].map_or(0, |(of, units)| if of == mm { units } else { 0 });
        let mut ranges = (start..end).step_by(self.hpn as usize);
        ranges.find(|haddr| seen >> (haddr / self.hpn) & 1 == 0)
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
        if matches!(what, What::Uffd { .. } | What::HoleFilled { .. } | What::OpEnd(_)) {
            let dropping = self.dropping;
            self.uffd.take_in(kernel, cpu, what, |at| match at {
                Cell::Private(mm, page) => {
                    dropping.iter().flatten().any(|&d| loses_protection(kernel, d, mm, page))
                }
                Cell::File(..) => false,
            });
        }
        match what {
            What::UserStore { mm, page, value } | What::UffdStore { mm, page, value } => {
                self.forks.stored(mm, page);
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
                    for (_, units) in self.calls.iter_mut().flatten().filter(|(of, _)| *of == mm) {
                        *units |= 1 << (start / self.hpn);
                    }
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
            What::CollapseCall { mm, .. } => {
                let is_huge =
                    |unit: &u32| kernel.peek_pmd(MmId(mm), Vaddr(unit * self.hpn)).is_trans_huge();
                let units =
                    (0..UNITS_MAX as u32).filter(is_huge).fold(0, |all, unit| all | 1 << unit);
                self.calls[me] = Some((mm, units));
            }
            What::CollapseReturn { .. } => self.calls[me] = None,
            What::CollapseResult { .. } => {
                self.unlinked[me] = None;
                self.installed[me] = None;
            }
            What::Fork { parent, child, done } => {
                if done {
                    self.remember_child(kernel, parent, child);
                }
                self.forks.set(me, (!done).then_some(parent));
            }
            What::MoveBegin { mm, from, to, pages } => {
                self.begin_move(kernel, cpu, Move { mm, from, to, pages });
            }
            What::MoveEnd { moved } => self.end_move(cpu, moved),
            What::Dontneed { mm, start, pages } => {
                let range = Dropping::Range { mm: MmId(mm), start, end: start + pages };
                let known = std::mem::take(&mut self.known_before[me]);
                self.left.extend(known.into_iter().filter(|&(at, _)| drops(kernel, range, at)));
            }
            // From here on the huge page may be faulted in.
            What::Retracted { .. } => self.unlinked[me] = None,
            What::OpEnd(_) => {
                self.unlinked[me] = None;
                self.forks.set(me, None);
            }
            _ => {}
        }
    }

    /// The content of each page is that of its new address too, and the other way round, until the move is over. Whoever
    /// has pinned one goes on to hold it, but not at this address.
    fn begin_move(&mut self, kernel: &Kernel, cpu: u8, moving: Move) {
        self.set_dropping(kernel, cpu, None);
        if !matches!(self.cell_of(kernel, moving.mm, moving.from), Some(Cell::Private(..))) {
            return;
        }
        let ranges = [moving.from, moving.to].map(|first| first..first + moving.pages);
        let within = |mm, page| mm == moving.mm && ranges.iter().any(|range| range.contains(&page));
        self.pins.retain(|pin| !within(pin.mm, pin.page));
        for grab in self.gup.iter_mut().flatten() {
            grab.dropped |= within(grab.mm, grab.page);
        }
        for (from, to) in moving.pairs() {
            let content = self.last_store(from).unwrap_or(0);
            self.set_cell(to, content);
            self.left.retain(|&(at, _)| at != to);
        }
        self.moving[usize::from(cpu)] = Some(moving);
    }

    /// The pages are where they were to go, or where they were.
    fn end_move(&mut self, cpu: u8, moved: bool) {
        let Some(moving) = self.moving[usize::from(cpu)].take() else { return };
        for (from, to) in moving.pairs() {
            let gone = if moved { from } else { to };
            if let Some(content) = self.last_store(gone) {
                self.left.retain(|&(at, _)| at != gone);
                self.left.push((gone, content));
            }
            self.set_cell(gone, 0);
        }
    }

    fn set_cell(&mut self, at: Cell, value: u64) {
        if self.slot(at).is_none() || value == 0 && self.last_store(at).is_none() {
            return;
        }
        if !self.touched.contains(&at) {
            self.touched.push(at);
        }
        *self.cell_mut(at) = value;
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
        self.known_before[usize::from(cpu)].clear();
        if let Some(gone) = dropping {
            let known = self.known().filter(|&(at, _)| drops(kernel, gone, at));
            self.known_before[usize::from(cpu)] = known.collect();
            self.left.retain(|&(at, _)| !drops(kernel, gone, at));
        }
        for gone in [before, dropping].into_iter().flatten() {
            self.uffd.drop(kernel, gone);
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

    /// What a child must have of its parent's: the pages, and what was stored there last, before the fork began.
    pub fn inherited<'a>(
        &'a self,
        kernel: &'a Kernel,
        parent: u8,
        child: u8,
    ) -> impl Iterator<Item = (u32, u64)> + 'a {
        let stored = self.known().filter_map(move |(at, stored)| match at {
            Cell::Private(mm, page) if mm == parent => Some((page, stored)),
            _ => None,
        });
        stored.filter(move |&(page, _)| {
            forked::inherits(kernel, child, page)
                && !self.forks.has_stored(parent, page)
                && !self.is_uncertain(kernel, Cell::Private(child, page))
        })
    }

    /// A child is born: what it has of its own is known from now on.
    ///
    /// Reclaim or a migration may have taken an entry of it out for a moment: then the parent says what will be there, as
    /// it does of what was MADV_FREE'd, which is sure only if it was stored to since.
    fn remember_child(&mut self, kernel: &Kernel, parent: u8, child: u8) {
        let inherited: Vec<(u32, u64)> = self.inherited(kernel, parent, child).collect();
        for page in 0..UNITS_MAX as u32 * self.hpn {
            let at = Cell::Private(child, page);
            if !forked::inherits(kernel, child, page) || self.is_uncertain(kernel, at) {
                continue;
            }
            let own = forked::own_content(kernel, MmId(child), Vaddr(page));
            let own = own.filter(|&(_, sure)| sure).map(|(content, _)| content);
            let stored = inherited.iter().find(|&&(of, _)| of == page).map(|&(_, stored)| stored);
            if let Some(content) = own.or(stored) {
                self.touch(at);
                *self.cell_mut(at) = content;
            }
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
        let value = match (uncertain, behind_eof) {
            (true, _) => RACED,
            (false, true) => UNKNOWN,
            (false, false) => value,
        };
        *self.cell_mut(at) = value;
        let others = self.moving.iter().flatten().filter_map(|moving| moving.other(at));
        for other in others.collect::<Vec<_>>() {
            self.set_cell(other, value);
        }
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
        (Dropping::Moved { mm, to, .. }, Cell::Private(m, page)) => {
            mm.0 == m && (to.0..to.1).contains(&page)
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
