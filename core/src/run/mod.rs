//! Putting it together: a program, a variant of the kernel and a schedule in, a verdict out.
//!
//! Layer L4. [`Machine::run`] is the only verb: it boots the machine, conducts the program on fibres, lets the oracles
//! look, and says what came of it. [`free_run`] does the same on OS threads with nobody conducting.

mod boot;
mod census;
mod director;
pub mod eras;
mod fibre;
mod free;
mod hosted;
mod interp;
mod layout;
mod machine;
mod names;
mod os;
mod outcome;
mod segments;
mod stacks;
mod state;
mod target;
#[cfg(test)]
mod tests;
mod variant;
mod watch;

pub use director::{Director, End, FAIR_STEPS_MAX, STEPS_MAX, Segment};
pub use fibre::{Listener, Stage, conduct};
pub use free::free_run;
pub use hosted::Hosted;
pub use machine::{Machine, Options};
pub use names::{parse, place_name, print, print_program, vocabulary};
pub use os::free_run as on_os_threads;
pub use outcome::{Outcome, Reached, Verdict, Violation};
pub use stacks::{STACK_BYTES, Stacks};
pub use state::FinalState;
pub use target::{Reader, Target};
pub use variant::Variant;
