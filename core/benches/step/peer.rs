//! The peer: Shuttle, on the same workload.

use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::{Config, Runner, thread};

use crate::contender::Contender;

#[derive(Clone, Copy)]
enum Policy {
    Random,
    Pct,
}

struct Shuttle {
    policy: Policy,
    seed: u64,
}

/// Shuttle's random scheduler, and its PCT at depth 3.
pub(crate) fn contenders() -> Vec<Box<dyn Contender>> {
    [Policy::Random, Policy::Pct]
        .into_iter()
        .map(|policy| Box::new(Shuttle { policy, seed: 1 }) as Box<dyn Contender>)
        .collect()
}

impl Contender for Shuttle {
    fn name(&self) -> String {
        match self.policy {
            Policy::Random => "shuttle random".to_owned(),
            Policy::Pct => "shuttle PCT depth 3".to_owned(),
        }
    }

    fn run(&mut self, rounds: u32, executions: u32) {
        let executions = executions as usize;
        self.seed += 1;
        match self.policy {
            Policy::Random => run(RandomScheduler::new_from_seed(self.seed, executions), rounds),
            Policy::Pct => run(PctScheduler::new_from_seed(self.seed, 3, executions), rounds),
        }
    }

    fn executions_to_count(&self) -> u32 {
        20
    }
}

fn run(scheduler: impl Scheduler + 'static, rounds: u32) {
    Runner::new(scheduler, Config::default()).run(move || execution(rounds));
}

/// The main thread is the first of the three: Shuttle shall not pay for one that only waits.
fn execution(rounds: u32) {
    let shared = Arc::new((Mutex::new(0u64), [0; 4].map(AtomicU64::new)));
    let others: Vec<_> = (1..3)
        .map(|id| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || body(id, rounds, &shared))
        })
        .collect();
    body(0, rounds, &shared);
    for other in others {
        other.join().expect("the workload does not panic");
    }
}

fn body(id: u32, rounds: u32, (sum, words): &(Mutex<u64>, [AtomicU64; 4])) {
    for i in 0..rounds {
        *sum.lock().expect("the workload does not panic") += 1;
        words[(i + id) as usize & 3].fetch_add(1, Ordering::SeqCst);
    }
}
