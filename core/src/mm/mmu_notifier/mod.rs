//! mmu_notifier: whoever mirrors a page table is told before an entry goes, and when it is over
//! (kernel-semantics section 7).
//!
//! Two subscribers an mm: a secondary MMU in the manner of KVM, which is always there, and a device in the manner of HMM,
//! which has an interval of the mm if its driver has asked for one.

mod interval;
mod mirror;
mod range;
mod subscriptions;
#[cfg(test)]
mod tests;

pub use interval::{Interval, Itree};
pub(super) use interval::{defer_insertion, insert_at_once, read_retry, wait_for_end};
pub use mirror::{Mirror, Shadow};
pub use subscriptions::Subscriptions;
