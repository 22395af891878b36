//! A corpus is a set of programs that each reach something; this room measures what, and chooses among them.
//!
//! What a program *reaches* is a set of features: the places of the model, and the interleavings that engines are guided
//! by (which access followed which of another CPU, and about how often).

mod choose;
mod gather;
mod reach;

pub(crate) use choose::{Choice, cover, keep_new};
pub(crate) use gather::{Gathered, Member, gather};
pub(crate) use reach::{Reach, Scout};
