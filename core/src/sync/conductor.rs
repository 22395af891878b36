//! The conductor decides whose turn it is. Without one the hardware decides.

use super::Cpu;
use crate::trace::{Obj, What};

/// Whoever decides which CPU goes next, and listens to what the CPUs have to say.
pub trait Conductor {
    /// The CPU has spent its budget of steps. Returns when it is its turn again, with a new budget granted
    /// through [`Cpu::grant`]; without one it is told what the step does ([`Cpu::next`]), and must grant then.
    fn turn(&self, cpu: &Cpu<'_>);

    /// The CPU cannot go on until `on` changes. Returns when it may look again.
    fn wait(&self, cpu: &Cpu<'_>, on: Obj);

    /// The same, but a signal may end the wait when nobody else can go on: `false` if one did.
    fn wait_killable(&self, cpu: &Cpu<'_>, on: Obj) -> bool {
        self.wait(cpu, on);
        true
    }

    /// The CPUs of this mask may look again at what they wait for.
    fn wake(&self, cpu: &Cpu<'_>, cpus: u32);

    /// Takes note of something, without offering a switch.
    fn note(&self, cpu: &Cpu<'_>, what: What);

    /// The CPU has come to the place that it was told to stop at ([`Cpu::stop_at`]).
    fn arrived(&self, cpu: &Cpu<'_>, place: crate::trace::Place);
}
