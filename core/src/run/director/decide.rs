//! A decision: what the director does when a CPU has spent its steps, blocks, finishes or wakes another.

use super::{Director, End, Phase, Segment};
use crate::sched::{At, FAR, Grant, Policy, Why};
use crate::sync::{Access, CPUS_MAX, Cpu, Obj, Place};

/// Steps of one CPU's turn in the fair phase.
const QUANTUM: u32 = 64;

impl Director {
    /// The short way for `cpu` to ask, which random walks take that nobody records: their asks are many.
    ///
    /// Whether it must suspend; `None` if it must go the long way, where the same is decided with more ado.
    #[inline(always)]
    pub(in crate::run) fn walk(&self, cpu: &Cpu<'_>, why: Why) -> Option<bool> {
        let used = self.used(cpu.now());
        let left = self.steered.get();
        if used >= left || self.record.is_some() {
            return None;
        }
        let mut runnable = self.runnable.get();
        if why == Why::Blocked {
            runnable &= !(1 << cpu.id());
            if runnable == 0 {
                return None;
            }
        }
        let Policy::RandomWalk(walk) = &mut *self.policy.borrow_mut() else { return None };
        let (next, steps) = walk.draw(runnable);
        let steps = steps.min(left - used);
        if why == Why::Blocked {
            self.runnable.set(runnable);
        } else if next == cpu.id() {
            cpu.grant(steps, u16::MAX);
            return Some(false);
        } else {
            self.preemptions.set(self.preemptions.get() + 1);
        }
        self.steered.set(left - used);
        self.drawn.set(steps);
        self.current.set(next);
        Some(true)
    }

    /// `cpu` goes on after having been suspended on the short way.
    #[inline(always)]
    pub(in crate::run) fn walked(&self, cpu: &Cpu<'_>) {
        self.resumed(cpu);
        match self.drawn.get() {
            0 => drop(self.grant_unsteered(cpu)),
            steps => cpu.grant(steps, u16::MAX),
        }
    }

    /// `cpu` has spent what it was granted: whether it must suspend.
    pub(in crate::run) fn spent(&self, cpu: &Cpu<'_>, at: At) -> bool {
        if self.used(at.step) >= self.steered.get() {
            return self.decide_unsteered(Why::Spent, cpu, at);
        }
        let why = if self.arrived.get() { self.take_arrival() } else { Why::Spent };
        let next = self.pick(why, at, self.runnable.get());
        if next == at.cpu {
            return false;
        }
        self.preemptions.set(self.preemptions.get() + 1);
        self.hand_over(why, at, next);
        true
    }

    /// Asks the policy while it steers: there are steps left.
    #[inline]
    fn pick(&self, why: Why, at: At, runnable: u32) -> u8 {
        let mut policy = self.policy.borrow_mut();
        let next = policy.pick(why, at, runnable);
        self.drawn.set(policy.drawn().min(self.steered.get() - self.used(at.step)));
        next
    }

    #[cold]
    fn take_arrival(&self) -> Why {
        self.arrived.set(false);
        Why::Arrived
    }

    /// Where `cpu` stands that cannot go on: at the end of the set-up, that is where operation 0 will begin.
    pub(in crate::run) fn wait_position(&self, cpu: &Cpu<'_>, on: Obj) -> At {
        let at = At { next: Access::wait_for(on), ..position(cpu) };
        if self.opening.get() { At { op: 0, k: 0, ..at } } else { at }
    }

    /// `cpu` cannot go on: whether it must suspend.
    pub(in crate::run) fn blocked(&self, cpu: &Cpu<'_>, at: At) -> bool {
        if self.is_over() {
            return false;
        }
        if self.opening.take() {
            self.release(cpu);
            return self.decide(Why::Begin, cpu, at);
        }
        self.arrived.set(false);
        self.runnable.set(self.runnable.get() & !(1 << at.cpu));
        self.kill_if_stuck();
        self.decide(Why::Blocked, cpu, at)
    }

    /// From now on a signal may end the wait of `cpu`.
    pub(in crate::run) fn set_killable(&self, cpu: &Cpu<'_>) {
        self.killable.set(self.killable.get() | 1 << cpu.id());
    }

    /// The wait is over: whether it was because of a signal.
    pub(in crate::run) fn take_kill(&self, cpu: &Cpu<'_>) -> bool {
        let me = 1 << cpu.id();
        let killed = self.killed.get() & me != 0;
        self.killable.set(self.killable.get() & !me);
        self.killed.set(self.killed.get() & !me);
        killed
    }

