//! From traces to encounters: who stood at which label while who did something to an object of the same operation.

use std::collections::{BTreeMap, BTreeSet};

use racewalk::prog::{Op, Program, Slot};
use racewalk::{Event, LABELS, Obj, Place, What, place_name};

use crate::anchor::race;

/// An operation by its name in program text, with the words that it must have.
pub(crate) type OpName = String;

/// An operation at a label; `None`: before its first one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Partner {
    /// The operation.
    pub(crate) op: OpName,
    /// The label that it passed last.
    pub(crate) label: Option<&'static str>,
}

/// How one operation fared at one label.
#[derive(Clone, Default, Debug)]
pub(crate) struct Passage {
    /// Runs in which it passed.
    pub(crate) runs: u64,
    /// Runs in which another CPU had something left to do then.
    pub(crate) live: u64,
    /// Who touched an object of the operation while it stood there, and in how many runs.
    pub(crate) met: BTreeMap<Partner, u64>,
}

/// What all runs reached.
#[derive(Clone, Default, Debug)]
pub(crate) struct Reach {
    /// Runs.
    pub(crate) runs: u64,
    /// Each label and operation that passed it.
    pub(crate) passages: BTreeMap<(&'static str, OpName), Passage>,
}

impl Reach {
    /// The passages of a label.
    pub(crate) fn of(&self, label: &str) -> impl Iterator<Item = (&OpName, &Passage)> {
        let passages = self.passages.iter();
        passages.filter(move |((own, _), _)| *own == label).map(|((_, op), passage)| (op, passage))
    }

    /// Takes in the trace of one run of a program.
    pub(crate) fn take_in(&mut self, program: &Program, events: &[Event]) {
        let events = race(events);
        let mut run = Run::of(program, events);
        events.iter().for_each(|event| run.take_in(event));
        self.runs += 1;
        for (key, live) in run.passed {
            let passage = self.passages.entry(key).or_default();
            passage.runs += 1;
            passage.live += u64::from(live);
        }
        for (key, partner) in run.met {
            *self.passages.entry(key).or_default().met.entry(partner).or_default() += 1;
        }
    }
}

/// The name of an operation, with the words that its text must have: `madvise(collapse)`; of a set there may be several.
fn op_name(op: &Op) -> OpName {
    let mut words = Vec::new();
    { *op }.visit(&mut |slot| {
        if let Slot::Word(word) = slot
            && word.is_required()
        {
            words.push(word.text());
        }
    });
    match words.as_slice() {
        [] => op.verb().to_owned(),
        words => format!("{}({})", op.verb(), words.join(", ")),
    }
}

/// What is known of a CPU while a trace is read.
#[derive(Default)]
struct Cpu {
    ops: Vec<OpName>,
    /// What each operation touches in this run.
    touched: Vec<BTreeSet<Obj>>,
    op: usize,
    label: Option<&'static str>,
    /// The labels passed since its last step, and the number of that step.
    stands_at: Vec<&'static str>,
    step: u32,
}

impl Cpu {
    fn is_live(&self) -> bool {
        self.op < self.ops.len()
    }

    fn op(&self) -> OpName {
        self.ops.get(self.op).cloned().unwrap_or_default()
    }
}

/// One run while its trace is read.
struct Run {
    cpus: Vec<Cpu>,
    passed: BTreeMap<(&'static str, OpName), bool>,
    met: BTreeSet<((&'static str, OpName), Partner)>,
}

impl Run {
    fn of(program: &Program, events: &[Event]) -> Run {
        let cpu = |ops: &Vec<Op>| Cpu {
            ops: ops.iter().map(op_name).collect(),
            touched: vec![BTreeSet::new(); ops.len() + 1],
            ..Cpu::default()
        };
        let mut cpus: Vec<Cpu> = program.cpus.iter().map(cpu).collect();
        for event in events {
            let Some(cpu) = cpus.get_mut(usize::from(event.cpu)) else { continue };
            match (event.what, object(event.what)) {
                (What::OpBegin(op), _) => cpu.op = usize::from(op),
                (_, Some(obj)) => {
                    if let Some(touched) = cpu.touched.get_mut(cpu.op) {
                        touched.insert(obj);
                    }
                }
                _ => {}
            }
        }
        cpus.iter_mut().for_each(|cpu| cpu.op = 0);
        Run { cpus, passed: BTreeMap::new(), met: BTreeSet::new() }
    }

    fn take_in(&mut self, event: &Event) {
        let id = usize::from(event.cpu);
        if id >= self.cpus.len() {
            return;
        }
        // Who waits for a lock has announced a step and not yet taken it.
        if !matches!(event.what, What::Wait { .. }) && event.step != self.cpus[id].step {
            self.cpus[id].stands_at.clear();
            self.cpus[id].step = event.step;
        }
        match event.what {
            What::OpBegin(op) => {
                let cpu = &mut self.cpus[id];
                (cpu.op, cpu.label) = (usize::from(op), None);
                cpu.stands_at.clear();
            }
            What::OpEnd(op) => self.cpus[id].op = usize::from(op) + 1,
            What::Pass(place) => self.pass(id, place),
            what => {
                if let Some(obj) = object(what) {
                    self.touch(id, obj);
                }
            }
        }
    }

    fn pass(&mut self, id: usize, place: Place) {
        let label = place_name(place);
        let others = self.cpus.iter().enumerate().any(|(other, cpu)| other != id && cpu.is_live());
        let cpu = &mut self.cpus[id];
        cpu.label = Some(label);
        if cpu.stands_at.last() != Some(&label) {
            cpu.stands_at.push(label);
        }
        *self.passed.entry((label, cpu.op())).or_default() |= others;
    }

    /// CPU `id` does something to an object: whoever stands at a label and is about that object too has met it.
    fn touch(&mut self, id: usize, obj: Obj) {
        let toucher = &self.cpus[id];
        let partner = || Partner { op: toucher.op(), label: toucher.label };
        for (other, cpu) in self.cpus.iter().enumerate() {
            let concerned = || cpu.touched.get(cpu.op).is_some_and(|own| own.contains(&obj));
            if other == id || cpu.stands_at.is_empty() || !concerned() {
                continue;
            }
            for label in &cpu.stands_at {
                self.met.insert(((*label, cpu.op()), partner()));
            }
        }
    }
}

/// The object of a step.
fn object(what: What) -> Option<Obj> {
    match what {
        What::Load { obj, .. }
        | What::Store { obj, .. }
        | What::Rmw { obj, .. }
        | What::Lock { obj, .. }
        | What::Unlock { obj }
        | What::Wait { obj } => Some(obj),
        _ => None,
    }
}

/// All labels, whether anybody passed them or not.
pub(crate) fn labels() -> impl Iterator<Item = &'static str> {
    LABELS.iter().copied()
}
