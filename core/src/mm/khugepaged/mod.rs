//! khugepaged and MADV_COLLAPSE: small pages, and huge pages that are mapped by PTEs, become huge pages that are mapped by a
//! PMD entry (kernel-semantics section 9).

pub mod abort;
pub mod check;
pub mod clear;
pub mod collapse;
pub mod collapse_file;
pub mod collapse_huge_page;
pub mod context;
pub mod driver;
pub mod free;
pub mod install;
pub mod locks;
mod madvise;
pub mod mm_slot;
pub mod notify;
pub mod pre_seed;
pub mod read_locked;
pub mod retract;
pub mod retract_pre_seed;
pub mod revalidate;
pub(in crate::mm) mod scan;
mod scan_mm;
pub mod scan_pmd;
mod scan_result;
pub mod slot;
#[cfg(test)]
mod tests;
pub mod unlink;

pub use context::Collapse;
pub use scan_result::{Errno, ScanResult};
