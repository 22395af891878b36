//! The table of steps: what an era of the kernel does at each place where eras, or a wrong variant, differ.
//!
//! A step is what some fix replaced, or what a protection consists of. `table.rs` is the table and its eras,
//! `protections.rs` names what can be left out of it. A mechanism with many steps has a table of its own in it.

mod anon;
mod file;
mod fork;
mod fs;
mod group;
mod gup;
mod huge;
mod moves;
mod nofail;
mod protections;
mod pt_reclaim;
mod swap;
mod table;
mod tlb;
mod uffd;
mod vma;
mod zap;

pub use anon::AnonSteps;
pub use file::FileSteps;
pub use fork::ForkSteps;
pub use fs::FsSteps;
pub(crate) use group::flat;
pub use gup::GupSteps;
pub use huge::HugeSteps;
pub use moves::MoveSteps;
pub use nofail::NofailSteps;
pub use protections::{PROTECTIONS, Protection};
pub use pt_reclaim::PtReclaimSteps;
pub use swap::SwapSteps;
pub use table::{Era, Steps};
pub use tlb::TlbSteps;
pub use uffd::UffdSteps;
pub use vma::VmaSteps;
pub use zap::ZapSteps;
