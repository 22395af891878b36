//! `collapse_file`: the small pages of a range of the page cache, and its holes, become one huge page
//! (kernel-semantics section 9.5; v6.6).
//!
//! Nobody's mmap_lock is held. The old pages stay locked from the scan to the end, so that no fault can map them; the
//! new one is locked from before it can be found until the page tables over the range are gone.

mod copy;
pub mod gather;
pub mod holes;
pub mod pre_seed;
pub mod reuse;
pub mod rollback;
pub mod run;
pub mod store;

pub use run::CollapseFile;
