//! What must never be seen. Each oracle is a small check with a name; verdicts are values.
//!
//! Layer L3, imports `mm` (to look, never to change), `sync` and `trace`. `list.rs` is the list; each file
//! says what it verifies and what it does not. An oracle that fails early hides those that come later: the first
//! violation of a run is its verdict, and at quiescence the order of the list decides.
#![doc = include_str!("README.md")]

mod anon_vma;
mod content;
mod contract;
mod counters;
mod fact;
mod forked;
mod gup;
mod lifetime;
mod list;
mod locking;
mod mm_struct;
mod notifier;
mod observed;
mod page_cache;
mod progress;
mod protection;
mod recount;
mod tables;
mod tlb;
mod uffd;
mod view;
mod vma;
mod walkers;

pub use fact::Fact;
pub use list::{ORACLES, oracle};
pub use observed::{Dropping, Observed};
pub use progress::{DEADLOCK, LIVELOCK, PANIC};
pub use recount::Recount;
pub use view::{Oracle, View, Wrong};
