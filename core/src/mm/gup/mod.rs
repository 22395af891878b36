//! get_user_pages: the page behind a user's address, with a reference or a pin that keeps it
//! (kernel-semantics section 6.6).
//!
//! The fast path walks the tables with no lock but interrupts turned off; the slow one faults under mmap_lock. What a
//! CPU has got it holds until it puts it back: [`GupHeld`].

mod fast;
mod flags;
mod force;
mod grab;
mod held;
mod must_unshare;
mod slow;
#[cfg(test)]
mod tests;

pub(super) use fast::{pin_seq_begin, pin_seq_retry};
pub use flags::{FollFlags, UserPage};
pub(super) use force::can_follow_write;
pub(super) use grab::{folio_fast_pin_allowed, try_get_folio_unchecked};
pub use held::{GupHeld, HeldPage};
pub(super) use must_unshare::must_unshare;
