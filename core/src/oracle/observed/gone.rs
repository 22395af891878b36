//! What has gone from where: content that was dropped, or has moved away, must not be read there again.

use super::Cell;

/// Cells and what they held.
#[derive(Debug, Default)]
pub(super) struct Gone(Vec<(Cell, u64)>);

impl Gone {
    pub(super) fn reset(&mut self) {
        self.0.clear();
    }

    /// This content was here, and is not any longer.
    pub(super) fn push(&mut self, at: Cell, content: u64) {
        self.0.push((at, content));
    }

    /// Anything may be in the cells that `at` says of.
    pub(super) fn forget_where(&mut self, at: impl Fn(Cell) -> bool) {
        self.0.retain(|&(cell, _)| !at(cell));
    }

    pub(super) fn contains(&self, at: Cell, content: u64) -> bool {
        self.0.contains(&(at, content))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Cell, u64)> + '_ {
        self.0.iter().copied()
    }
}
