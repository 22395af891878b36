//! The target `race`: whole programs with their schedules.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Race);
