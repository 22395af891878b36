//! To explore is to run all schedules of a program that preempt at most so often.

use std::time::{Duration, Instant};

use racewalk::prog::{Op, Policy, Program};
use racewalk::sched::{Bounded, Frontier};
use racewalk::{Machine, Options, Outcome, Variant};

use crate::finding::{Finding, Signature};
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;

/// The operations that stand for what hardware and softirqs do at any time.
const ENVIRONMENT: [&str; 5] = ["tlb_fill", "tlb_evict", "rcu_gp", "lru_drain", "context_switch"];
/// Runs between two looks at the clock.
const RUNS_A_LOOK: u64 = 64;

/// What to explore, and how far.
#[derive(Debug)]
pub(crate) struct Exploration<'a> {
    /// Preemptions of a schedule.
    pub(crate) bound: u32,
    /// Schedules of a program; if there are more, random ones are run instead.
    pub(crate) most: u64,
    /// How many random ones.
    pub(crate) random: u64,
    /// At most so long for a program.
    pub(crate) time: Option<Duration>,
    /// The findings to go on after.
    pub(crate) known: &'a Known,
    /// Who may ask us to end.
    pub(crate) interrupt: &'a Interrupt,
}

/// Why an exploration ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Why {
    /// All schedules were run.
    #[default]
    All,
    /// There are at least so many, more than are allowed; random ones were run instead of the rest.
    TooMany(u64),
    /// A violation.
    Found,
    /// The time was up.
    Time,
    /// Somebody asked us to.
    Interrupted,
}

/// What came of an exploration.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    /// How many schedules were run with no preemption, with one, and so on.
    pub(crate) schedules: Vec<u64>,
    /// How many of these numbers are complete.
    pub(crate) complete: usize,
    /// Random schedules that were run.
    pub(crate) random: u64,
    /// Runs: schedules, and those that turned out to be the same as others.
    pub(crate) runs: u64,
    /// Steps of all runs.
    pub(crate) steps: u64,
    /// Runs that met a known finding.
    pub(crate) known: u64,
    /// Why it ended.
    pub(crate) why: Why,
    /// The first other violation.
    pub(crate) finding: Option<Finding>,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

impl Explored {
    /// Schedules of the systematic search.
    pub(crate) fn total(&self) -> u64 {
        self.schedules.iter().sum()
    }

    /// Runs per second.
    pub(crate) fn rate(&self) -> f64 {
        self.runs as f64 / self.elapsed.as_secs_f64().max(1e-6)
    }
}

/// The CPUs that do nothing but what the environment does, as a mask.
pub(crate) fn environment(program: &Program) -> u32 {
    let is_environment = |op: &Op| ENVIRONMENT.contains(&op.verb());
    let all = |ops: &Vec<Op>| !ops.is_empty() && ops.iter().all(is_environment);
    program.cpus.iter().enumerate().fold(0, |mask, (cpu, ops)| mask | u32::from(all(ops)) << cpu)
}

/// An exploration at work.
struct Work<'a> {
    asked: &'a Exploration<'a>,
    machine: &'a mut Machine,
    name: &'a str,
    program: Program,
    variant: Variant,
    progress: &'a Progress,
    begun: Instant,
    explored: Explored,
}

impl Exploration<'_> {
    /// Explores a program, as its header says. `name` is how the progress calls it.
    pub(crate) fn of(
        &self,
        machine: &mut Machine,
        name: &str,
        program: &Program,
        progress: &Progress,
    ) -> Explored {
        let mut work = Work {
            asked: self,
            machine,
            name,
            program: program.clone(),
            variant: Variant::of(program),
            progress,
            begun: Instant::now(),
            explored: Explored::default(),
        };
        work.explored.why = work.systematically();
        if let Why::TooMany(schedules) = work.explored.why {
            work.explored.why = work.at_random(schedules);
        }
        work.explored.elapsed = work.begun.elapsed();
        work.explored
    }
}

impl Work<'_> {
    fn systematically(&mut self) -> Why {
        let environment = environment(&self.program);
        let mut frontier = Frontier::new(self.asked.bound, self.program.cpus.len(), environment);
        let mut bounded = Bounded::default();
        let options = Options { variant: Some(self.variant.clone()), ..Options::default() };
        while frontier.next(&mut bounded) {
            if let Some(why) = self.over() {
                return why;
            }
            if self.explored.schedules.len() <= frontier.level() as usize {
                self.explored.complete = self.explored.schedules.len();
                self.explored.schedules.push(0);
                let least = self.explored.total() + 1 + frontier.known();
                if least > self.asked.most {
                    self.explored.schedules.pop();
                    return Why::TooMany(least);
                }
            } else if self.explored.total() >= self.asked.most {
                return Why::TooMany(self.asked.most + 1);
            }
            let outcome = self.machine.run_bounded(&self.program, &options, &mut bounded);
            let is_new = frontier.ran(bounded.log());
            self.count(&outcome);
            if let Some(count) = self.explored.schedules.last_mut() {
                *count += u64::from(is_new);
            }
            if self.is_news(&outcome) {
                let record = Options { record: true, ..options };
                let outcome = self.machine.run_bounded(&self.program, &record, &mut bounded);
                self.explored.finding =
                    Finding::came_of(self.program.clone(), &self.variant, outcome);
                return Why::Found;
            }
        }
        self.explored.complete = self.explored.schedules.len();
        Why::All
    }

    /// Random walks and PCT, one after the other, with other parameters each time.
    fn at_random(&mut self, schedules: u64) -> Why {
        let options = Options { variant: Some(self.variant.clone()), ..Options::default() };
        for n in 0..self.asked.random {
            if let Some(why) = self.over() {
                return why;
            }
            self.program.head.seed = n;
            self.program.head.policy = match n % 2 {
                0 => Policy::Random { mean: 1 << (n / 2 % 6) },
                _ => Policy::Pct { depth: 2 + (n / 2 % 4) as u8 },
            };
            let outcome = self.machine.run(&self.program, &options);
            self.count(&outcome);
            self.explored.random += 1;
            if self.is_news(&outcome) {
                self.explored.finding = Finding::of(self.machine, &self.program, &self.variant);
                return Why::Found;
            }
        }
        Why::TooMany(schedules)
    }

    fn count(&mut self, outcome: &Outcome) {
        self.explored.runs += 1;
        self.explored.steps += u64::from(outcome.steps);
    }

    /// Whether a run ended in a violation that is not a known one.
    fn is_news(&mut self, outcome: &Outcome) -> bool {
        let Some(violation) = outcome.verdict.violation() else { return false };
        let known = self.asked.known.has(Signature::of(violation));
        self.explored.known += u64::from(known);
        !known
    }

    /// Whether it is time to end, looked at now and then.
    fn over(&mut self) -> Option<Why> {
        if !self.explored.runs.is_multiple_of(RUNS_A_LOOK) {
            return None;
        }
        self.explored.elapsed = self.begun.elapsed();
        if self.asked.interrupt.came() {
            return Some(Why::Interrupted);
        }
        if self.asked.time.is_some_and(|most| self.explored.elapsed >= most) {
            return Some(Why::Time);
        }
        let (explored, name) = (&self.explored, self.name);
        self.progress.tick(|| match explored.random {
            0 => format!(
                "{name}: {} schedules, now with {} preemptions, {:.0} runs/s",
                explored.total(),
                explored.schedules.len().saturating_sub(1),
                explored.rate()
            ),
            random => format!("{name}: {random} random schedules, {:.0} runs/s", explored.rate()),
        });
        None
    }
}

#[cfg(test)]
mod tests;
