//! Forks that are under way.
//!
//! The promise: a child has of each private page what its parent had stored last, before the fork began, and what the
//! parent stores afterwards it never sees.

use super::{Cell, Observed};
use crate::mm::{Kernel, MmId, UNITS_MAX, Vaddr};
use crate::oracle::forked;
use crate::sync::CPUS_MAX;

/// The forks that are under way.
#[derive(Debug, Default)]
pub(super) struct Forks {
    /// By CPU: the mm that is being copied, and the pages of it that were stored to since that began.
    by_cpu: [Option<(u8, Vec<u32>)>; CPUS_MAX],
}

impl Forks {
    pub(super) fn reset(&mut self) {
        *self = Forks::default();
    }

    /// The CPU begins to copy an mm, or (`None`) is done.
    pub(super) fn set(&mut self, cpu: usize, parent: Option<u8>) {
        self.by_cpu[cpu] = parent.map(|parent| (parent, Vec::new()));
    }

    /// A page was stored to.
    pub(super) fn stored(&mut self, mm: u8, page: u32) {
        for (parent, pages) in self.by_cpu.iter_mut().flatten() {
            if *parent == mm {
                pages.push(page);
            }
        }
    }

    /// Whether that was while the mm was being copied.
    fn has_stored(&self, parent: u8, page: u32) -> bool {
        let mut forks = self.by_cpu.iter().flatten();
        forks.any(|(mm, pages)| *mm == parent && pages.contains(&page))
    }
}

impl Observed {
    /// What a child must have of its parent's: the pages, and what was stored there last, before the fork began.
    pub fn inherited<'a>(
        &'a self,
        kernel: &'a Kernel,
        parent: u8,
        child: u8,
    ) -> impl Iterator<Item = (u32, u64)> + 'a {
        let stored = self.cells.known().filter_map(move |(at, stored)| match at {
            Cell::Private(mm, page) if mm == parent => Some((page, stored)),
            _ => None,
        });
        stored.filter(move |&(page, _)| {
            forked::inherits(kernel, child, page)
                && !self.forks.has_stored(parent, page)
                && !self.in_flight.may_drop(kernel, Cell::Private(child, page))
        })
    }

    /// A child is born: what it has of its own is known from now on.
    ///
    /// Reclaim or a migration may have taken an entry of it out for a moment: then the parent says what will be there, as
    /// it does of what was MADV_FREE'd, which is sure only if it was stored to since.
    pub(super) fn remember_child(&mut self, kernel: &Kernel, parent: u8, child: u8) {
        let inherited: Vec<(u32, u64)> = self.inherited(kernel, parent, child).collect();
        for page in 0..UNITS_MAX as u32 * self.hpn {
            let at = Cell::Private(child, page);
            if !forked::inherits(kernel, child, page) || self.in_flight.may_drop(kernel, at) {
                continue;
            }
            let own = forked::own_content(kernel, MmId(child), Vaddr(page));
            let own = own.filter(|&(_, sure)| sure).map(|(content, _)| content);
            let stored = inherited.iter().find(|&&(of, _)| of == page).map(|&(_, stored)| stored);
            if let Some(content) = own.or(stored) {
                self.cells.set(at, content);
            }
        }
    }
}
