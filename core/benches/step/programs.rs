//! Programs of the kernel model, one after the other, as a contender.

use racewalk::{Machine, Options, Program};

use super::contender::Contender;

/// The machine, program after program.
pub(crate) struct Programs {
    name: String,
    programs: Vec<Program>,
    machine: Machine,
    options: Options,
    next: usize,
}

impl Programs {
    pub(crate) fn new(name: &str, programs: Vec<Program>, options: Options) -> Programs {
        Programs { name: name.to_owned(), programs, machine: Machine::new(), options, next: 0 }
    }

    /// Steps and operations of a program, on average.
    pub(crate) fn averages(&mut self) -> (f64, f64) {
        let (machine, options) = (&mut self.machine, &self.options);
        let steps: u32 =
            self.programs.iter().map(|program| machine.run(program, options).steps).sum();
        let ops: usize = self.programs.iter().flat_map(|program| &program.cpus).map(Vec::len).sum();
        let n = self.programs.len() as f64;
        (f64::from(steps) / n, ops as f64 / n)
    }
}

impl Contender for Programs {
    fn name(&self) -> String {
        format!("racewalk, {}", self.name)
    }

    /// Here an execution is a program, the next one of the set; the workload has no rounds.
    fn run(&mut self, _rounds: u32, executions: u32) {
        for _ in 0..executions {
            let outcome = self.machine.run(&self.programs[self.next], &self.options);
            assert!(outcome.verdict.is_clean(), "a program of the {} is not clean", self.name);
            self.next = (self.next + 1) % self.programs.len();
        }
    }

    fn executions_to_count(&self) -> u32 {
        1_000
    }
}
