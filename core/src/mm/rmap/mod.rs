//! rmap: from a page to the entries that map it, and the counters that must agree with them
//! (kernel-semantics sections 2.3, 4.4, 5).

pub(super) mod anon_exclusive;
pub(super) mod anon_vma;
mod counters;
mod migration;
mod pmd_migration;
mod rmap_walk;
#[cfg(test)]
mod tests;
mod tlb_ubc;
mod unmap;
mod walk;

pub use anon_exclusive::GUP_PIN_COUNTING_BIAS;
pub use anon_vma::AnonVma;
pub(super) use anon_vma::AnonVmas;
pub use counters::RmapFlags;
pub use rmap_walk::RmapLock;
pub use tlb_ubc::TlbUbc;
pub use unmap::TtuFlags;
