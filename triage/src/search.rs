//! A search runs random programs under random schedules until something is wrong or the budget is spent.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use racewalk::prog::{Policy, Program, Shape, generate};
use racewalk::{Machine, Options, Outcome, Reached, Verdict, Violation, free_run};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::args::Ask;
use crate::finding::{Finding, Signature};
use crate::known::Known;
use crate::progress::Progress;
use crate::watchdog::Watchdog;

/// How schedules are drawn.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// A random walk with a mean run length from 2 to 32 steps.
    Random,
    /// Probabilistic concurrency testing, of depth 2 to 5.
    Pct,
    /// Partial order sampling: a random priority for each access, drawn again when a racing one came first.
    Pos,
    /// The uniform random walk: each CPU as often as it has steps left, counted in a run before.
    Urw,
    /// The selectively uniform random walk: the same for the accesses to one shared object.
    Surw,
    /// A third each: the random walk, PCT, and a few decisions at random places.
    #[default]
    Mixed,
}

/// What the CPUs run on.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Threads {
    /// Fibres under a scheduler: repeatable, with all oracles.
    #[default]
    Fibres,
    /// Threads of the operating system, which nobody schedules: only the oracles that look at the end.
    Os,
}

/// What to search, how, and for how long.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// The kernel and the machine.
    pub(crate) ask: Ask,
    /// The findings that it does not stop at.
    pub(crate) known: Known,
    /// How schedules are drawn.
    pub(crate) strategy: Strategy,
    /// What the CPUs run on.
    pub(crate) threads: Threads,
    /// Program n of a seed is always the same one.
    pub(crate) seed: u64,
    /// At most so many runs.
    pub(crate) runs: Option<u64>,
    /// At most so long.
    pub(crate) time: Option<Duration>,
}

/// The numbered steps of the collapse, as places.
pub(crate) const STAGES: [&str; 6] = ["step1", "step2", "step3", "step4", "step5", "abort"];

/// How many programs came to each stage while more than one CPU had something to do.
pub(crate) type Stages = [u64; STAGES.len()];

/// What came of a search.
#[derive(Debug, Default)]
pub(crate) struct SearchResult {
    /// Programs run.
    pub(crate) runs: u64,
    /// Steps of all of them; 0 on OS threads, where nobody counts.
    pub(crate) steps: u64,
    /// Operations of all of them, without the set-up.
    pub(crate) ops: u64,
    /// The time it took.
    pub(crate) elapsed: Duration,
    /// How deep they went.
    pub(crate) stages: Stages,
    /// Programs that met a known finding.
    pub(crate) known: u64,
    /// The first other violation.
    pub(crate) finding: Option<Finding>,
    /// The same on OS threads, where it cannot be repeated.
    pub(crate) unconducted: Option<(Program, Box<Violation>)>,
}

impl SearchResult {
    /// Runs per second.
    pub(crate) fn rate(&self) -> f64 {
        self.runs as f64 / self.elapsed.as_secs_f64().max(1e-6)
    }

    /// The share of programs that came to a stage, in percent.
    pub(crate) fn share(&self, stage: usize) -> f64 {
        100.0 * self.stages[stage] as f64 / self.runs.max(1) as f64
    }

    fn count(&mut self, outcome: &Outcome) {
        self.steps += u64::from(outcome.steps);
        count_stages(&mut self.stages, &outcome.reached);
    }
}

fn count_stages(stages: &mut Stages, reached: &Reached) {
    for (count, place) in stages.iter_mut().zip(STAGES) {
        *count += u64::from(reached.has(place));
    }
}

/// Searches until the first violation or the end of the budget.
pub(crate) fn search(search: &Search, progress: &Progress) -> SearchResult {
    let begun = Instant::now();
    let mut result = SearchResult::default();
    let mut machine = Machine::new();
    let variant = search.ask.variant();
    let options = Options { variant: Some(variant.clone()), ..Options::default() };
    let mut source = ChaCha8Rng::seed_from_u64(search.seed);
    let watchdog = (search.threads == Threads::Os).then(Watchdog::start);
    while search.runs.is_none_or(|most| result.runs < most) {
        if result.runs.is_multiple_of(64) {
            result.elapsed = begun.elapsed();
            if search.time.is_some_and(|most| result.elapsed >= most) {
                break;
            }
            progress.tick(|| format!("{variant}: {} runs, {:.0}/s", result.runs, result.rate()));
        }
        let mut program = draw(&mut source, search, result.runs);
        program.head.axes = program.head.axes.with(&search.ask.axes);
        result.runs += 1;
        result.ops += program.cpus.iter().map(|ops| ops.len() as u64).sum::<u64>();
        if let Some(watchdog) = &watchdog {
            watchdog.watch(&program);
            if let Verdict::Violation(violation) = free_run(&program, &options) {
                if search.known.has_oracle(violation.oracle.name) {
                    result.known += 1;
                    continue;
                }
                variant.write_to(&mut program.head);
                result.unconducted = Some((program, violation));
                break;
            }
            continue;
        }
        let outcome = machine.run(&program, &options);
        result.count(&outcome);
        if let Some(violation) = outcome.verdict.violation() {
            if search.known.has(Signature::of(violation)) {
                result.known += 1;
                continue;
            }
            result.finding = Finding::of(&mut machine, &program, &variant);
            break;
        }
    }
    result.elapsed = begun.elapsed();
    result
}

/// Program `n` of the search: a stream of random numbers of its own, so that it does not depend on those before it.
pub(crate) fn draw(source: &mut ChaCha8Rng, search: &Search, n: u64) -> Program {
    source.set_stream(n);
    source.set_word_pos(0);
    let die = source.next_u32();
    let kind = match search.strategy {
        Strategy::Random => 0,
        Strategy::Pct => 1,
        Strategy::Pos => 3,
        Strategy::Urw => 4,
        Strategy::Surw => 5,
        // Schedules of the program's own half of the time: they stop in the windows that a random walk runs past.
        Strategy::Mixed => (die % 4).min(2),
    };
    let policy = match kind {
        0 => Policy::Random { mean: 2 << ((die >> 8) % 5) },
        1 => Policy::Pct { depth: 2 + ((die >> 8) % 4) as u8 },
        3 => Policy::Pos,
        4 => Policy::Urw,
        5 => Policy::Surw,
        _ => Policy::Records,
    };
    let shape = Shape { hpn: search.ask.hpn, policy, ..Shape::default() };
    generate(&mut || source.next_u32(), &shape)
}

#[cfg(test)]
mod tests {
    use super::{STAGES, Search, search};
    use crate::progress::Progress;

    #[test]
    fn a_seed_is_a_search() {
        let ask = Search { runs: Some(200), seed: 3, ..Search::default() };
        let (once, twice) = (search(&ask, &Progress::none()), search(&ask, &Progress::none()));
        assert_eq!((once.runs, once.steps, once.stages), (twice.runs, twice.steps, twice.stages));
    }

    #[test]
    fn stages_are_places() {
        for stage in STAGES {
            assert!(racewalk::vocabulary().places.contains(&stage), "{stage}");
        }
    }
}
