//! A trace is the list of what the CPUs did, in the order in which they did it.
//!
//! Layer L0: it knows objects, places and CPUs as numbers only; the layers above give them names.

mod access;
mod event;
mod hash;
mod recorder;

pub use access::Access;
pub use event::{Event, LockMode, Obj, Place, Splat, UffdFact, What};
pub use hash::TraceHash;
pub use recorder::Trace;
