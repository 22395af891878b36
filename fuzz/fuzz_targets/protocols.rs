//! The target `protocols`: one history on two eras, and whole programs.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Protocols);
