//! What OSS-Fuzz asserts of a build before it runs it, as checks of one target each.
//!
//! *Verified*: what its own check of a build looks at (the target starts, runs with an empty corpus, has edges, calls its
//! sanitizer), and what its documentation expects of a target.
//! *Not verified*: the image that it is built and run in.

mod checks;
mod subject;

pub(crate) use checks::CHECKS;
pub(crate) use subject::{Sanitizer, Subject, subjects};
