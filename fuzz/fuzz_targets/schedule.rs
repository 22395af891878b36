//! The target `schedule`: schedules of the litmus programs.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Schedule);
