//! The target `abort`: programs about the abort of a collapse.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Abort);
