//! The TLBs: what each CPU has cached of the page tables, who walks, who flushes, who waits for the flush
//! (kernel-semantics section 6).

mod cache;
mod flush;
mod gather;
mod state;
mod switch;
mod walk;

pub(super) use cache::Tlb;
pub use cache::Translation;
pub(super) use flush::FlushTlbInfo;
pub(super) use gather::MmuGather;
pub use walk::{AccessFault, UserAccess};
