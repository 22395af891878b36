//! Reclaim: folios that nobody needs now leave memory (kernel-semantics section 11.5).
//!
//! `isolate.rs` takes folios off the LRU, `shrink.rs` decides what becomes of each, `remove.rs` writes out and removes
//! from the caches.

mod isolate;
mod remove;
mod shrink;
