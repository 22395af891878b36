//! mprotect.c: what a range permits changes, in the VMA and in every entry (kernel-semantics section 11.10).
//!
//! `protect.rs` is the system call, with mmap_lock for write. `change.rs` goes through the range, and `change_pte.rs`
//! through a table; userfaultfd and NUMA balancing (`numa.rs`) come there too, with mmap_lock for read. An entry changes
//! its protection in two actions, between which it is empty: the hardware cannot set its dirty bit then.

pub(super) mod change;
mod change_pte;
mod numa;
pub(super) mod protect;
pub(super) mod start;
#[cfg(test)]
mod tests;
mod writable;

pub(super) use change::Change;
pub use change::CpFlags;
