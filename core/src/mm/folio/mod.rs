//! Folios: one base page, or HPN of them, with the counters that say who uses them (kernel-semantics section 4).
//!
//! `object.rs` has the folio and its pages, `arena.rs` where they live and who is whose head, `refs.rs` the references,
//! from the allocation to the last put.

mod arena;
mod object;
mod refs;

pub use arena::{Folios, small_folios};
pub use object::{COMPOUND_MAPPED, Folio, Mapping, Page, flags};
pub(in crate::mm) use refs::{freeze_any, freeze_exact};
