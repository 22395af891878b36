//! mmap.c: VMAs that come, go, and change their bounds (kernel-semantics sections 2, 11.2 to 11.4).
//!
//! A bound of a VMA changes under mmap_lock, the VMA's own lock, and the locks of both rmap trees, all for write.

pub(super) mod exit;
pub(super) mod free_pgtables;
pub(super) mod i_mmap;
mod map;
mod merge;
mod modify;
mod munmap;
pub(super) mod prep;
mod split;
#[cfg(test)]
mod tests;

pub use merge::MergeWith;
pub use prep::VmaPrepare;