    /// Nobody can run: of those who wait for what may never come, the first one gets a signal. Whoever waits for
    /// something else is in a deadlock if that does not help.
    fn kill_if_stuck(&self) {
        let victims = self.killable.get() & self.live.get();
        if self.runnable.get() == 0 && victims != 0 {
            let victim = 1 << victims.trailing_zeros();
            self.killable.set(self.killable.get() & !victim);
            self.killed.set(self.killed.get() | victim);
            self.runnable.set(victim);
        }
    }

    /// `cpu` has done all it had to do.
    pub(in crate::run) fn finished(&self, cpu: &Cpu<'_>) {
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
            self.kill_if_stuck();
            self.decide(Why::Finished, cpu, At { next: Access::NONE, ..position(cpu) });
        }
    }

    /// The CPUs of the mask may look again at what they wait for.
    pub(in crate::run) fn woken(&self, cpu: &Cpu<'_>, cpus: u32) {
        self.runnable.set(self.runnable.get() | cpus & self.live.get());
        if self.phase.get() == Phase::Steered
            && self.policy.borrow_mut().woken(cpu.id(), self.runnable.get())
        {
            cpu.revoke();
        }
    }

    /// `cpu` came to a place.
    pub(in crate::run) fn arrived(&self, cpu: &Cpu<'_>, place: Place) {
        if self.phase.get() == Phase::Steered && self.policy.borrow_mut().arrived(cpu.id(), place.0)
        {
            self.arrived.set(true);
            cpu.revoke();
        }
    }

    /// `cpu` goes on after having been suspended, or for the first time.
    #[inline]
    pub(in crate::run) fn resumed(&self, cpu: &Cpu<'_>) {
        self.since.set(cpu.now());
    }

    /// Grants the next steps to `cpu`; `false` if the policy grants none and wants to be asked at once.
    #[inline]
    pub(in crate::run) fn grant(&self, cpu: &Cpu<'_>, at: At) -> bool {
        let steered = self.steered.get();
        if steered == 0 {
            return self.grant_unsteered(cpu);
        }
        let grant = match self.drawn.get() {
            0 => {
                let mut policy = self.policy.borrow_mut();
                let grant = policy.grant(at);
                cpu.stop_at(Place(policy.stop_at(at.cpu)));
                grant
            }
            steps => Grant::steps(steps),
        };
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
        self.steered.set(self.steps_max.get());
        self.runnable.set(self.live.get());
        self.since.set(cpu.now());
    }

    /// Decides who goes next when `cpu` cannot, or need not: whether it must suspend.
    fn decide(&self, why: Why, cpu: &Cpu<'_>, at: At) -> bool {
        let runnable = self.runnable.get();
        if runnable == 0 || self.used(at.step) >= self.steered.get() {
            return self.decide_unsteered(why, cpu, at);
        }
        let next = self.pick(why, at, runnable);
        // Whom a signal has reached takes another turn: its last one has ended.
        let passes = next != at.cpu || why == Why::Blocked;
        if passes {
            self.hand_over(why, at, next);
        } else if let Some(record) = &self.record {
            record.borrow_mut().decided(why, at, next, runnable);
        }
        passes
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
            let waiting =
                if self.phase.get() == Phase::SetUp { 1 << at.cpu } else { self.live.get() };
            self.stop(cpu, End::Deadlock { waiting });
            return true;
        }
        if self.phase.get() == Phase::Steered {
            self.phase.set(Phase::Fair);
            self.steered.set(0);
            self.drawn.set(0);
            self.unsteered.set(used.saturating_add(self.fair_steps_max.get()));
            cpu.stop_at(Place(0));
        }
        if used >= self.unsteered.get() {
            self.stop(cpu, End::Livelock);
            return true;
        }
        // The others first, in turn; `cpu` itself comes last.
        let mut next = (1..=CPUS_MAX as u8).map(|n| (at.cpu + n) % CPUS_MAX as u8);
        let next = next.find(|&cpu| runnable >> cpu & 1 == 1).unwrap_or(at.cpu);
        let goes_on = why != Why::Blocked || self.phase.get() == Phase::SetUp;
        if next == at.cpu && goes_on {
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
            record.borrow_mut().segments.push(Segment {
                cpu: at.cpu,
                steps: self.used(at.step),
                ended: Some(why),
            });
        }
        self.current.set(next);
    }
}

/// Where the CPU stands, and before what.
#[inline]
pub(in crate::run) fn position(cpu: &Cpu<'_>) -> At {
    At { cpu: cpu.id(), op: cpu.op(), k: cpu.k(), step: cpu.now(), next: cpu.next() }
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
