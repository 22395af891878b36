#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
//!
//! # The ladder
//!
//! A room imports from lower rungs only; `tests/layers.rs` reads the `use` lines and enforces it.
//!
//! ```text
//! L4   run                     putting it together: the only verb
//! L3   zoo       oracle        wrong variants that once shipped; what must never be seen
//! L2   mm                      the kernel core, in the kernel's words
//! L1   sync      sched         whatever can be interrupted; who goes next
//! L0   trace     prog          what happened; what is asked for
//! ```

pub mod mm;
pub mod oracle;
pub mod prog;
pub mod run;
pub mod sched;
pub mod sync;
pub mod trace;
pub mod zoo;

pub use mm::class::{Class, class_name};
pub use mm::place::LABELS;
pub use mm::steps::{Era, PROTECTIONS, Protection};
pub use mm::{object_name, value_name};
pub use oracle::{ORACLES, Oracle};
pub use prog::{Document, ParseError, Program};
pub use run::eras;
pub use run::{
    FinalState, Machine, Options, Outcome, Reached, Reader, Target, Variant, Verdict, Violation,
    free_run, parse, place_name, print, print_program, vocabulary,
};
pub use sync::FEEDBACK_SLOTS;
pub use trace::{Event, LockMode, Obj, Place, Splat, Trace, What};
pub use zoo::{EXHIBITS, Exhibit};
