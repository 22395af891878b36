//! The target `collapse`: programs about collapses of huge pages that small entries map.
#![cfg_attr(feature = "libfuzzer", no_main)]
racewalk_fuzz::target!(Collapse);
