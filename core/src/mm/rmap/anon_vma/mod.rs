//! anon_vma: the lock and the name under which the anonymous pages of VMAs are found (kernel-semantics section 2.3).
//!
//! A VMA is linked with its own anon_vma and with those of its ancestors; only the root's rwsem is used. `object.rs` is
//! the object, `chain.rs` how VMAs come and go, `fork.rs` what a child gets, `lock.rs` how a page leads there.

mod chain;
mod fork;
mod lock;
mod object;
#[cfg(test)]
mod tests;

pub(in crate::mm) use chain::{install, install_if_missing, lock_root};
pub(in crate::mm) use fork::{degree_below_two, unused};
pub(in crate::mm) use lock::{get_for_migration, still_mapped};
pub use object::AnonVma;
pub(in crate::mm) use object::AnonVmas;
