//! The frozen set: 200 programs of the kernel model, committed, so that later changes can be compared with today.

use racewalk::{Machine, Options, Program};

use super::contender::Contender;

/// The programs' text, one after the other, each beginning with its own `racewalk 1`.
const TEXT: &str = include_str!("frozen.rw");

/// Reads them.
pub(crate) fn programs() -> Vec<Program> {
    let texts = TEXT.split("racewalk 1\n").filter(|text| !text.trim().is_empty());
    let read = |text: &str| {
        racewalk::parse(&format!("racewalk 1\n{text}")).expect("the frozen set can be read")
    };
    texts.map(|text| read(text).program).collect()
}

/// The machine, program after program.
pub(crate) struct Frozen {
    programs: Vec<Program>,
    machine: Machine,
    options: Options,
    next: usize,
}

impl Frozen {
    fn new(feedback: bool, record: bool) -> Frozen {
        let options = Options { feedback, record, ..Options::default() };
        Frozen { programs: programs(), machine: Machine::new(), options, next: 0 }
    }

    /// The campaign's way to run (feedback on), the same without feedback, and the way a replay runs.
    pub(crate) fn contenders() -> Vec<Box<dyn Contender>> {
        vec![
            Box::new(Frozen::new(true, false)),
            Box::new(Frozen::new(false, false)),
            Box::new(Frozen::new(false, true)),
        ]
    }

    /// Steps and operations of a program, on average.
    pub(crate) fn averages() -> (f64, f64) {
        let (programs, mut machine) = (programs(), Machine::new());
        let steps: u32 =
            programs.iter().map(|program| machine.run(program, &Options::default()).steps).sum();
        let ops: usize = programs.iter().flat_map(|program| &program.cpus).map(Vec::len).sum();
        let n = programs.len() as f64;
        (f64::from(steps) / n, ops as f64 / n)
    }
}

impl Contender for Frozen {
    fn name(&self) -> String {
        let how = match (self.options.feedback, self.options.record) {
            (true, _) => "campaign (feedback on)",
            (_, true) => "replay (trace recorded)",
            _ => "feedback off",
        };
        format!("racewalk, {how}")
    }

    /// Here an execution is a program, the next one of the set; the workload has no rounds.
    fn run(&mut self, _rounds: u32, executions: u32) {
        for _ in 0..executions {
            let outcome = self.machine.run(&self.programs[self.next], &self.options);
            assert!(outcome.verdict.is_clean(), "a program of the frozen set is not clean");
            self.next = (self.next + 1) % self.programs.len();
        }
    }

    fn executions_to_count(&self) -> u32 {
        1_000
    }
}
