//! The target `abort` for AFL++.
racewalk_afl::target!(Abort);
