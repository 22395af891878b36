//! A fuzz target is glue: bytes become a program, the program is run, and a run that is not clean panics.
//!
//! [`target!`] is all that a file in `fuzz_targets/` says, and [`hunt`] is what every engine calls. What is fuzzed is
//! told by the environment, because an engine has the command line to itself (see [`Pins`]). The only unsafe code here
//! is in [`counters`], the interleaving counters that libFuzzer looks at; AFL++ has its own in `afl/`.

mod case;
mod codec;
mod complaint;
#[cfg(feature = "libfuzzer")]
pub mod counters;
mod dictionary;
mod hook;
mod hunter;
mod mutator;
mod pins;
mod protocols;
mod raise;

pub use case::Case;
pub use complaint::Complaint;
pub use dictionary::dictionary;
pub use hook::install_hook;
pub use hunter::{Hunter, Publish, hunt, prepare};
pub use mutator::{OfBytes, cross_inputs, mutate_input};
pub use pins::Pins;
pub use racewalk::Target;
pub use raise::raise;

/// Defines a target for libFuzzer.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! target {
    ($target:ident) => {
        libfuzzer_sys::fuzz_target!(
            init: $crate::prepare($crate::Target::$target, Some($crate::counters::publish)),
            |case: $crate::Case<'_>| $crate::hunt(case.bytes())
        );
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            let of_bytes = libfuzzer_sys::fuzzer_mutate;
            $crate::mutate_input($crate::Target::$target, data, size, max_size, seed, of_bytes)
        });
        libfuzzer_sys::fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
            $crate::cross_inputs($crate::Target::$target, one, other, out, seed)
        });
    };
}

#[cfg(test)]
mod tests {
    use crate::Target;
    use std::{fs, path::Path};

    fn text(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    #[test]
    fn each_target_has_its_files() {
        let manifest = text("Cargo.toml");
        let afl = text("afl/Cargo.toml");
        for target in Target::ALL {
            let name = target.name();
            let longest = format!("max_len = {}\n", target.input_bytes_max());
            assert!(text(&format!("{name}.options")).contains(&longest), "{name}: {longest}");
            assert!(text(&format!("fuzz_targets/{name}.rs")).contains("racewalk_fuzz::target!("));
            assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
            assert!(afl.contains(&format!("name = \"{name}-afl\"\n")), "{name}");
        }
    }

    #[test]
    fn the_dictionary_is_up_to_date() {
        if std::env::var_os("UPDATE").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("racewalk.dict");
            fs::write(path, crate::dictionary()).expect("it can be written");
        }
        assert_eq!(text("racewalk.dict"), crate::dictionary(), "UPDATE=1 writes it anew");
    }
}
