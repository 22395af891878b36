//! The watch: it keeps the trace, lets the oracles look at each fact, and remembers the first violation.

use std::cell::RefCell;

use super::fibre::Listener;
use super::names::place_name;
use super::outcome::Violation;
use crate::mm::place::func;
use crate::mm::{Kernel, object_name};
use crate::oracle::{Dropping, Fact, ORACLES, Observed, Oracle, Recount, View, Wrong};
use crate::sync::{Cpu, Debt, Place, What};
use crate::trace::{Event, Trace};

/// What is kept from run to run.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) observed: Observed,
    pub(super) trace: Option<Trace>,
    pub(super) violation: Option<Box<Violation>>,
    /// Whether the run goes on after a violation, to hear the other oracles.
    go_on: bool,
    /// Who had something to say after the first violation, each oracle once.
    pub(super) others: Vec<&'static Oracle>,
    pub(super) recount: Recount,
    /// The oracles that look at each kind of fact, and those that look at ends of operations: no others are asked.
    at_facts: [Vec<&'static Oracle>; Fact::COUNT],
    at_op_ends: Vec<&'static Oracle>,
}

impl Memory {
    pub(super) fn new(hpn: u32) -> Memory {
        Memory {
            observed: Observed::new(hpn),
            trace: None,
            violation: None,
            go_on: false,
            others: Vec::new(),
            recount: Recount::default(),
            at_facts: std::array::from_fn(|fact| {
                let asked = |oracle: &&Oracle| oracle.facts.iter().any(|&of| of as usize == fact);
                ORACLES.iter().filter(asked).collect()
            }),
            at_op_ends: ORACLES.iter().filter(|oracle| oracle.op_end.is_some()).collect(),
        }
    }

    pub(super) fn reset(&mut self, record: bool, go_on: bool) {
        self.observed.reset();
        self.trace = record.then(Trace::default);
        self.violation = None;
        self.go_on = go_on;
        self.others.clear();
    }

    /// Remembers a violation: as the verdict if it is the first one, else by its oracle's name.
    fn remember(&mut self, oracle: &'static Oracle, violation: impl FnOnce() -> Violation) {
        match &self.violation {
            None => self.violation = Some(Box::new(violation())),
            Some(first) => {
                let is_new = first.oracle.name != oracle.name
                    && !self.others.iter().any(|known| known.name == oracle.name);
                if self.go_on && is_new {
                    self.others.push(oracle);
                }
            }
        }
    }
}

/// The listener of a run.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    kernel: &'a Kernel,
    memory: RefCell<&'a mut Memory>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(kernel: &'a Kernel, memory: &'a mut Memory) -> Watch<'a> {
        Watch { kernel, memory: RefCell::new(memory) }
    }

    /// An operation that drops pages begins on this CPU, or has ended.
    pub(super) fn set_dropping(&self, cpu: &Cpu<'_>, dropping: Option<Dropping>) {
        self.memory.borrow_mut().observed.set_dropping(self.kernel, cpu.id(), dropping);
    }

    /// Nothing is in flight any longer: the checks that walk the whole machine.
    pub(super) fn quiesce(&self) {
        let memory = &mut **self.memory.borrow_mut();
        if memory.violation.is_some() && !memory.go_on {
            return;
        }
        memory.recount.count(self.kernel);
        for oracle in ORACLES {
            let view = View { kernel: self.kernel, observed: &memory.observed };
            let wrong = oracle.quiesce.and_then(|check| check(&view, &memory.recount).err());
            if let Some(wrong) = wrong {
                memory.remember(oracle, || at_quiescence(oracle, wrong));
                if !memory.go_on {
                    return;
                }
            }
        }
    }

    /// Remembers a violation that the end of the run was, unless there is one already.
    pub(super) fn ended(&self, oracle: &'static Oracle, wrong: Wrong) {
        let memory = &mut **self.memory.borrow_mut();
        memory.remember(oracle, || at_quiescence(oracle, wrong));
    }

    /// What all oracles have to say, and not the first one only.
    #[cold]
    fn check_all(&self, memory: &mut Memory, cpu: &Cpu<'_>, what: What) {
        for oracle in ORACLES {
            let view = View { kernel: self.kernel, observed: &memory.observed };
            let wrong = match what {
                What::Splat(splat) => oracle.splat.and_then(|check| check(&view, splat)),
                What::OpEnd(_) => oracle.op_end.and_then(|check| check(&view, cpu).err()),
                _ => match Fact::of(what) {
                    Some(fact) if oracle.facts.contains(&fact) => {
                        oracle.event.and_then(|check| check(&view, cpu, what).err())
                    }
                    _ => None,
                },
            };
            if let Some(wrong) = wrong {
                let place = if matches!(what, What::OpEnd(_)) {
                    blamed(cpu, &wrong)
                } else {
                    cpu.function()
                };
                memory.remember(oracle, || on_cpu(self.kernel, oracle, wrong, place, cpu));
            }
        }
    }

    fn check(
        &self,
        memory: &Memory,
        cpu: &Cpu<'_>,
        what: What,
    ) -> Option<(&'static Oracle, Wrong, Place)> {
        let view = View { kernel: self.kernel, observed: &memory.observed };
        let here = cpu.function();
        match what {
            What::Splat(splat) => ORACLES
                .iter()
                .find_map(|oracle| Some((oracle, (oracle.splat?)(&view, splat)?, here))),
            What::OpEnd(_) => memory.at_op_ends.iter().find_map(|&oracle| {
                let wrong = (oracle.op_end?)(&view, cpu).err()?;
                let place = blamed(cpu, &wrong);
                Some((oracle, wrong, place))
            }),
            _ => memory.at_facts[Fact::of(what)? as usize]
                .iter()
                .find_map(|&oracle| Some((oracle, (oracle.event?)(&view, cpu, what).err()?, here))),
        }
    }
}

