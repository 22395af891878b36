//! A way to search: a policy over random programs, or an engine.

use clap::ValueEnum;

use crate::search::Strategy;

/// Who searches.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Random programs, a third each under the random walk, PCT, and a few decisions at random places.
    Mixed,
    /// Random programs under random walks.
    Random,
    /// Random programs under probabilistic concurrency testing.
    Pct,
    /// Random programs under partial order sampling.
    Pos,
    /// Random programs under uniform random walks.
    Urw,
    /// Random programs under selectively uniform random walks.
    Surw,
    /// libFuzzer, which sees the interleavings.
    Libfuzzer,
    /// libFuzzer, which sees nothing.
    LibfuzzerBlind,
}

impl Way {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Way::Mixed => "mixed",
            Way::Random => "random",
            Way::Pct => "pct",
            Way::Pos => "pos",
            Way::Urw => "urw",
            Way::Surw => "surw",
            Way::Libfuzzer => "libfuzzer",
            Way::LibfuzzerBlind => "libfuzzer-blind",
        }
    }

    /// How random programs are scheduled; `None`: an engine searches.
    pub(super) const fn strategy(self) -> Option<Strategy> {
        match self {
            Way::Mixed => Some(Strategy::Mixed),
            Way::Random => Some(Strategy::Random),
            Way::Pct => Some(Strategy::Pct),
            Way::Pos => Some(Strategy::Pos),
            Way::Urw => Some(Strategy::Urw),
            Way::Surw => Some(Strategy::Surw),
            Way::Libfuzzer | Way::LibfuzzerBlind => None,
        }
    }

    /// Whether an engine is needed.
    pub(crate) const fn is_engine(self) -> bool {
        self.strategy().is_none()
    }
}
