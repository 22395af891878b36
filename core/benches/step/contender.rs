//! A contender: one scheduler under one policy, running the workload.

/// Somebody who can run the workload.
pub(crate) trait Contender {
    /// What its row is called.
    fn name(&self) -> String;

    /// Runs the workload of `rounds` iterations on each CPU, `executions` times, each time another schedule.
    fn run(&mut self, rounds: u32, executions: u32);

    /// How many executions suffice to count instructions: the count is exact, and slow.
    fn executions_to_count(&self) -> u32;
}

/// Steps of one execution: 3 CPUs, 3 steps an iteration.
pub(crate) const fn steps(rounds: u32) -> u32 {
    9 * rounds
}
