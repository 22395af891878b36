//! The facade through which `mm` touches shared state: whatever can be interrupted, is interrupted here.
//!
//! Layer L1, imports `trace` only. A function that takes a [`Cpu`] may be preempted at any step inside it;
//! a function that does not is atomic by signature.

mod conductor;
mod cpu;
mod debts;
mod feedback;
mod folio_lock;
mod ipi;
mod lockdep;
mod rcu;
mod rwsem;
mod smp;
mod spinlock;
mod wait_queue;
mod word;

pub use conductor::Conductor;
pub use cpu::{Cpu, Span};
pub use debts::{Debt, Debts};
pub use feedback::{FEEDBACK_SLOTS, Feedback};
pub use folio_lock::FolioLock;
pub use lockdep::{Held, HeldLock, LockClass};
pub use rwsem::Rwsem;
pub use smp::{CPUS_MAX, Smp};
pub use spinlock::Spinlock;
pub use wait_queue::WaitQueue;
pub use word::Word;

pub use crate::trace::{Access, LockMode, Obj, Place, Splat, UffdFact, What};
