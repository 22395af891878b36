//! The target `collapse` for AFL++.
racewalk_afl::target!(Collapse);
