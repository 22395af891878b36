//! The target `zoo` for AFL++.
racewalk_afl::target!(Zoo);
