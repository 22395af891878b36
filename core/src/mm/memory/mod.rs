//! memory.c: how an entry comes (faults) and how it goes (zap) (kernel-semantics sections 10 and 11.1).
//!
//! A fault reads without a lock, decides, locks, and looks again; whoever was faster wins, and the user simply
//! accesses once more. A zap needs no more than that the VMA stays: mmap_lock or i_mmap_rwsem, for read.

mod anon;
pub(super) mod copy;
pub(super) mod copy_entry;
mod fault;
mod fault_around;
mod file;
pub(super) mod numa;
mod swapin;
pub(super) mod swapin_sync;
pub(super) mod wp;
mod zap;

#[cfg(test)]
pub(super) mod tests;

pub use fault::Signal;
pub(super) use fault::{FaultFlags, FaultResult, VmFault};
pub(super) use zap::ZapDetails;
