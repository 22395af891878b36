//! Huge pages mapped by a PMD entry (kernel-semantics sections 4.5, 10.2, 11.1, 11.7).
//!
//! What a file maps can be faulted in again, so a split of its PMD entry leaves nothing behind. Anonymous memory cannot:
//! its huge pages deposit a page table, which the split fills and links.

pub(super) mod anon;
pub(super) mod copy;
pub(super) mod eligible;
mod fault;
mod move_pmd;
mod numa;
pub(super) mod protect;
mod set_pmd;
pub(super) mod split;
pub(super) mod split_anon;
mod split_page;
#[cfg(test)]
mod tests;
pub(super) mod wp;
pub(super) mod zap;
mod zero_page;
