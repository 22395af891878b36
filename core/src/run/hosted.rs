//! A hosted run: the same program, kernel and oracles, under a conductor that is not ours.

use std::sync::{Mutex, PoisonError};

use super::boot::{boot, config};
use super::layout::Layout;
use super::machine::{Options, conclude};
use super::outcome::Verdict;
use super::watch::{Memory, Watch};
use super::{End, Listener, Variant, interp};
use crate::mm::{Config, Kernel};
use crate::prog::{Axes, Op, Program, Setup};
use crate::sync::{Cpu, Smp, What};

/// A program for somebody else's scheduler, which brings a [`Conductor`](crate::sync::Conductor) for each CPU.
///
/// For each run: [`Hosted::begin`]; CPU 0 does [`Hosted::set_up`], alone; then each CPU does [`Hosted::race`], with the
/// same `Cpu` as before. What the CPUs note goes to the [`Listener`] that this is; when it returns `false`, the run is
/// to be stopped. At the end [`Hosted::end`] lets the oracles look at all, and [`Hosted::verdict`] says what they saw.
///
/// The CPUs may be tasks of any kind, as long as one of them runs at a time and none is interrupted but at its steps.
#[derive(Debug)]
pub struct Hosted {
    program: Program,
    variant: Variant,
    axes: Axes,
    kernel: Kernel,
    layout: Layout,
    memory: Mutex<Memory>,
    go_on: bool,
}

impl Hosted {
    /// A machine for this program. Nothing is recorded and there is no feedback, whatever the options ask for.
    pub fn new(program: &Program, options: &Options) -> Hosted {
        let variant = options.variant.clone().unwrap_or_else(|| Variant::of(program));
        let hpn = options.hpn.unwrap_or(program.head.hpn);
        Hosted {
            program: program.clone(),
            axes: options.axes.unwrap_or(program.head.axes),
            kernel: Kernel::new(hpn.into(), Config::default(), variant.steps()),
            variant,
            layout: Layout::of(program, hpn),
            memory: Mutex::new(Memory::new(hpn.into())),
            go_on: options.go_on,
        }
    }

    /// Another run begins.
    pub fn begin(&mut self) {
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.kernel.reset(config(self.axes), self.variant.steps());
        memory.reset(false, self.go_on);
        boot(&mut self.kernel, &self.program);
        memory.observed.begin(&self.kernel);
    }

    /// How many CPUs there are.
    pub fn cpus(&self) -> usize {
        self.program.cpus.len()
    }

    /// What they know of each other.
    pub fn smp(&self) -> &Smp {
        &self.kernel.smp
    }

    /// What CPU 0 does before there are others.
    pub fn set_up(&self, cpu: &Cpu<'_>) {
        for (n, item) in (0..).zip(&self.program.setup) {
            if let Setup::Do(op) = *item {
                self.call(cpu, op, 0x1000 + n, u16::MAX);
            }
        }
    }

    /// What a CPU does in the race.
    pub fn race(&self, cpu: &Cpu<'_>) {
        let ops = &self.program.cpus[usize::from(cpu.id())];
        for (n, &op) in (0..).zip(ops) {
            cpu.begin_op(n);
            self.call(cpu, op, 0x100 * (u64::from(cpu.id()) + 1) + u64::from(n), n);
        }
        cpu.begin_op(ops.len() as u16);
        if self.kernel.gup_put_all(cpu) {
            self.kernel.rcu_do_batch(cpu);
            cpu.note(What::OpEnd(ops.len() as u16));
        }
    }

    /// The run is over.
    pub fn end(&self, end: &End) {
        self.watched(|watch| conclude(watch, end));
    }

    /// What came of the run.
    pub fn verdict(&self) -> Verdict {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.violation.take().map_or(Verdict::Clean, Verdict::Violation)
    }

    fn call(&self, cpu: &Cpu<'_>, op: Op, tag: u64, n: u16) {
        let dropping = interp::dropping(&self.layout, op);
        if dropping.is_some() {
            self.watched(|watch| watch.set_dropping(cpu, dropping));
        }
        interp::call(cpu, &self.kernel, &self.layout, op, tag);
        if dropping.is_some() {
            self.watched(|watch| watch.set_dropping(cpu, None));
        }
        self.kernel.rcu_do_batch(cpu);
        cpu.note(What::OpEnd(n));
    }

    fn watched<T>(&self, what: impl FnOnce(&Watch<'_>) -> T) -> T {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        what(&Watch::new(&self.kernel, &mut memory))
    }
}

impl Listener for Hosted {
    fn note(&self, cpu: &Cpu<'_>, what: What) -> bool {
        self.watched(|watch| watch.note(cpu, what))
    }
}
