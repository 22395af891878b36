//! Everybody comes to an end.
//!
//! Verified: deadlock, exactly (a CPU that waits leaves the runnable set); livelock, when a CPU still runs after
//! all had their fair turns; a panic of the model itself.
//! Not verified: fairness of locks, starvation under an unfair schedule.

use super::Oracle;

/// S15.
pub const DEADLOCK: Oracle = Oracle::new(
    "deadlock",
    "S15",
    "Nobody waits for ever: some CPU can always run until all have finished.",
);

/// S15.
pub const LIVELOCK: Oracle = Oracle::new(
    "livelock",
    "S15",
    "Every retry loop comes to an end when all CPUs get their turns.",
);

/// The model itself is broken.
pub const PANIC: Oracle =
    Oracle::new("panic", "-", "The model does not panic, whatever it is asked to do.");
