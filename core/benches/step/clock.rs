//! The clock: seconds that one execution takes.

use std::time::{Duration, Instant};

use crate::contender::Contender;

/// How often each contender has its turn. The fastest counts: whatever else the machine does only makes one slower.
const TURNS: usize = 20;
const TURN: Duration = Duration::from_millis(40);

/// Seconds of one execution of each contender, measured in alternation.
pub(crate) fn seconds(contenders: &mut [Box<dyn Contender>], rounds: u32) -> Vec<f64> {
    let executions: Vec<u32> =
        contenders.iter_mut().map(|contender| calibrate(contender.as_mut(), rounds)).collect();
    let mut fastest = vec![f64::INFINITY; contenders.len()];
    for _ in 0..TURNS {
        for ((contender, fastest), &executions) in
            contenders.iter_mut().zip(&mut fastest).zip(&executions)
        {
            let start = Instant::now();
            contender.run(rounds, executions);
            *fastest = fastest.min(start.elapsed().as_secs_f64() / f64::from(executions));
        }
    }
    fastest
}

/// How many executions fill one turn. Also warms up.
fn calibrate(contender: &mut dyn Contender, rounds: u32) -> u32 {
    let mut executions = 1;
    loop {
        let start = Instant::now();
        contender.run(rounds, executions);
        let elapsed = start.elapsed();
        if elapsed > TURN / 8 {
            return (f64::from(executions) * TURN.as_secs_f64() / elapsed.as_secs_f64()).ceil()
                as u32;
        }
        executions *= 2;
    }
}
