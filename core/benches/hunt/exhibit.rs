//! An exhibit: something with a known bug that several CPUs can be let loose on, whoever conducts them.

use racewalk::prog;
use racewalk::run::{End, Listener};
use racewalk::sync::{Cpu, Smp};

use crate::contest::{Bounds, Hunted};

/// One run after the other of the same thing.
pub(crate) trait Exhibit: Listener + Clone + Send + Sync + 'static {
    /// What its rows are called.
    fn name(&self) -> String;

    /// Another run begins.
    fn begin(&mut self);

    /// How many CPUs it is for.
    fn cpus(&self) -> usize;

    /// What they know of each other.
    fn smp(&self) -> &Smp;

    /// What CPU 0 does before there are others.
    fn set_up(&self, cpu: &Cpu<'_>);

    /// What a CPU does.
    fn race(&self, cpu: &Cpu<'_>);

    /// The run has ended so; or it was stopped, since [`Listener::note`] had returned `false`. Returns the bug, if it
    /// was found.
    fn end(&self, end: &End) -> Option<String>;

    /// Hunts under a policy of racewalk's own, on fibres.
    fn hunt(&self, policy: prog::Policy, seed: u64, bounds: Bounds) -> Hunted;
}