/// The function in which the debt was made that an operation has ended with, if it is one; else the one it ended in.
fn blamed(cpu: &Cpu<'_>, wrong: &Wrong) -> Place {
    let debt = cpu.debts.open().into_iter().find(|debt| wrong.objects.contains(&debt.to));
    debt.map_or(cpu.function(), |debt| debt.place)
}

impl Listener for Watch<'_> {
    fn abandoned(&self, cpu: &Cpu<'_>) {
        let memory = &mut **self.memory.borrow_mut();
        if let Some(violation) = &mut memory.violation
            && violation.cpu != cpu.id()
        {
            violation.debts.extend(debts_of(self.kernel, cpu));
            violation.debts.sort_by_key(|&(cpu, _)| cpu);
        }
    }

    fn note(&self, cpu: &Cpu<'_>, what: What) -> bool {
        let memory = &mut **self.memory.borrow_mut();
        if memory.violation.is_some() && !memory.go_on {
            return false;
        }
        if let Some(trace) = &mut memory.trace {
            trace.push(Event { cpu: cpu.id(), step: cpu.now(), place: cpu.place(), what });
        }
        let wrong = match memory.go_on {
            false => self.check(memory, cpu, what),
            true => {
                self.check_all(memory, cpu, what);
                None
            }
        };
        // A table that munmap or MADV_DONTNEED takes down is nobody's promise: only a collapse keeps PTEs out afterwards.
        let zaps = [func::free_pgtables, func::zap_pte_range];
        let zapped = matches!(what, What::Unlink { .. }) && zaps.contains(&cpu.function());
        if !zapped {
            memory.observed.take_in(self.kernel, cpu.id(), what);
        }
        match wrong {
            None => true,
            Some((oracle, wrong, place)) => {
                memory.violation = Some(Box::new(on_cpu(self.kernel, oracle, wrong, place, cpu)));
                false
            }
        }
    }
}

fn on_cpu(
    kernel: &Kernel,
    oracle: &'static Oracle,
    wrong: Wrong,
    place: Place,
    cpu: &Cpu<'_>,
) -> Violation {
    let debts = debts_of(kernel, cpu);
    Violation {
        oracle,
        function: place_name(place),
        label: place_name(cpu.place()),
        detail: wrong.detail,
        objects: wrong.objects,
        cpu: cpu.id(),
        step: cpu.now(),
        op: cpu.op(),
        debts,
    }
}

/// What the operation in flight on a CPU owes.
fn debts_of(kernel: &Kernel, cpu: &Cpu<'_>) -> Vec<(u8, String)> {
    let name = |debt: Debt| format!("{} {:+}", object_name(debt.to, kernel.hpn), debt.amount);
    cpu.debts.open().into_iter().map(|debt| (cpu.id(), name(debt))).collect()
}

fn at_quiescence(oracle: &'static Oracle, wrong: Wrong) -> Violation {
    Violation {
        oracle,
        function: "quiescence",
        label: "quiescence",
        detail: wrong.detail,
        objects: wrong.objects,
        cpu: 0,
        step: 0,
        op: 0,
        debts: Vec::new(),
    }
}
