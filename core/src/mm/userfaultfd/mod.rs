//! userfaultfd: faults that somebody else resolves (kernel-semantics sections 10.10 and 11.11).
//!
//! A VMA is registered for missing pages, for writes to protected ones, or for pages that the page cache has but the
//! process has not. A fault of that kind is put into a queue, lets go of the lock that it was handled under, and sleeps
//! until a monitor has resolved it: [`mfill`] puts a page there, [`wp`] lifts a protection. Both work under mmap_lock
//! for read, so collapses, zaps and faults go on beside them.

mod ctx;
mod fault;
mod marker;
mod mfill;
mod mfill_pte;
mod register;
pub(super) mod steps;
mod wp;

#[cfg(test)]
mod tests;

pub use ctx::Userfaultfd;
pub(super) use fault::Reason;
pub use mfill::Mfill;
pub(super) use wp::note_wp;
