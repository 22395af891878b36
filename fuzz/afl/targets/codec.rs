//! The target `codec` for AFL++.
racewalk_afl::target!(Codec);
