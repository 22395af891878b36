//! The target `zoo`: programs under the wrong variant that RACEWALK_ZOO names.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Zoo);
