//! What was observed of a run so far, as far as a later check needs it.
//!
//! Each room keeps what one promise is about: `cells` and `gone` what is read where, `dropping` what nobody can promise,
//! `moves` and `forks` where content goes, `pins` what is held, `collapses` what a collapse has done, `uffd` what
//! userfaultfd was asked for. What is forgotten between runs is what was touched, not all there is.

mod cells;
mod collapses;
mod dropping;
mod forks;
mod gone;
mod moves;
mod pins;
pub(super) mod uffd;

pub(super) use cells::Cell;
pub use dropping::Dropping;
pub(super) use pins::Pin;

use crate::mm::{Kernel, MmId, UNITS_MAX};
use crate::sync::What;
use cells::{Cells, RACED, UNKNOWN};
use collapses::Collapses;
use dropping::{InFlight, drops};
use forks::Forks;
use gone::Gone;
use moves::{Move, Moves};
use pins::Pins;
use uffd::{Uffd, loses_protection};

/// The observations.
#[derive(Debug)]
pub struct Observed {
    cells: Cells,
    gone: Gone,
    in_flight: InFlight,
    moves: Moves,
    forks: Forks,
    pins: Pins,
    collapses: Collapses,
    /// What userfaultfd has promised.
    pub uffd: Uffd,
    hpn: u32,
}

impl Observed {
    /// Of a machine with this HPN.
    pub fn new(hpn: u32) -> Observed {
        Observed {
            cells: Cells::new(hpn),
            gone: Gone::default(),
            in_flight: InFlight::default(),
            moves: Moves::default(),
            forks: Forks::default(),
            pins: Pins::default(),
            collapses: Collapses::default(),
            uffd: Uffd::new(hpn),
            hpn,
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.cells.reset();
        self.gone.reset();
        self.in_flight.reset();
        self.moves.reset();
        self.forks.reset();
        self.pins.reset();
        self.collapses.reset();
        self.uffd.reset();
    }

    /// The machine has booted.
    pub fn begin(&mut self, kernel: &Kernel) {
        self.uffd.begin(kernel);
    }

    /// Where an access of `mm` at `page` goes.
    pub fn cell_of(&self, kernel: &Kernel, mm: u8, page: u32) -> Option<Cell> {
        Cell::of(kernel, mm, page)
    }

    /// What was stored there last; `None`: not known.
    pub fn last_store(&self, at: Cell) -> Option<u64> {
        self.cells.last_store(at)
    }

    /// The cells with a known content.
    pub fn known(&self) -> impl Iterator<Item = (Cell, u64)> + '_ {
        self.cells.known()
    }

    /// Whether this content was here, and was dropped, or has moved away.
    pub fn has_left(&self, at: Cell, value: u64) -> bool {
        self.gone.contains(at, value)
    }

    /// What was dropped, or has moved away, and from where.
    pub fn left(&self) -> impl Iterator<Item = (Cell, u64)> + '_ {
        self.gone.all()
    }

    /// Whether this CPU has installed a huge PMD there.
    pub fn has_installed(&self, cpu: u8, mm: u8, haddr: u32) -> bool {
        self.collapses.has_installed(cpu, mm, haddr)
    }

    /// Whether this CPU has unlinked the table there, in the operation that it is in.
    pub fn has_unlinked(&self, cpu: u8, mm: u8, haddr: u32) -> bool {
        self.collapses.has_unlinked(cpu, mm, haddr)
    }

    /// The CPU that has unlinked the table of the range around `page`, and still holds the huge page.
    pub fn unlinked_by(&self, mm: u8, page: u32) -> Option<u8> {
        self.collapses.unlinked_by(mm, page / self.hpn * self.hpn)
    }

    /// The first huge range of the CPU's call of MADV_COLLAPSE that had no huge PMD since the call began.
    pub fn range_never_huge(&self, cpu: u8, mm: u8, start: u32, end: u32) -> Option<u32> {
        let seen = self.collapses.huge_units(cpu, mm);
        let mut ranges = (start..end).step_by(self.hpn as usize);
        ranges.find(|haddr| seen >> (haddr / self.hpn) & 1 == 0)
    }

    /// Whether the page that the CPU has grabbed was mapped at some instant since.
    pub fn gup_was_mapped(&self, cpu: u8) -> bool {
        self.pins.was_mapped(cpu)
    }

    /// The pages that are pinned, that their mms must not replace.
    pub fn pins(&self) -> impl Iterator<Item = Pin> + '_ {
        self.pins.all()
    }

    /// Takes a fact in, after the checks have seen it.
    pub fn take_in(&mut self, kernel: &Kernel, cpu: u8, what: What) {
        let me = usize::from(cpu);
        if matches!(what, What::Uffd { .. } | What::HoleFilled { .. } | What::OpEnd(_)) {
            let Observed { uffd, in_flight, .. } = self;
            uffd.take_in(kernel, cpu, what, |at| match at {
                Cell::Private(mm, page) => {
                    in_flight.all().any(|d| loses_protection(kernel, d, mm, page))
                }
                Cell::File(..) => false,
            });
        }
        match what {
            What::UserStore { mm, page, value } | What::UffdStore { mm, page, value } => {
                self.forks.stored(mm, page);
                if let Some(at) = Cell::of(kernel, mm, page) {
                    self.store(kernel, at, value);
                }
            }
            What::FileStore { file, index, value } => {
                self.store(kernel, Cell::File(file, index), value);
            }
            What::Establish { mm, start, pages, .. } => {
                if pages > 1 {
                    self.collapses.install(cpu, mm, start, start / self.hpn);
                }
                self.pins.look_again(kernel);
            }
            What::GupGrab { .. } | What::GupDone { .. } | What::GupPut { .. } => {
                self.take_in_gup(kernel, cpu, what);
            }
            What::Unlink { pmd, .. } => {
                let units = UNITS_MAX as u32;
                let (mm, unit) = (pmd.index() / units, pmd.index() % units);
                self.collapses.set_unlinked(cpu, Some((mm as u8, unit * self.hpn)));
            }
            What::CollapseCall { mm, .. } => self.collapses.begin_call(kernel, cpu, mm),
            What::CollapseReturn { .. } => self.collapses.end_call(cpu),
            What::CollapseResult { .. } => self.collapses.end_range(cpu),
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
                self.dropped(kernel, cpu, range);
            }
            // From here on the huge page may be faulted in.
            What::Retracted { .. } => self.collapses.set_unlinked(cpu, None),
            What::OpEnd(_) => {
                self.collapses.end_range(cpu);
                self.forks.set(me, None);
            }
            _ => {}
        }
    }

    fn store(&mut self, kernel: &Kernel, at: Cell, value: u64) {
        // What a huge page has behind the end of its file goes when the page is split.
        let behind_eof = match at {
            Cell::File(file, page) => {
                u64::from(page) >= kernel.files[usize::from(file)].i_size.peek()
            }
            Cell::Private(..) => false,
        };
        let value = match (self.in_flight.may_drop(kernel, at), behind_eof) {
            (true, _) => RACED,
            (false, true) => UNKNOWN,
            (false, false) => value,
        };
        self.cells.set(at, value);
        self.store_moving(at, value);
    }
}
