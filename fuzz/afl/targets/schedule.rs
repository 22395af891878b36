//! The target `schedule` for AFL++.
racewalk_afl::target!(Schedule);
