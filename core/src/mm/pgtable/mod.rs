//! Page tables: the table objects, the `pte_offset_map` family, and the primitives that change an entry
//! (kernel-semantics section 3).

mod account;
mod alloc;
mod deposit;
mod entry;
mod map;
pub(super) mod nofail;
pub(super) mod pae;
mod pmd;
mod table;
#[cfg(test)]
mod tests;

pub use account::RssDebt;
pub use map::{Lockptr, PteMap};
pub use table::{PteTable, PteTables, TableState};
