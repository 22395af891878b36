//! The target `codec`: bytes, text and records are the same program.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Codec);
