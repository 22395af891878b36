//! Huge pages mapped by a PMD entry.

mod set_pmd;
pub mod split;
mod zap;
