//! The step bench: what a step costs under each policy, beside Shuttle on the same workload, as one plain table.
//!
//! `cargo bench -p racewalk` measures time and, if valgrind is installed, instructions. All rows are measured in turn,
//! several times over, so that the ratios are those of one machine in one mood. Without `--bench` (as `cargo test`
//! runs it) every row runs once and nothing is measured.

mod callgrind;
mod clock;
mod contender;
mod frozen;
mod mix;
mod peer;
mod programs;
mod table;
mod toy;

use contender::Contender;
use programs::Programs;
use table::{Row, print};

/// Steps of an execution: 3 CPUs, each so many times lock, unlock and an atomic operation.
const LONG: u32 = 200;
const SHORT: u32 = 10;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((row, rounds, executions)) = callgrind::errand(&args) {
        let mut contenders = contenders();
        contenders.extend(boxed(frozen::contenders()));
        contenders.extend(boxed(mix::contenders()));
        contenders[row].run(rounds, executions);
    } else if args.iter().any(|arg| arg == "--bench") {
        let mut contenders = contenders();
        let rows = measure(&mut contenders);
        print("steps: 3 CPUs, each n times {lock, unlock, atomic add}", &rows);
        let first = contenders.len();
        let (frozen, mix) = (frozen::contenders(), mix::contenders());
        let second = first + frozen.len();
        print_programs("frozen set", first, frozen);
        print_programs("random programs of today's mix", second, mix);
    } else {
        let mut frozen = frozen::contenders();
        let (steps, ops) = frozen[0].averages();
        assert!(
            steps >= 150.0 && ops >= 8.0,
            "the frozen set has become too small: {steps} steps, {ops} ops"
        );
        for mut programs in frozen.into_iter().chain(mix::contenders()) {
            programs.run(0, 200);
        }
        contenders().iter_mut().for_each(|contender| contender.run(SHORT, 1));
    }
}

fn contenders() -> Vec<Box<dyn Contender>> {
    let mut all = peer::contenders();
    all.extend(toy::contenders());
    all
}

fn boxed(programs: Vec<Programs>) -> impl Iterator<Item = Box<dyn Contender>> {
    programs.into_iter().map(|programs| Box::new(programs) as Box<dyn Contender>)
}

fn measure(contenders: &mut [Box<dyn Contender>]) -> Vec<Row> {
    let long = clock::seconds(contenders, LONG);
    let short = clock::seconds(contenders, SHORT);
    let mut rows = Vec::new();
    for (i, contender) in contenders.iter().enumerate() {
        let instructions = callgrind::instructions(i, LONG, contender.executions_to_count());
        let steps = f64::from(contender::steps(LONG));
        rows.push(Row {
            name: contender.name(),
            long: long[i],
            short: short[i],
            steps,
            instructions: instructions.map(|n| n / steps),
        });
    }
    rows
}

/// A table of programs. Its rows stand behind those before it for callgrind.
fn print_programs(title: &str, first: usize, mut programs: Vec<Programs>) {
    let averages: Vec<(f64, f64)> = programs.iter_mut().map(Programs::averages).collect();
    let mut contenders: Vec<Box<dyn Contender>> = boxed(programs).collect();
    let seconds = clock::seconds(&mut contenders, 0);
    println!("\n{title}\n");
    println!(
        "{:<34} {:>5} {:>6} {:>11} {:>11} {:>8} {:>11} {:>13}",
        "", "ops", "steps", "us/program", "programs/s", "ns/step", "instr/step", "instr/program"
    );
    for (i, contender) in contenders.iter().enumerate() {
        let counted = callgrind::instructions(first + i, 0, contender.executions_to_count());
        let (steps, ops) = averages[i];
        let (per_step, per_program) = match counted {
            Some(n) => (format!("{:.1}", n / steps), format!("{n:.0}")),
            None => ("-".to_owned(), "-".to_owned()),
        };
        println!(
            "{:<34} {ops:>5.1} {steps:>6.0} {:>11.1} {:>11.0} {:>8.1} {per_step:>11} {per_program:>13}",
            contender.name(),
            seconds[i] * 1e6,
            1.0 / seconds[i],
            seconds[i] / steps * 1e9,
        );
    }
}
