//! kernel/fork.c: an address space is copied (kernel-semantics section 11.9).
//!
//! What is private is shared from then on, and write-protected in both: the next write makes a copy. What can be faulted
//! in again is not copied at all.

mod copy_process;
pub(in crate::mm) mod dup_mmap;

#[cfg(test)]
mod tests;
