//! The target `protocols` for AFL++.
racewalk_afl::target!(Protocols);
