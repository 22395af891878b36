//! The target `fault`: programs about faults that meet each other.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Fault);
