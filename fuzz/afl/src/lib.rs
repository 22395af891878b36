//! The fuzz targets for AFL++: the harness of `racewalk-fuzz`, in a loop that AFL++ drives.
//!
//! The features of interleaving go into the IJON part of AFL's map, so both engines see the same. A crash file of the one
//! is an input of the other.

#[cfg(feature = "afl")]
mod ijon;

#[cfg(feature = "afl")]
pub use afl;
#[cfg(feature = "afl")]
pub use ijon::publish;
pub use racewalk_fuzz::{Target, hunt, prepare};

/// Defines a target for AFL++: a `main` that runs input after input in one process.
#[macro_export]
macro_rules! target {
    ($target:ident) => {
        fn main() {
            $crate::prepare($crate::Target::$target, Some($crate::publish));
            // Our hook has spoken by then; AFL++ takes the abort for a crash.
            $crate::afl::fuzz(true, $crate::hunt);
        }
    };
}
