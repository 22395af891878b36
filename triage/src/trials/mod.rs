//! Trials: one exhibit of the zoo, one policy, one seed, and so long to find the bug.
//!
//! `way` is who searches, `trial` searches, `memory` remembers what is done so that a long run can go on, `table` and
//! `curves` say what came of it.

pub(crate) mod curves;
pub(crate) mod memory;
pub(crate) mod table;
mod trial;
mod way;

pub(crate) use trial::{Asked, Prepared, Trial};
pub(crate) use way::Way;
