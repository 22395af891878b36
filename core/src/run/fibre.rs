//! A fibre: one CPU of a conducted run, on a stack of its own. Only this file and the pool know how stacks are switched.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use corosensei::stack::DefaultStack;
use corosensei::{ScopedCoroutine, ScopedCoroutineRef, Yielder};

use super::director::position;
use super::{Director, End, Stacks};
use crate::sched::Why;
use crate::sync::{Access, CPUS_MAX, Conductor, Cpu, Feedback, Obj, Place, Smp, What};

/// Whoever listens to what the CPUs have to say.
pub trait Listener {
    /// `cpu` says `what`. With `false` the run is stopped at once and abandoned: there is nothing more to see.
    fn note(&self, cpu: &Cpu<'_>, what: What) -> bool;

    /// The run was stopped while `cpu` was in the middle of something, from which it does not come back.
    fn abandoned(&self, _: &Cpu<'_>) {}
}

/// What a run is conducted on.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// How many CPUs, from 1 to [`CPUS_MAX`].
    pub cpus: usize,
    /// What they know of each other.
    pub smp: &'a Smp,
    /// Who decides.
    pub director: &'a Director,
    /// Who listens.
    pub listener: &'a dyn Listener,
    /// Where it is noted which access followed which.
    pub feedback: Option<&'a Feedback>,
    /// Whether every access is noted, not only the remarkable facts.
    pub tracing: bool,
}

impl std::fmt::Debug for Stage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("cpus", &self.cpus)
            .field("tracing", &self.tracing)
            .finish_non_exhaustive()
    }
}

/// Runs `body` once on each CPU, as the director decides.
///
/// CPU 0 alone runs until it calls [`Director::begin`]. A body whose last act is [`Cpu::begin_op`] with the number of
/// its operations lets decisions name its end. No `Drop` in it may take a step or a lock: when a run is abandoned, the
/// stacks of those who have not finished are unwound.
pub fn conduct(stacks: &mut Stacks, stage: &Stage<'_>, body: &dyn Fn(&Cpu<'_>)) -> End {
    let cpus = stage.cpus.clamp(1, CPUS_MAX);
    stage.director.rewind(cpus);
    if let Some(feedback) = stage.feedback {
        feedback.next_run();
    }
    nest(&mut stacks.pool[..cpus], stage, body, [const { None }; CPUS_MAX], 0);
    stage.director.end()
}

type Switch<'a, 's> = ScopedCoroutineRef<'a, (), (), (), &'s mut DefaultStack>;
type Switches<'a, 's> = [Option<Switch<'a, 's>>; CPUS_MAX];

/// Creates the fibres, each in the scope of the one before: nothing is shared, counted or `'static`.
fn nest<'s>(
    stacks: &'s mut [DefaultStack],
    stage: &Stage<'_>,
    body: &dyn Fn(&Cpu<'_>),
    switches: Switches<'_, 's>,
    id: usize,
) {
    let Some((stack, rest)) = stacks.split_first_mut() else {
        return drive(switches, stage.director);
    };
    let fibre = |yielder: &Yielder<(), ()>, ()| live(yielder, stage, body, id as u8);
    ScopedCoroutine::with_stack(stack, fibre).scope(|switch| {
        // A switch outlives its scope nowhere: moving them one by one shortens the lifetime of all.
        let [a, b, c, d] = switches;
        let mut switches: Switches<'_, 's> = [a, b, c, d];
        switches[id] = Some(switch);
        nest(rest, stage, body, switches, id + 1);
    });
}

/// Runs whoever is current until the run is over. Leaving this function abandons those who have not finished.
fn drive(mut switches: Switches<'_, '_>, director: &Director) {
    while let Some(Some(switch)) = switches.get_mut(director.current()) {
        switch.resume(());
    }
}

/// The life of one CPU.
fn live(yielder: &Yielder<(), ()>, stage: &Stage<'_>, body: &dyn Fn(&Cpu<'_>), id: u8) {
    let director = stage.director;
    let fibre = Fibre { yielder, director, listener: stage.listener };
    let cpu = Cpu::conducted(id, stage.smp, &fibre, stage.feedback, stage.tracing);
    director.resumed(&cpu);
    director.grant(&cpu, position(&cpu));
    match catch_unwind(AssertUnwindSafe(|| body(&cpu))) {
        Ok(()) => director.finished(&cpu),
        Err(payload) => {
            let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
                (Some(text), _) => (*text).to_owned(),
                (_, Some(text)) => text.clone(),
                // Not a panic of the code: the unwinding of an abandoned fibre must go on.
                (None, None) => {
                    stage.listener.abandoned(&cpu);
                    resume_unwind(payload)
                }
            };
            director.stop(&cpu, End::Panicked(message));
        }
    }
}

/// The conductor that one CPU sees.
struct Fibre<'y, 'd> {
    yielder: &'y Yielder<(), ()>,
    director: &'d Director,
    listener: &'d dyn Listener,
}

impl Fibre<'_, '_> {
    #[inline(never)]
    fn turn_the_long_way(&self, cpu: &Cpu<'_>) {
        if self.director.looks() && cpu.next() == Access::NONE {
            return cpu.revoke();
        }
        let at = position(cpu);
        loop {
            if self.director.spent(cpu, at) {
                self.suspend(cpu);
            }
            if self.director.grant(cpu, at) {
                return;
            }
        }
    }

    #[inline(never)]
    fn wait_the_long_way(&self, cpu: &Cpu<'_>, on: Obj) {
        let at = self.director.wait_position(cpu, on);
        if self.director.blocked(cpu, at) {
            self.suspend(cpu);
        }
        self.director.grant(cpu, at);
    }

    /// Lets the others run. Does not return if the run is over: the stack is unwound from here.
    #[inline]
    fn suspend(&self, cpu: &Cpu<'_>) {
        self.yielder.suspend(());
        self.director.resumed(cpu);
    }
}

impl Conductor for Fibre<'_, '_> {
    fn turn(&self, cpu: &Cpu<'_>) {
        match self.director.walk(cpu, Why::Spent) {
            Some(false) => {}
            Some(true) => {
                self.yielder.suspend(());
                self.director.walked(cpu);
            }
            None => self.turn_the_long_way(cpu),
        }
    }

    fn wait(&self, cpu: &Cpu<'_>, on: Obj) {
        match self.director.walk(cpu, Why::Blocked) {
            Some(_) => {
                self.yielder.suspend(());
                self.director.walked(cpu);
            }
            None => self.wait_the_long_way(cpu, on),
        }
    }

    fn wait_killable(&self, cpu: &Cpu<'_>, on: Obj) -> bool {
        self.director.set_killable(cpu);
        self.wait(cpu, on);
        !self.director.take_kill(cpu)
    }

    fn wake(&self, cpu: &Cpu<'_>, cpus: u32) {
        self.director.woken(cpu, cpus);
    }

    fn note(&self, cpu: &Cpu<'_>, what: What) {
        if self.director.is_over() || self.listener.note(cpu, what) {
            return;
        }
        self.director.stop(cpu, End::Stopped);
        // A stack that a panic is unwinding cannot be unwound for another reason.
        if !std::thread::panicking() {
            self.yielder.suspend(());
        }
    }

    fn arrived(&self, cpu: &Cpu<'_>, place: Place) {
        if !self.director.is_over() {
            self.director.arrived(cpu, place);
        }
    }
}

#[cfg(test)]
mod tests;
