//! Operations in flight that may drop pages: until they have ended nobody can know what is in those.
//!
//! The promise that is left: what was dropped does not come back, and nobody else's pages go.

use super::cells::{RACED, UNKNOWN, ZEROED};
use super::{Cell, Observed};
use crate::mm::{Kernel, MmId, Vaddr};
use crate::sync::CPUS_MAX;

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

/// What each CPU's operation may drop.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    by_cpu: [Option<Dropping>; CPUS_MAX],
    /// What was known of it when the operation began.
    known_before: [Vec<(Cell, u64)>; CPUS_MAX],
}

impl InFlight {
    pub(super) fn reset(&mut self) {
        self.by_cpu = [None; CPUS_MAX];
        self.known_before.iter_mut().for_each(Vec::clear);
    }

    /// The operations.
    pub(super) fn all(&self) -> impl Iterator<Item = Dropping> + '_ {
        self.by_cpu.iter().flatten().copied()
    }

    /// Whether one of them may drop the content of a cell.
    pub(super) fn may_drop(&self, kernel: &Kernel, at: Cell) -> bool {
        self.all().any(|dropping| drops(kernel, dropping, at))
    }
}

impl Observed {
    /// An operation that drops pages begins, or (`None`) the CPU's last one has ended.
    pub fn set_dropping(&mut self, kernel: &Kernel, cpu: u8, dropping: Option<Dropping>) {
        let me = usize::from(cpu);
        let before = std::mem::replace(&mut self.in_flight.by_cpu[me], dropping);
        if before.is_none() && dropping.is_none() {
            return;
        }
        let mut known_before = std::mem::take(&mut self.in_flight.known_before[me]);
        known_before.clear();
        if let Some(going) = dropping {
            // What another one that is dropping pages knew is not known any longer, but must go all the same.
            let others = self.in_flight.by_cpu.iter().zip(&self.in_flight.known_before);
            for (_, known) in
                others.filter(|(other, _)| matches!(other, Some(Dropping::Range { .. })))
            {
                known_before.extend(known.iter().filter(|&&(at, _)| drops(kernel, going, at)));
            }
            known_before.extend(self.cells.known().filter(|&(at, _)| drops(kernel, going, at)));
            self.gone.forget_where(|at| drops(kernel, going, at));
        }
        self.in_flight.known_before[me] = known_before;
        for going in [before, dropping].into_iter().flatten() {
            self.uffd.drop(kernel, going);
            self.pins.drop(|mm, page| {
                drops(kernel, going, Cell::Private(mm, page))
                    || Cell::of(kernel, mm, page).is_some_and(|at| drops(kernel, going, at))
            });
            self.cells.forget_where(|at, value| value != RACED && drops(kernel, going, at));
        }
        if let Some(Dropping::Hole { file: Some(file), from, to }) = before {
            (from..to).for_each(|page| self.punched(kernel, Cell::File(file, page)));
        }
        let Observed { cells, in_flight, .. } = self;
        cells.forget_where(|at, value| value == RACED && !in_flight.may_drop(kernel, at));
    }

    /// A hole is there now: it reads as zeroes, unless something was stored meanwhile.
    fn punched(&mut self, kernel: &Kernel, at: Cell) {
        if self.cells.get(at) == Some(UNKNOWN) && !self.in_flight.may_drop(kernel, at) {
            self.cells.set(at, ZEROED);
        }
    }

    /// MADV_DONTNEED has dropped its range: what was there and was known when it began must not be seen there again.
    pub(super) fn dropped(&mut self, kernel: &Kernel, cpu: u8, range: Dropping) {
        let known = std::mem::take(&mut self.in_flight.known_before[usize::from(cpu)]);
        for (at, content) in known.into_iter().filter(|&(at, _)| drops(kernel, range, at)) {
            self.gone.push(at, content);
        }
    }

    /// Whether an operation in flight may drop the page of an mm, or that of the file behind it.
    pub(super) fn is_in_doubt(&self, kernel: &Kernel, mm: u8, page: u32) -> bool {
        self.in_flight.may_drop(kernel, Cell::Private(mm, page))
            || Cell::of(kernel, mm, page).is_some_and(|at| self.in_flight.may_drop(kernel, at))
    }
}

/// Whether an operation that is dropping may drop the content of a cell.
pub(super) fn drops(kernel: &Kernel, dropping: Dropping, at: Cell) -> bool {
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
        (Dropping::File { file, from }, Cell::Private(mm, page)) => {
            let page = Vaddr(page);
            kernel.vmas.iter().map(|(_, vma)| vma.spec()).any(|spec| {
                spec.mm.0 == mm
                    && spec.contains(page)
                    && spec.file.is_some_and(|f| f.0 == file)
                    && spec.pgoff_of(page) >= from
            })
        }
    }
}
