//! What `/proc/PID` shows of page tables (fs/proc/task_mmu.c, kernel-semantics sections 13.2, 13.3).
//!
//! Each huge unit is looked at under its own lock: what is shown of it was true at one instant, what is shown of two of
//! them perhaps not at the same one.

mod pagemap;
mod smaps;
#[cfg(test)]
mod tests;

pub use pagemap::PagemapEntry;
pub use smaps::Smaps;
