//! The portfolio of policies, under one name: an enum, so that asking one is a jump and not an allocation.

use super::{At, Bounded, Counts, Grant, Pct, Pos, RandomWalk, Script, Surw, Turns, Urw, Why};

/// Who goes next.
#[derive(Clone, Debug)]
pub enum Policy {
    /// Decisions, by position: what bytes hold and what a run records.
    Script(Script),
    /// Turns, by place: what people write.
    Turns(Turns),
    /// Runs of random length; with mean 1 a random choice at every step.
    RandomWalk(RandomWalk),
    /// Random priorities and a few changes.
    Pct(Pct),
    /// One schedule of a systematic search.
    Bounded(Bounded),
    /// A random priority for each event.
    Pos(Pos),
    /// Every interleaving as likely as any other.
    Urw(Urw),
    /// The same for the accesses to one object.
    Surw(Surw),
    /// A random walk that counts.
    Counts(Counts),
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::Script(Script::new())
    }
}

impl Policy {
    /// Gives the policy another seed, from the next run on. Scripts and turns have none.
    pub fn reseed(&mut self, seed: u64) {
        match self {
            Policy::Script(_) | Policy::Turns(_) | Policy::Bounded(_) | Policy::Counts(_) => {}
            Policy::RandomWalk(walk) => walk.reseed(seed),
            Policy::Pct(pct) => pct.reseed(seed),
            Policy::Pos(pos) => pos.reseed(seed),
            Policy::Urw(urw) => urw.reseed(seed),
            Policy::Surw(surw) => surw.reseed(seed),
        }
    }

    /// Whether it wants to know what the step does that a CPU stands before ([`At::next`]).
    pub fn looks(&self) -> bool {
        matches!(self, Policy::Pos(_) | Policy::Surw(_) | Policy::Counts(_))
    }

    /// Back to the start: the next run will be conducted as the first one was.
    pub fn rewind(&mut self) {
        match self {
            Policy::Script(script) => script.rewind(),
            Policy::Turns(turns) => turns.rewind(),
            Policy::RandomWalk(walk) => walk.rewind(),
            Policy::Pct(pct) => pct.rewind(),
            Policy::Bounded(bounded) => bounded.rewind(),
            Policy::Pos(pos) => pos.rewind(),
            Policy::Urw(urw) => urw.rewind(),
            Policy::Surw(surw) => surw.rewind(),
            Policy::Counts(counts) => counts.rewind(),
        }
    }

    /// Who goes next, of the CPUs in the mask `runnable`, which is not empty.
    #[inline]
    pub fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        match self {
            Policy::Script(script) => script.pick(why, at, runnable),
            Policy::Turns(turns) => turns.pick(why, at, runnable),
            Policy::RandomWalk(walk) => walk.pick(runnable),
            Policy::Pct(pct) => pct.pick(why, at, runnable),
            Policy::Bounded(bounded) => bounded.pick(why, at, runnable),
            Policy::Pos(pos) => pos.pick(why, at, runnable),
            Policy::Urw(urw) => urw.pick(why, at, runnable),
            Policy::Surw(surw) => surw.pick(why, at, runnable),
            Policy::Counts(counts) => counts.pick(why, at, runnable),
        }
    }

    /// The steps that were drawn together with the last pick; 0 if the policy looks at the CPU that goes to grant them.
    #[inline]
    pub fn drawn(&self) -> u32 {
        match self {
            Policy::RandomWalk(walk) => walk.drawn(),
            Policy::Pos(pos) => pos.drawn(),
            Policy::Urw(urw) => urw.drawn(),
            Policy::Surw(surw) => surw.drawn(),
            Policy::Counts(counts) => counts.drawn(),
            _ => 0,
        }
    }

    /// How long the CPU that now goes may run.
    #[inline]
    pub fn grant(&mut self, at: At) -> Grant {
        match self {
            Policy::Script(script) => script.grant(at),
            Policy::Turns(turns) => turns.grant(at),
            Policy::RandomWalk(walk) => Grant::steps(walk.drawn()),
            Policy::Pct(pct) => pct.grant(at),
            Policy::Bounded(bounded) => bounded.grant(at),
            Policy::Pos(_) | Policy::Urw(_) | Policy::Surw(_) | Policy::Counts(_) => {
                Grant::steps(self.drawn())
            }
        }
    }

    /// The place at which `cpu` is to tell that it came there; 0 if there is none.
    #[inline]
    pub fn stop_at(&self, cpu: u8) -> u16 {
        match self {
            Policy::Turns(turns) => turns.stop_at(cpu),
            _ => 0,
        }
    }

    /// `cpu` came to `place`: whether it stops before its next step.
    pub fn arrived(&mut self, cpu: u8, place: u16) -> bool {
        match self {
            Policy::Turns(turns) => turns.arrived(cpu, place),
            _ => false,
        }
    }

    /// The CPUs of the mask can run, some of them since just now: whether `cpu` must ask before its next step.
    #[inline]
    pub fn woken(&mut self, cpu: u8, runnable: u32) -> bool {
        match self {
            Policy::Pct(pct) => pct.woken(cpu, runnable),
            Policy::Bounded(bounded) => bounded.woken(runnable),
            // Whoever was alone and had steps for long is alone no longer.
            Policy::Pos(_) | Policy::Urw(_) => true,
            _ => false,
        }
    }

    /// The run is over; `cpu` was the last one to run, and stands at its step `step`.
    pub fn ended(&mut self, cpu: u8, step: u32) {
        if let Policy::Bounded(bounded) = self {
            bounded.ended(cpu, step);
        }
    }
}
