//! khugepaged and MADV_COLLAPSE: PTE-mapped huge pages become PMD-mapped ones (kernel-semantics section 9).

pub mod abort;
pub mod check;
pub mod clear;
pub mod collapse;
pub mod collapse_file;
pub mod context;
pub mod driver;
pub mod free;
pub mod install;
pub mod locks;
pub mod mm_slot;
pub mod notify;
pub mod pre_seed;
pub mod read_locked;
pub mod retract;
pub mod retract_pre_seed;
pub(in crate::mm) mod scan;
mod scan_result;
pub mod slot;
#[cfg(test)]
mod tests;
pub mod unlink;

pub use context::Collapse;
pub use scan_result::{Errno, ScanResult};
