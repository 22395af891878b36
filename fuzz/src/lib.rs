//! A fuzz target is glue: bytes become a program, the program is run, and a run that is not clean panics.
//!
//! [`target!`] is all that a file in `fuzz_targets/` says, and [`hunt`] is what every engine calls. What is fuzzed is
//! told by the environment, because an engine has the command line to itself (see [`Pins`]). The only unsafe code of
//! the project is in [`counters`], the interleaving counters that libFuzzer looks at.

mod case;
#[cfg(feature = "libfuzzer")]
pub mod counters;
mod hook;
mod hunter;
mod pins;
mod raise;

pub use case::Case;
pub use hook::install_hook;
pub use hunter::{Hunter, hunt, prepare};
pub use pins::Pins;
pub use raise::raise;

/// Defines the target of the engine that was chosen by feature.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! target {
    () => {
        libfuzzer_sys::fuzz_target!(init: $crate::prepare(), |case: $crate::Case<'_>| $crate::hunt(case.bytes()));
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_options_allow_the_longest_input() {
        let longest = format!("max_len = {}\n", racewalk::prog::limits::INPUT_BYTES_MAX);
        assert!(include_str!("../race.options").contains(&longest), "{longest}");
    }
}
