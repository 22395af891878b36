//! A policy decides who goes next: it sees positions and masks, never fibres or page tables.
//!
//! Layer L1, imports `prog` only. No single policy finds every race (on SafeStack a random walk needs a seventh of
//! the runs of a mostly-staying one, and PCT did not find it), so there is a portfolio, and a program names its choice.
//! A policy is asked only when a CPU has spent the steps it was granted, blocks or finishes; a step costs nothing.

mod ask;
mod bounded;
mod dice;
mod frontier;
mod pct;
mod policy;
mod random;
mod script;
mod turns;

#[cfg(test)]
mod tests;

pub use ask::{At, FAR, Grant, Why};
pub use bounded::{Bounded, Cut, Leg, Log};
pub use frontier::Frontier;
pub use pct::{DEPTH_MAX, Pct};
pub use policy::Policy;
pub use random::RandomWalk;
pub use script::Script;
pub use turns::Turns;
