//! The vm_area_struct: a range of an address space, and what is mapped there (kernel-semantics sections 1.3, 2.1).

mod area;
mod chain;
mod flags;
mod free;
pub(in crate::mm) mod lock;
mod lookup;
mod spec;
#[cfg(test)]
pub(in crate::mm) mod tests;

pub use area::VmArea;
pub(super) use area::Vmas;
pub use chain::AnonVmaChain;
pub(in crate::mm) use chain::CHAIN_MAX;
pub use flags::VmFlags;
pub(in crate::mm) use free::{free_by_rcu, free_now};
pub use spec::VmaSpec;
