//! The target `race` for AFL++.
racewalk_afl::target!(Race);
