//! A policy decides who goes next: it sees positions and masks, never fibres or page tables.
//!
//! Layer L1, imports `prog`, and of `trace` the word for an access. No single policy finds every race (on SafeStack a random walk needs a seventh of
//! the runs of a mostly-staying one, and PCT did not find it), so there is a portfolio, and a program names its choice.
//! A policy is asked only when a CPU has spent the steps it was granted, blocks or finishes; a step costs nothing. Those
//! that look at every step (POS, URW, SURW) grant one at a time.

mod ask;
mod bounded;
mod counts;
mod dice;
mod frontier;
mod pct;
mod policy;
mod pos;
mod random;
mod script;
mod surw;
mod turns;
mod urw;

#[cfg(test)]
mod tests;

pub use ask::{At, FAR, Grant, Why};
pub use bounded::{Bounded, Cut, Leg, Log};
pub use counts::Counts;
pub use frontier::Frontier;
pub use pct::{DEPTH_MAX, Pct};
pub use policy::Policy;
pub use pos::Pos;
pub use random::RandomWalk;
pub use script::Script;
pub use surw::Surw;
pub use turns::Turns;
pub use urw::Urw;
