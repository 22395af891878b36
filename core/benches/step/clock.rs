//! The clock: seconds that one execution takes.

use std::time::{Duration, Instant};

use crate::contender::Contender;

/// How often each contender has its turn; the median counts.
const TURNS: usize = 7;
const TURN: Duration = Duration::from_millis(120);

/// Seconds of one execution of each contender, measured in alternation.
pub(crate) fn seconds(contenders: &mut [Box<dyn Contender>], rounds: u32) -> Vec<f64> {
    let executions: Vec<u32> = contenders.iter_mut().map(|contender| calibrate(contender.as_mut(), rounds)).collect();
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..TURNS {
        for ((contender, times), &executions) in contenders.iter_mut().zip(&mut times).zip(&executions) {
            let start = Instant::now();
            contender.run(rounds, executions);
            times.push(start.elapsed().as_secs_f64() / f64::from(executions));
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

/// How many executions fill one turn. Also warms up.
fn calibrate(contender: &mut dyn Contender, rounds: u32) -> u32 {
    let mut executions = 1;
    loop {
        let start = Instant::now();
        contender.run(rounds, executions);
        let elapsed = start.elapsed();
        if elapsed > TURN / 8 {
            return (f64::from(executions) * TURN.as_secs_f64() / elapsed.as_secs_f64()).ceil() as u32;
        }
        executions *= 2;
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
