//! Pages that mremap is moving.
//!
//! The promise: until it is done the content of each page is reached by one address or by the other, and afterwards by the
//! one that it was to go to, or, if nothing was moved, by the one where it was.

use super::cells::UNKNOWN;
use super::{Cell, Observed};
use crate::mm::Kernel;
use crate::sync::CPUS_MAX;

/// What one CPU is moving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) mm: u8,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) pages: u32,
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

    /// Whether a page is in either range.
    fn concerns(&self, mm: u8, page: u32) -> bool {
        let ranges = [self.from, self.to].map(|first| first..first + self.pages);
        mm == self.mm && ranges.iter().any(|range| range.contains(&page))
    }
}

/// What each CPU is moving.
#[derive(Debug, Default)]
pub(super) struct Moves([Option<Move>; CPUS_MAX]);

impl Observed {
    /// The content of each page is that of its new address too, and the other way round, until the move is over. Whoever
    /// has pinned one goes on to hold it, but not at this address.
    pub(super) fn begin_move(&mut self, kernel: &Kernel, cpu: u8, moving: Move) {
        self.set_dropping(kernel, cpu, None);
        if !matches!(Cell::of(kernel, moving.mm, moving.from), Some(Cell::Private(..))) {
            return;
        }
        self.pins.drop(|mm, page| moving.concerns(mm, page));
        for (from, to) in moving.pairs() {
            let content = self.cells.last_store(from).unwrap_or(UNKNOWN);
            self.copy_to(to, content);
            self.gone.forget_where(|at| at == to);
        }
        self.moves.0[usize::from(cpu)] = Some(moving);
    }

    /// The pages are where they were to go, or where they were.
    pub(super) fn end_move(&mut self, cpu: u8, moved: bool) {
        let Some(moving) = self.moves.0[usize::from(cpu)].take() else { return };
        for (from, to) in moving.pairs() {
            let left = if moved { from } else { to };
            if let Some(content) = self.cells.last_store(left) {
                self.gone.forget_where(|at| at == left);
                self.gone.push(left, content);
            }
            self.copy_to(left, UNKNOWN);
        }
    }

    /// What was stored at one address is at the other one as well.
    pub(super) fn store_moving(&mut self, at: Cell, value: u64) {
        for i in 0..CPUS_MAX {
            if let Some(other) = self.moves.0[i].and_then(|moving| moving.other(at)) {
                self.copy_to(other, value);
            }
        }
    }

    fn copy_to(&mut self, at: Cell, value: u64) {
        match value {
            // What is not known stays as it is: a race there may be still.
            UNKNOWN if self.cells.last_store(at).is_none() => {}
            value => self.cells.set(at, value),
        }
    }
}

impl Moves {
    pub(super) fn reset(&mut self) {
        *self = Moves::default();
    }
}
