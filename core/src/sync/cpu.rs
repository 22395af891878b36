//! One CPU of the simulated machine: the capability to take a step.

use std::cell::Cell;

use super::lockdep::PackedLock;
use super::{Conductor, Debts, Feedback, Held, HeldLock, Smp};
use crate::trace::{Access, LockMode, Obj, Place, Splat, What};

/// More steps than any run takes.
const FAR: u32 = 1 << 30;
/// Which bits of a place are told apart.
const PLACE_MASK: u16 = 0xfff;

/// A CPU. Whoever holds a reference to it may be preempted at every step.
///
/// The schedule is run-length: `budget` is the number of steps that the CPU may still take before its
/// conductor is asked again. The step counter is `end - budget` and costs nothing.
pub struct Cpu<'r> {
    id: u8,
    tag: u32,
    budget: Cell<u32>,
    end: Cell<u32>,
    /// The tag and the place, as the feedback wants them: epoch 12 bits, CPU 4, place 12, and 4 for the kind.
    here: Cell<u32>,
    /// What the step does that the CPU stands before, while its conductor is being told.
    next: Cell<Access>,
    stop_at: Cell<Place>,
    /// The function that was entered last from outside of all.
    last_call: Cell<Place>,
    op: Cell<u16>,
    op_base: Cell<u32>,
    next_op: Cell<u16>,
    /// How this CPU writes itself into a lock.
    owner: u32,
    /// The state of a lock that this CPU takes without ado: free, if it is hushed; else none at all.
    free: u32,
    tracing: bool,
    hushed: bool,
    conductor: Option<&'r dyn Conductor>,
    feedback: Option<&'r Feedback>,
    smp: &'r Smp,
    reached: [Cell<u64>; 8],
    pub(super) held: Held,
    /// What the operation in flight still owes.
    pub debts: Debts,
}

impl std::fmt::Debug for Cpu<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpu")
            .field("id", &self.id)
            .field("steps", &self.now())
            .finish_non_exhaustive()
    }
}

/// A function on the CPU's call stack; dropping it leaves the function.
#[derive(Debug)]
pub struct Span<'c, 'r> {
    cpu: &'c Cpu<'r>,
    outer: Place,
    caller: Place,
}

impl Drop for Span<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.cpu.move_to(self.outer);
        self.cpu.debts.here.set(self.caller);
        self.cpu.record(|| What::Leave);
    }
}

impl<'r> Cpu<'r> {
    /// A CPU that nobody conducts: it runs as fast as its OS thread does.
    pub fn free(id: u8, smp: &'r Smp) -> Self {
        Cpu::new(id, smp, None, None, false)
    }

    /// A CPU under a conductor. With `tracing`, every access is noted, not only the remarkable facts.
    pub fn conducted(
        id: u8,
        smp: &'r Smp,
        conductor: &'r dyn Conductor,
        feedback: Option<&'r Feedback>,
        tracing: bool,
    ) -> Self {
        Cpu::new(id, smp, Some(conductor), feedback, tracing)
    }

    fn new(
        id: u8,
        smp: &'r Smp,
        conductor: Option<&'r dyn Conductor>,
        feedback: Option<&'r Feedback>,
        tracing: bool,
    ) -> Self {
        let start = if conductor.is_some() { 0 } else { FAR };
        let tag = feedback.map_or(0, |f| f.tag(id));
        let hushed = conductor.is_some() && !tracing;
        Cpu {
            id,
            tag,
            budget: Cell::new(start),
            end: Cell::new(start),
            here: Cell::new(tag),
            next: Cell::new(Access::NONE),
            stop_at: Cell::default(),
            last_call: Cell::default(),
            op: Cell::new(0),
            op_base: Cell::new(0),
            next_op: Cell::new(u16::MAX),
            owner: u32::from(id) + 1,
            free: if hushed { 0 } else { u32::MAX },
            tracing,
            hushed,
            conductor,
            feedback,
            smp,
            reached: Default::default(),
            held: Held::default(),
            debts: Debts::default(),
        }
    }

