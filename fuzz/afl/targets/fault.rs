//! The target `fault` for AFL++.
racewalk_afl::target!(Fault);
