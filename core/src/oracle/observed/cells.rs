//! The content of each page, as far as anybody can know it: what was stored there last.
//!
//! A cell is promised to hold its last store until an operation that may drop it begins.

use crate::mm::{
    FILE_UNITS_MAX, FILES_MAX, FileId, Kernel, MMS_MAX, Mapping, MmId, Pfn, Pte, UNITS_MAX, Vaddr,
};

/// Which content a user access goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// The page cache's page of a file.
    File(u8, u32),
    /// A page of an mm's own.
    Private(u8, u32),
}

impl Cell {
    /// Where an access of `mm` at `page` goes. While the bounds of a VMA move, the tree may have none there, and the
    /// hardware goes on.
    pub(super) fn of(kernel: &Kernel, mm: u8, page: u32) -> Option<Cell> {
        let Some(vma) = kernel.peek_vma(MmId(mm), Vaddr(page)) else {
            return Cell::mapped(kernel, mm, page);
        };
        let spec = kernel.vma(vma).spec();
        Some(match spec.file {
            Some(file) if spec.shared() => Cell::File(file.0, spec.pgoff_of(Vaddr(page))),
            _ => Cell::Private(mm, page),
        })
    }

    /// Whose page is mapped there.
    fn mapped(kernel: &Kernel, mm: u8, page: u32) -> Option<Cell> {
        let pmd = kernel.peek_pmd(MmId(mm), Vaddr(page));
        let pfn = match pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id)) {
            Some(table) => {
                let pte = Pte(kernel.tables.get(table).entry(page).peek());
                pte.is_present().then(|| pte.pfn())
            }
            None => pmd.is_trans_huge().then(|| Pfn(pmd.pfn().0 + page % kernel.hpn)),
        };
        let pfn = pfn.filter(|&pfn| kernel.folios.is_valid(pfn))?;
        let folio = kernel.folio_of(pfn);
        match folio.peek_mapping() {
            Mapping::File(FileId(file)) => {
                let head = kernel.folios.head(kernel.folios.of(pfn));
                Some(Cell::File(file, folio.index() + pfn.0 - head.0))
            }
            Mapping::Anon(_) => Some(Cell::Private(mm, page)),
            Mapping::None => None,
        }
    }
}

/// A cell of which nothing is known.
pub(super) const UNKNOWN: u64 = 0;
/// One that holds zeroes: a hole was punched, and nothing was stored since.
pub(super) const ZEROED: u64 = u64::MAX;
/// One that was stored to while an operation in flight may drop it: nobody knows which of the two was first.
pub(super) const RACED: u64 = u64::MAX - 1;

/// The cells.
#[derive(Debug)]
pub(super) struct Cells {
    /// The content, and whether the cell is in `touched`: the pages of all mms, then those of all files.
    slots: Vec<(u64, bool)>,
    /// The cells that were ever known, in that order.
    touched: Vec<Cell>,
    hpn: usize,
}

impl Cells {
    pub(super) fn new(hpn: u32) -> Cells {
        let hpn = hpn as usize;
        let cells = (MMS_MAX * UNITS_MAX + FILES_MAX * FILE_UNITS_MAX) * hpn;
        Cells { slots: vec![(UNKNOWN, false); cells], touched: Vec::new(), hpn }
    }

    pub(super) fn reset(&mut self) {
        while let Some(at) = self.touched.pop() {
            if let Some(index) = self.index(at) {
                self.slots[index] = (UNKNOWN, false);
            }
        }
    }

    fn index(&self, at: Cell) -> Option<usize> {
        let (first, units, page) = match at {
            Cell::Private(mm, page) => (usize::from(mm) * UNITS_MAX, UNITS_MAX, page as usize),
            Cell::File(file, page) => {
                let first = MMS_MAX * UNITS_MAX + usize::from(file) * FILE_UNITS_MAX;
                (first, FILE_UNITS_MAX, page as usize)
            }
        };
        let index = first * self.hpn + page;
        (page < units * self.hpn && index < self.slots.len()).then_some(index)
    }

    /// What is noted of a cell: its content, or one of the constants.
    pub(super) fn get(&self, at: Cell) -> Option<u64> {
        self.index(at).map(|index| self.slots[index].0)
    }

    /// Notes it.
    pub(super) fn set(&mut self, at: Cell, value: u64) {
        let Some(index) = self.index(at) else { return };
        let known = std::mem::replace(&mut self.slots[index], (value, true)).1;
        if !known {
            self.touched.push(at);
        }
    }

    /// Forgets what is in a cell, if anything is.
    pub(super) fn forget(&mut self, at: Cell) {
        if let Some(index) = self.index(at) {
            self.slots[index].0 = UNKNOWN;
        }
    }

    /// The content of a cell, if it is known.
    pub(super) fn last_store(&self, at: Cell) -> Option<u64> {
        match self.get(at)? {
            UNKNOWN | RACED => None,
            ZEROED => Some(0),
            value => Some(value),
        }
    }

    /// The cells with a known content.
    pub(super) fn known(&self) -> impl Iterator<Item = (Cell, u64)> + '_ {
        self.touched.iter().filter_map(|&at| Some((at, self.last_store(at)?)))
    }

    /// Forgets the cells that `goes` says of, by their place and what is noted of them.
    pub(super) fn forget_where(&mut self, goes: impl Fn(Cell, u64) -> bool) {
        for i in 0..self.touched.len() {
            let at = self.touched[i];
            if self.get(at).is_some_and(|value| value != UNKNOWN && goes(at, value)) {
                self.forget(at);
            }
        }
    }
}
