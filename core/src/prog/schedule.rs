//! A schedule says which CPU takes the next steps, and until when.

use super::vocabulary::PlaceName;

/// Who runs when.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Schedule {
    /// Switches at counted steps: what bytes hold and what a run records.
    Decisions(Vec<Decision>),
    /// Turns that end at named places: what people write.
    Turns(Vec<Turn>),
}

impl Schedule {
    /// The number of decisions or turns.
    pub fn len(&self) -> usize {
        match self {
            Schedule::Decisions(decisions) => decisions.len(),
            Schedule::Turns(turns) => turns.len(),
        }
    }

    /// Whether nothing is decided.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule::Decisions(Vec::new())
    }
}

/// Before its `k`-th step in its `op`-th operation, `cpu` yields to `next`.
///
/// Both count from 0. An `op` equal to the number of operations means "when `cpu` has finished".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Decision {
    /// The CPU that yields.
    pub cpu: u8,
    /// The operation that is interrupted.
    pub op: u8,
    /// The step of that operation that waits.
    pub k: u16,
    /// The CPU that goes on.
    pub next: u8,
}

impl Decision {
    /// The position, in the order in which decisions are kept.
    pub const fn position(&self) -> (u8, u8, u16) {
        (self.cpu, self.op, self.k)
    }
}

/// `cpu` runs until it gets somewhere, finishes or blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Turn {
    /// The CPU that runs.
    pub cpu: u8,
    /// Where its turn ends.
    pub until: Until,
}

/// Where a turn ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Until {
    /// Before the first step of a place, when it is reached for the `nth` time in this turn.
    Place {
        /// The place.
        place: PlaceName,
        /// Which arrival; 1 is the first.
        nth: u16,
    },
    /// After so many steps.
    Steps(u32),
    /// When the CPU has done all its operations.
    Exit,
}
