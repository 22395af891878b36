//! The zoo: wrong variants of the kernel that once shipped, or nearly did, as ground truth for whatever searches.
//!
//! An exhibit is a patch of the table of steps (`exhibit.rs` says what else is known of it). The rooms are families of
//! mechanisms, but for `seed.rs` (the seed patch with one protection less) and `canary.rs` (bugs that a fuzzer which
//! works finds at once). `corpus/zoo/NAME.rw` shows each; `tests/zoo.rs` asserts the pair: patch on, this oracle; patch
//! off, clean.

mod canary;
mod collapse_file;
mod cow;
mod exhibit;
mod fork;
mod gup;
mod list;
mod madvise;
mod mremap;
mod notifier;
mod of_its_day;
mod pae;
mod page_table_check;
mod pmd;
mod pt_reclaim;
mod retract;
mod revalidate;
mod seed;
mod split;
mod swap;
mod vma_lock;
mod walkers;

pub use exhibit::{Exhibit, Family, Origin};
pub use list::EXHIBITS;