    /// Announces the next access to shared state. Returns when it is this CPU's turn to perform it.
    ///
    /// `slot` is the object's place in the interleaving feedback, `kind` one of the small numbers of the callers.
    #[inline(always)]
    pub fn step(&self, slot: u16, kind: u16) {
        let (budget, spent) = self.budget.get().overflowing_sub(1);
        self.budget.set(budget);
        if spent {
            self.ask();
            let (budget, spent) = self.budget.get().overflowing_sub(1);
            self.budget.set(budget);
            if spent {
                self.tell(slot, kind);
            }
        }
        if let Some(feedback) = self.feedback {
            feedback.access(self.here.get() | u32::from(kind), slot);
        }
    }

    // The call is the last thing here, so it needs no frame of its own.
    #[cold]
    #[inline(never)]
    fn ask(&self) {
        self.budget.set(0);
        match self.conductor {
            Some(conductor) => conductor.turn(self),
            None => self.grant(FAR, u16::MAX),
        }
    }

    /// Who grants nothing wants to know what the step does, and is asked again. That costs those who do not want to
    /// know one jump.
    #[cold]
    #[inline(never)]
    fn tell(&self, slot: u16, kind: u16) {
        self.next.set(Access::new(slot, kind));
        self.ask();
        self.next.set(Access::NONE);
        self.budget.set(self.budget.get() - 1);
    }

    /// Lets the CPU take `steps` more steps (at least one), but asks again when operation `next_op` begins.
    #[inline]
    pub fn grant(&self, steps: u32, next_op: u16) {
        let now = self.now();
        let steps = steps.max(1);
        self.end.set(now.wrapping_add(steps));
        self.budget.set(steps);
        self.next_op.set(next_op);
    }

    /// Takes the rest of the budget away: the conductor is asked at the next step.
    #[inline]
    pub fn revoke(&self) {
        self.end.set(self.now());
        self.budget.set(0);
    }

    /// What the step will do that the CPU stands before. A conductor that sees [`Access::NONE`] here and wants to know
    /// grants nothing ([`Cpu::revoke`]), and is asked again.
    #[inline]
    pub fn next(&self) -> Access {
        self.next.get()
    }

    /// How many steps the CPU has taken.
    #[inline]
    pub fn now(&self) -> u32 {
        self.end.get().wrapping_sub(self.budget.get())
    }

