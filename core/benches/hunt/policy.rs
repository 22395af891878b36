//! The policies that take part, ours and Shuttle's.

use std::fmt;

use clap::ValueEnum;
use racewalk::prog;

use crate::shuttle;

/// A policy by its name on the command line.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Policy {
    /// A random choice at every step.
    Uniform,
    /// A random walk with runs of 4 steps on average.
    Random4,
    /// The same with 16 steps.
    Random16,
    /// PCT of depth 3.
    Pct3,
    /// PCT of depth 5.
    Pct5,
    /// Partial order sampling.
    Pos,
    /// The uniform random walk.
    Urw,
    /// The selectively uniform random walk.
    Surw,
    /// Shuttle's random scheduler.
    ShuttleRandom,
    /// Shuttle's PCT of depth 3.
    ShuttlePct3,
    /// Shuttle's PCT of depth 5.
    ShuttlePct5,
    /// Shuttle's uniform random walk.
    ShuttleUrw,
}

/// Who brings it.
pub(crate) enum Whose {
    /// It is ours.
    Ours(prog::Policy),
    /// It is Shuttle's.
    Shuttles(shuttle::Policy),
}

impl Policy {
    /// Who brings it.
    pub(crate) fn whose(self) -> Whose {
        match self {
            Policy::Uniform => Whose::Ours(prog::Policy::Random { mean: 1 }),
            Policy::Random4 => Whose::Ours(prog::Policy::Random { mean: 4 }),
            Policy::Random16 => Whose::Ours(prog::Policy::Random { mean: 16 }),
            Policy::Pct3 => Whose::Ours(prog::Policy::Pct { depth: 3 }),
            Policy::Pct5 => Whose::Ours(prog::Policy::Pct { depth: 5 }),
            Policy::Pos => Whose::Ours(prog::Policy::Pos),
            Policy::Urw => Whose::Ours(prog::Policy::Urw),
            Policy::Surw => Whose::Ours(prog::Policy::Surw),
            Policy::ShuttleRandom => Whose::Shuttles(shuttle::Policy::Random),
            Policy::ShuttlePct3 => Whose::Shuttles(shuttle::Policy::Pct(3)),
            Policy::ShuttlePct5 => Whose::Shuttles(shuttle::Policy::Pct(5)),
            Policy::ShuttleUrw => Whose::Shuttles(shuttle::Policy::Urw),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
