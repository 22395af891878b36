//! Huge pages mapped by a PMD entry.

mod set_pmd;
mod split;
mod zap;