    /// Which CPU this is, from 0.
    #[inline]
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The set of CPUs that this one belongs to.
    #[inline]
    pub fn smp(&self) -> &'r Smp {
        self.smp
    }

    /// Whoever conducts, if anybody does.
    #[inline]
    pub fn conductor(&self) -> Option<&'r dyn Conductor> {
        self.conductor
    }

    /// Whether somebody conducts and nobody traces: then no other CPU acts at the same time, so that an atomic action
    /// is a plain one, and nothing is recorded. A campaign runs so.
    #[inline]
    pub(super) fn is_hushed(&self) -> bool {
        self.hushed
    }

    /// How this CPU writes itself into a lock that it owns.
    #[inline]
    pub(super) fn as_owner(&self) -> u32 {
        self.owner
    }

    /// The state of a lock that this CPU may take by a plain store; no lock has it unless the CPU is hushed.
    #[inline]
    pub(super) fn takes_at_once(&self) -> u32 {
        self.free
    }

    /// The operation in flight.
    #[inline]
    pub fn op(&self) -> u16 {
        self.op.get()
    }

    /// How many steps the operation in flight has taken.
    #[inline]
    pub fn k(&self) -> u32 {
        self.now().wrapping_sub(self.op_base.get())
    }

    /// The place that the CPU came to last.
    #[inline]
    pub fn place(&self) -> Place {
        Place((self.here.get() >> 4) as u16 & PLACE_MASK)
    }

    #[inline]
    fn move_to(&self, place: Place) {
        self.here.set(self.tag | u32::from(place.0 & PLACE_MASK) << 4);
    }

    /// The function that the CPU is in; outside of all, the one that it called last.
    #[inline]
    pub fn function(&self) -> Place {
        match self.debts.here.get() {
            Place(0) => self.last_call.get(),
            here => here,
        }
    }

    /// Begins the `op`-th operation: its steps count from 0.
    #[inline]
    pub fn begin_op(&self, op: u16) {
        self.op.set(op);
        self.op_base.set(self.now());
        if op >= self.next_op.get() {
            self.revoke();
        }
        self.record(|| What::OpBegin(op));
    }

    /// Enters a function.
    #[inline]
    pub fn enter(&self, function: Place) -> Span<'_, 'r> {
        self.record(|| What::Enter(function));
        let outer = self.place();
        let caller = self.debts.here.replace(function);
        if caller == Place(0) {
            self.last_call.set(function);
        }
        self.come_to(function);
        Span { cpu: self, outer, caller }
    }

    /// Passes a label: an interleaving point with a name.
    #[inline]
    pub fn pass(&self, label: Place) {
        self.record(|| What::Pass(label));
        self.come_to(label);
    }

    #[inline]
    fn come_to(&self, place: Place) {
        self.move_to(place);
        let reached = &self.reached[usize::from(place.0 >> 6) & 7];
        reached.set(reached.get() | 1 << (place.0 & 63));
        if place == self.stop_at.get()
            && let Some(conductor) = self.conductor
        {
            std::hint::cold_path();
            conductor.arrived(self, place);
        }
    }

    /// Asks the CPU to tell its conductor when it comes to `place` ([`Place`] 0: never).
    pub fn stop_at(&self, place: Place) {
        self.stop_at.set(place);
    }

    /// The places that the CPU came to, one bit each.
    pub fn reached(&self) -> [u64; 8] {
        std::array::from_fn(|i| self.reached[i].get())
    }

    /// Forgets the places that the CPU came to.
    pub fn forget_reached(&self) {
        self.reached.iter().for_each(|r| r.set(0));
    }

    /// Records an access, if a trace is wanted at all.
    #[inline(always)]
    pub fn record(&self, what: impl FnOnce() -> What) {
        if self.tracing {
            std::hint::cold_path();
            self.note(what());
        }
    }

    /// Tells the conductor of a fact that oracles may want to look at, traced or not.
    #[inline]
    pub fn note(&self, what: What) {
        if let Some(conductor) = self.conductor {
            conductor.note(self, what);
        }
    }

    /// The code complains.
    #[cold]
    #[inline(never)]
    pub fn splat(&self, splat: Splat) {
        self.note(What::Splat(splat));
    }

    /// A `VM_BUG_ON`: complains if `wrong`.
    #[inline]
    pub fn vm_bug_on(&self, wrong: bool, condition: &'static str) {
        if wrong {
            self.splat(Splat::VmBug(condition));
        }
    }

    /// `lockdep_assert_held`: complains if this CPU does not hold the lock.
    #[inline]
    pub fn assert_held(&self, lock: Obj) {
        if !self.held.holds(lock) {
            self.splat(Splat::NotHeld(lock));
        }
    }

    /// `might_sleep`: complains in atomic context.
    #[inline]
    pub fn might_sleep(&self) {
        if self.held.is_atomic() {
            self.splat(Splat::SleepInAtomic { held: self.held.top() });
        }
    }

    /// The locks that the CPU holds.
    pub fn held(&self) -> &Held {
        &self.held
    }

    #[inline]
    pub(super) fn took(&self, lock: HeldLock, blocking: bool, mode: LockMode) {
        self.took_hushed(PackedLock::new(lock.obj, lock.class), blocking);
        self.record(|| What::Lock { obj: lock.obj, mode });
    }

    /// The same, when nobody traces.
    #[inline]
    pub(super) fn took_hushed(&self, lock: PackedLock, blocking: bool) {
        if self.held.push(lock) && blocking {
            self.complain_of_order(lock.obj());
        }
    }

    #[inline]
    pub(super) fn released(&self, lock: Obj) {
        self.released_hushed(lock);
        self.record(|| What::Unlock { obj: lock });
    }

    /// The same, when nobody traces.
    #[inline]
    pub(super) fn released_hushed(&self, lock: Obj) {
        if !self.held.pop(lock) {
            self.splat(Splat::NotOwner(lock));
        }
    }

    /// The lock on top of the stack should have been taken before the one below it, if there is one.
    #[cold]
    #[inline(never)]
    fn complain_of_order(&self, taken: Obj) {
        if let Some(held) = self.held.below_top() {
            self.splat(Splat::LockOrder { held, taken });
        }
    }
}
