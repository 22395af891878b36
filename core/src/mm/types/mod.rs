//! The words of the page tables, and the names of everything that they name (kernel-semantics section 3.1).

mod bits;
mod ids;
mod pmd;
mod prot;
mod pte;
#[cfg(test)]
mod tests;

pub(super) use ids::ZERO_PFN;
pub use ids::{AnonVmaId, FileId, FolioId, MmId, Pfn, Rss, SwapId, TableId, Vaddr, VmaId};
pub use pmd::Pmd;
pub use prot::PgProt;
pub use pte::Pte;
