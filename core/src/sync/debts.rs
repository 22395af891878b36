//! Debts: what the operation in flight on a CPU still owes to each counter.
//!
//! Whoever changes an entry owes the counters their change; whoever changes a counter pays. So at every step
//! `counter + sum of debts == recount`, and an operation that ends with a debt is wrong in itself
//! (kernel-semantics section 18.2).

use std::cell::{Cell, RefCell};

use crate::trace::{Obj, Place};

/// What is owed to one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Debt {
    /// The counter: a folio's refcount, an rss counter, a page's mapcount, nr_ptes, a page_table_check count.
    pub to: Obj,
    /// How much must still be added to it.
    pub amount: i64,
    /// The function in which the debt was made.
    pub place: Place,
}

/// The ledger of one CPU.
#[derive(Debug, Default)]
pub struct Debts {
    open: RefCell<Vec<Debt>>,
    /// Invalidation ranges that the CPU has opened and not closed.
    ranges: RefCell<Vec<(u8, u32, u32)>>,
    total: Cell<u32>,
    /// The function that the CPU is in.
    pub(super) here: Cell<Place>,
}

impl Debts {
    /// Notes that `amount` must still be added to the counter `to` (negative: subtracted).
    ///
    /// A payment is a debt of the opposite sign.
    #[inline]
    pub fn owe(&self, to: Obj, amount: i64) {
        if amount == 0 {
            return;
        }
        let mut open = self.open.borrow_mut();
        match open.iter().position(|debt| debt.to == to) {
            Some(at) if open[at].amount == -amount => {
                open.swap_remove(at);
            }
            Some(at) => open[at].amount += amount,
            None => open.push(Debt { to, amount, place: self.here.get() }),
        }
        self.total.set(open.len() as u32);
    }

    /// Notes that `amount` has been added to the counter `to`.
    #[inline]
    pub fn pay(&self, to: Obj, amount: i64) {
        self.owe(to, -amount);
    }

    /// Notes that the range was opened (`mm`, first page, pages).
    pub fn open_range(&self, mm: u8, start: u32, pages: u32) {
        self.ranges.borrow_mut().push((mm, start, pages));
    }

    /// Notes that the range was closed; `false` if it was not open.
    pub fn close_range(&self, mm: u8, start: u32, pages: u32) -> bool {
        let mut ranges = self.ranges.borrow_mut();
        match ranges.iter().rposition(|&range| range == (mm, start, pages)) {
            Some(at) => {
                ranges.remove(at);
                true
            }
            None => false,
        }
    }

    /// Whether an open range covers these pages.
    pub fn covers(&self, mm: u8, start: u32, pages: u32) -> bool {
        self.ranges
            .borrow()
            .iter()
            .any(|&(m, s, n)| m == mm && s <= start && start + pages <= s + n)
    }

    /// The ranges that are open.
    pub fn ranges(&self) -> Vec<(u8, u32, u32)> {
        self.ranges.borrow().clone()
    }

    /// Whether nothing is owed.
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.total.get() == 0
    }

    /// What is owed, in the order of the counters.
    pub fn open(&self) -> Vec<Debt> {
        let mut open = self.open.borrow().clone();
        open.sort_by_key(|debt| debt.to);
        open
    }

    /// Forgives everything.
    pub fn clear(&self) {
        self.open.borrow_mut().clear();
        self.ranges.borrow_mut().clear();
        self.total.set(0);
    }
}
