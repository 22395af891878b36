//! The director of a conducted run: who runs, who can, who is left, and what was decided.

mod record;

use std::cell::{Cell, RefCell, RefMut};

pub use record::Segment;
use record::Record;
use crate::prog::Decision;
use crate::sched::{At, FAR, Grant, Policy, Why};
use crate::sync::{CPUS_MAX, Cpu, Place};

/// Steps after which the policy is no longer trusted to let everybody come to an end.
pub const STEPS_MAX: u32 = 20_000;
/// Steps that everybody gets in turn after that.
pub const FAIR_STEPS_MAX: u32 = 20_000;
/// Steps of one CPU's turn in the fair phase.
const QUANTUM: u32 = 64;
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
    /// The count of the CPU that runs when it went on.
    since: Cell<u32>,
    /// Steps that the policy could still steer then; 0 in the other phases, and when the run is over.
    steered: Cell<u32>,
    /// Steps that were left to one of the other phases then.
    unsteered: Cell<u32>,
    steps_max: u32,
    fair_steps_max: u32,
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
            since: Cell::new(0),
            steered: Cell::new(0),
            unsteered: Cell::new(0),
            steps_max: STEPS_MAX,
            fair_steps_max: FAIR_STEPS_MAX,
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
        Director { steps_max, fair_steps_max, ..self }
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
            conductor.wait(cpu, crate::sync::Obj::default());
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

    /// Back to the start, for a run of `cpus` CPUs.
    pub(super) fn rewind(&self, cpus: usize) {
        self.policy.borrow_mut().rewind();
        self.phase.set(Phase::SetUp);
        self.current.set(0);
        self.runnable.set(1);
        self.live.set((1 << cpus) - 1);
        self.since.set(0);
        self.steered.set(0);
        self.unsteered.set(self.steps_max);
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
        *self.end.borrow_mut() = Some(end);
        if let Some(record) = &self.record {
            let steps = cpu.now().wrapping_sub(self.since.get());
            record.borrow_mut().segments.push(Segment { cpu: cpu.id(), steps, ended: None });
        }
    }

    /// `cpu` has spent what it was granted: whether it must suspend.
    #[inline]
    pub(super) fn spent(&self, cpu: &Cpu<'_>, at: At) -> bool {
        if self.used(at.step) >= self.steered.get() {
            return self.decide_unsteered(Why::Spent, cpu, at);
        }
        let why = if self.arrived.get() { self.take_arrival() } else { Why::Spent };
        let next = self.policy.borrow_mut().pick(why, at, self.runnable.get());
        if next == at.cpu {
            return false;
        }
        self.preemptions.set(self.preemptions.get() + 1);
        self.hand_over(why, at, next);
        true
    }

    #[cold]
    fn take_arrival(&self) -> Why {
        self.arrived.set(false);
        Why::Arrived
    }

    /// Where `cpu` stands that cannot go on: at the end of the set-up, that is where operation 0 will begin.
    pub(super) fn wait_position(&self, cpu: &Cpu<'_>) -> At {
        let at = position(cpu);
        if self.opening.get() { At { op: 0, k: 0, ..at } } else { at }
    }

    /// `cpu` cannot go on: whether it must suspend.
    pub(super) fn blocked(&self, cpu: &Cpu<'_>, at: At) -> bool {
        if self.is_over() {
            return false;
        }
        if self.opening.take() {
            self.release(cpu);
            return self.decide(Why::Begin, cpu, at);
        }
        self.arrived.set(false);
        self.runnable.set(self.runnable.get() & !(1 << at.cpu));
        self.decide(Why::Blocked, cpu, at)
    }

    /// `cpu` has done all it had to do.
    pub(super) fn finished(&self, cpu: &Cpu<'_>) {
        if self.is_over() {
            return;
        }
        if self.phase.get() == Phase::SetUp {
            self.release(cpu);
        }
        self.arrived.set(false);
        self.live.set(self.live.get() & !(1 << cpu.id()));
        self.runnable.set(self.runnable.get() & !(1 << cpu.id()));
        if self.live.get() == 0 {
            self.stop(cpu, End::Clean);
        } else {
            self.decide(Why::Finished, cpu, position(cpu));
        }
    }

    /// The CPUs of the mask may look again at what they wait for.
    pub(super) fn woken(&self, cpu: &Cpu<'_>, cpus: u32) {
        self.runnable.set(self.runnable.get() | cpus & self.live.get());
        if self.phase.get() == Phase::Steered && self.policy.borrow_mut().woken(cpu.id(), self.runnable.get()) {
            cpu.revoke();
        }
    }

    /// `cpu` came to a place.
    pub(super) fn arrived(&self, cpu: &Cpu<'_>, place: Place) {
        if self.phase.get() == Phase::Steered && self.policy.borrow_mut().arrived(cpu.id(), place.0) {
            self.arrived.set(true);
            cpu.revoke();
        }
    }

    /// `cpu` goes on after having been suspended, or for the first time.
    #[inline]
    pub(super) fn resumed(&self, cpu: &Cpu<'_>) {
        self.since.set(cpu.now());
    }

    /// Grants the next steps to `cpu`; `false` if the policy grants none and wants to be asked at once.
    #[inline]
    pub(super) fn grant(&self, cpu: &Cpu<'_>, at: At) -> bool {
        let steered = self.steered.get();
        if steered == 0 {
            return self.grant_unsteered(cpu);
        }
        let mut policy = self.policy.borrow_mut();
        let grant = policy.grant(at);
        cpu.stop_at(Place(policy.stop_at(at.cpu)));
        give(cpu, Grant { steps: grant.steps.min(steered - self.used(at.step)), ..grant })
    }

    #[cold]
    #[inline(never)]
    fn grant_unsteered(&self, cpu: &Cpu<'_>) -> bool {
        let room = self.unsteered.get().saturating_sub(self.used(cpu.now()));
        let steps = match self.phase.get() {
            _ if self.is_over() => FAR,
            Phase::Fair => room.min(QUANTUM),
            Phase::SetUp | Phase::Steered => room,
        };
        give(cpu, Grant::steps(steps))
    }

    /// Steps of the CPU that runs since it went on, when it has taken `step`.
    #[inline]
    fn used(&self, step: u32) -> u32 {
        step.wrapping_sub(self.since.get())
    }

    /// From now on there are other CPUs, and steps count.
    fn release(&self, cpu: &Cpu<'_>) {
        self.phase.set(Phase::Steered);
        self.steered.set(self.steps_max);
        self.runnable.set(self.live.get());
        self.since.set(cpu.now());
    }

    /// Decides who goes next when `cpu` cannot, or need not: whether it must suspend.
    fn decide(&self, why: Why, cpu: &Cpu<'_>, at: At) -> bool {
        let runnable = self.runnable.get();
        if runnable == 0 || self.used(at.step) >= self.steered.get() {
            return self.decide_unsteered(why, cpu, at);
        }
        let next = self.policy.borrow_mut().pick(why, at, runnable);
        if next != at.cpu {
            self.hand_over(why, at, next);
        } else if let Some(record) = &self.record {
            record.borrow_mut().decided(why, at, next, runnable);
        }
        next != at.cpu
    }

    /// The same, where the policy has nothing to say.
    #[cold]
    #[inline(never)]
    fn decide_unsteered(&self, why: Why, cpu: &Cpu<'_>, at: At) -> bool {
        if self.is_over() {
            return false;
        }
        let (runnable, used) = (self.runnable.get(), self.used(at.step));
        if runnable == 0 {
            let waiting = if self.phase.get() == Phase::SetUp { 1 << at.cpu } else { self.live.get() };
            self.stop(cpu, End::Deadlock { waiting });
            return true;
        }
        if self.phase.get() == Phase::Steered {
            self.phase.set(Phase::Fair);
            self.steered.set(0);
            self.unsteered.set(used.saturating_add(self.fair_steps_max));
            cpu.stop_at(Place(0));
        }
        if used >= self.unsteered.get() {
            self.stop(cpu, End::Livelock);
            return true;
        }
        // The others first, in turn; `cpu` itself comes last.
        let mut next = (1..=CPUS_MAX as u8).map(|n| (at.cpu + n) % CPUS_MAX as u8);
        let next = next.find(|&cpu| runnable >> cpu & 1 == 1).unwrap_or(at.cpu);
        if next == at.cpu {
            return false;
        }
        self.preemptions.set(self.preemptions.get() + u32::from(why.is_voluntary()));
        self.unsteered.set(self.unsteered.get() - used);
        self.pass(why, at, next);
        true
    }

    /// Passes the turn on, as the policy picked.
    #[inline]
    fn hand_over(&self, why: Why, at: At, next: u8) {
        self.steered.set(self.steered.get() - self.used(at.step));
        if let Some(record) = &self.record {
            record.borrow_mut().decided(why, at, next, self.runnable.get());
        }
        self.pass(why, at, next);
    }

    #[inline]
    fn pass(&self, why: Why, at: At, next: u8) {
        if let Some(record) = &self.record {
            record.borrow_mut().segments.push(Segment { cpu: at.cpu, steps: self.used(at.step), ended: Some(why) });
        }
        self.current.set(next);
    }
}

/// Where the CPU stands.
#[inline]
pub(super) fn position(cpu: &Cpu<'_>) -> At {
    At { cpu: cpu.id(), op: cpu.op(), k: cpu.k(), step: cpu.now() }
}

/// Without steps to take, the CPU asks at its next one.
#[inline]
fn give(cpu: &Cpu<'_>, grant: Grant) -> bool {
    cpu.grant(grant.steps, grant.next_op);
    if grant.steps == 0 {
        cpu.revoke();
    }
    grant.steps != 0
}
