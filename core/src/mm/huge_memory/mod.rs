//! Huge pages mapped by a PMD entry.

mod set_pmd;
pub(super) mod split;
mod split_page;
mod zap;
