//! A contest: one exhibit, one policy, one seed.

use std::time::{Duration, Instant};

use crate::exhibit::Exhibit;
use crate::policy::{Policy, Whose};
use crate::shuttle;

/// When to give up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// After so long.
    pub(crate) time: Duration,
    /// After so many executions.
    pub(crate) executions: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Hunted {
    /// The bug.
    pub(crate) found: Option<String>,
    /// Executions until then, or in all.
    pub(crate) executions: u64,
    /// Seconds until then, or in all.
    pub(crate) seconds: f64,
}

/// Executions between two looks at the clock.
const BATCH: u64 = 32;

/// Hunts until the bug is found or a bound is reached.
pub(crate) fn contest<E: Exhibit>(
    exhibit: &E,
    policy: Policy,
    seed: u64,
    bounds: Bounds,
) -> Hunted {
    match policy.whose() {
        Whose::Ours(policy) => exhibit.hunt(policy, seed, bounds),
        Whose::Shuttles(policy) => shuttle::hunt(exhibit, policy, seed, bounds),
    }
}

/// Executes again and again. `execute` gets a seed that no other execution of this hunt or another one has, and
/// returns the bug.
pub(crate) fn again_and_again(
    seed: u64,
    bounds: Bounds,
    mut execute: impl FnMut(u64) -> Option<String>,
) -> Hunted {
    let begun = Instant::now();
    let mut executions = 0;
    let mut found = None;
    while found.is_none() && executions < bounds.executions {
        if executions.is_multiple_of(BATCH) && begun.elapsed() >= bounds.time {
            break;
        }
        found = execute(seed << 40 | executions);
        executions += 1;
    }
    Hunted { found, executions, seconds: begun.elapsed().as_secs_f64() }
}
