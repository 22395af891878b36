//! The director of a conducted run: who runs, who can, who is left, and what was decided.

mod decide;
mod record;

use std::cell::{Cell, RefCell, RefMut};

use crate::prog::Decision;
use crate::sched::Policy;
use crate::sync::{Cpu, Obj};
pub(super) use decide::position;
use record::Record;
pub use record::Segment;

/// Steps after which the policy is no longer trusted to let everybody come to an end.
pub const STEPS_MAX: u32 = 20_000;
/// Steps that everybody gets in turn after that.
pub const FAIR_STEPS_MAX: u32 = 20_000;
/// What [`Director::current`] holds when the run is over.
const NOBODY: u8 = u8::MAX;

/// How a conducted run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Every CPU has finished.
    Clean,
    /// No CPU can run. That is exact: a CPU that waits leaves the runnable set until it is woken.
    Deadlock {
        /// The CPUs that wait, as a mask.
        waiting: u32,
    },
    /// Somebody was still running after everybody had had their fair turns.
    Livelock,
    /// The listener wished to see no more.
    Stopped,
    /// The code panicked, with this message.
    Panicked(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// CPU 0 prepares the scene. Nobody else exists.
    SetUp,
    /// The policy decides.
    Steered,
    /// Round robin: whoever can come to an end, does.
    Fair,
}

/// The state of one run under a policy. It is rewound and used again for the next run.
///
/// The set-up is not preempted. Then the policy decides, until all have finished, nobody can run, or the steps are
/// used up; after that a fair phase tells a livelock from an unlucky schedule.
#[derive(Debug)]
pub struct Director {
    policy: RefCell<Policy>,
    phase: Cell<Phase>,
    current: Cell<u8>,
    runnable: Cell<u32>,
    live: Cell<u32>,
    /// Those of them that wait for what a signal may spare them, and those that got one.
    killable: Cell<u32>,
    killed: Cell<u32>,
    /// The count of the CPU that runs when it went on.
    since: Cell<u32>,
    /// Steps that the policy could still steer then; 0 in the other phases, and when the run is over.
    steered: Cell<u32>,
    /// Steps that were left to one of the other phases then.
    unsteered: Cell<u32>,
    /// Steps that were drawn together with the last pick ([`Policy::drawn`]).
    drawn: Cell<u32>,
    /// Whether the policy wants to know what each step does.
    looks: Cell<bool>,
    steps_max: Cell<u32>,
    fair_steps_max: Cell<u32>,
    opening: Cell<bool>,
    arrived: Cell<bool>,
    preemptions: Cell<u32>,
    end: RefCell<Option<End>>,
    record: Option<RefCell<Record>>,
}

impl Director {
    /// A director who follows `policy` and keeps no record of what it did.
    pub fn new(policy: Policy) -> Director {
        Director {
            policy: RefCell::new(policy),
            phase: Cell::new(Phase::SetUp),
            current: Cell::new(0),
            runnable: Cell::new(1),
            live: Cell::new(1),
            killable: Cell::new(0),
            killed: Cell::new(0),
            since: Cell::new(0),
            steered: Cell::new(0),
            unsteered: Cell::new(0),
            drawn: Cell::new(0),
            looks: Cell::new(false),
            steps_max: Cell::new(STEPS_MAX),
            fair_steps_max: Cell::new(FAIR_STEPS_MAX),
            opening: Cell::new(false),
            arrived: Cell::new(false),
            preemptions: Cell::new(0),
            end: RefCell::new(None),
            record: None,
        }
    }

    /// The same, keeping the decisions it takes. A campaign does without: a run can be had again.
    pub fn recording(policy: Policy) -> Director {
        Director { record: Some(RefCell::default()), ..Director::new(policy) }
    }

    /// The same, with other bounds on the steps under the policy and in the fair phase.
    pub fn with_steps_max(self, steps_max: u32, fair_steps_max: u32) -> Director {
        self.set_steps_max(steps_max, fair_steps_max);
        self
    }

    /// Other bounds from the next run on: a larger machine takes more steps.
    pub fn set_steps_max(&self, steps_max: u32, fair_steps_max: u32) {
        self.steps_max.set(steps_max);
        self.fair_steps_max.set(fair_steps_max);
    }

    /// The policy: to load another schedule, reseed it, or replace it between two runs.
    ///
    /// # Panics
    /// If it is called while a run is asking the policy.
    pub fn policy(&self) -> RefMut<'_, Policy> {
        self.policy.borrow_mut()
    }

    /// The set-up is done: the other CPUs exist from now on, and the policy picks who goes first.
    ///
    /// CPU 0 calls this once, outside any operation, right before it begins operation 0.
    pub fn begin(&self, cpu: &Cpu<'_>) {
        if let Some(conductor) = cpu.conductor() {
            self.opening.set(true);
            conductor.wait(cpu, Obj::default());
        }
    }

    /// How many times a CPU was made to yield although it could go on.
    pub fn preemptions(&self) -> u32 {
        self.preemptions.get()
    }

    /// The decisions of the run: [`Script`](crate::sched::Script) follows them to the very same run.
    ///
    /// Empty without a record. What was done in the fair phase is not among them, since it follows from the rest.
    pub fn taken(&self) -> Vec<Decision> {
        self.record.as_ref().map(|record| record.borrow().taken()).unwrap_or_default()
    }

    /// Who ran, for how many steps, and why they stopped; empty without a record.
    pub fn segments(&self) -> Vec<Segment> {
        self.record.as_ref().map(|record| record.borrow().segments.clone()).unwrap_or_default()
    }

    /// Whether the run is over: from then on nothing suspends, nobody listens.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.current.get() == NOBODY
    }

    /// Whether the policy wants to know what each step does.
    #[inline]
    pub(super) fn looks(&self) -> bool {
        self.looks.get()
    }

    /// Back to the start, for a run of `cpus` CPUs.
    pub(super) fn rewind(&self, cpus: usize) {
        let mut policy = self.policy.borrow_mut();
        policy.rewind();
        self.looks.set(policy.looks());
        drop(policy);
        self.phase.set(Phase::SetUp);
        self.current.set(0);
        self.runnable.set(1);
        self.live.set((1 << cpus) - 1);
        self.killable.set(0);
        self.killed.set(0);
        self.since.set(0);
        self.steered.set(0);
        self.unsteered.set(self.steps_max.get());
        self.drawn.set(0);
        self.opening.set(false);
        self.arrived.set(false);
        self.preemptions.set(0);
        *self.end.borrow_mut() = None;
        if let Some(record) = &self.record {
            record.borrow_mut().clear();
        }
    }

    /// How the run ended, once it is over.
    pub(super) fn end(&self) -> End {
        self.end.borrow_mut().take().unwrap_or(End::Clean)
    }

    /// Whose turn it is; out of range when the run is over.
    #[inline]
    pub(super) fn current(&self) -> usize {
        usize::from(self.current.get())
    }

    /// Ends the run, unless it is over already.
    #[cold]
    #[inline(never)]
    pub(super) fn stop(&self, cpu: &Cpu<'_>, end: End) {
        if self.is_over() {
            return;
        }
        self.current.set(NOBODY);
        self.steered.set(0);
        self.drawn.set(0);
        *self.end.borrow_mut() = Some(end);
        self.policy.borrow_mut().ended(cpu.id(), cpu.now());
        if let Some(record) = &self.record {
            let steps = cpu.now().wrapping_sub(self.since.get());
            record.borrow_mut().segments.push(Segment { cpu: cpu.id(), steps, ended: None });
        }
    }
}
