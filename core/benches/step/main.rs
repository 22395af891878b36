//! The step bench: what a step costs under each policy, beside Shuttle on the same workload, as one plain table.
//!
//! `cargo bench -p racewalk` measures time and, if valgrind is installed, instructions. All rows are measured in turn,
//! several times over, so that the ratios are those of one machine in one mood. Without `--bench` (as `cargo test`
//! runs it) every row runs once and nothing is measured.

mod callgrind;
mod clock;
mod contender;
mod frozen;
mod peer;
mod table;
mod toy;

use contender::Contender;
use frozen::Frozen;
use table::{Row, print};

/// Steps of an execution: 3 CPUs, each so many times lock, unlock and an atomic operation.
const LONG: u32 = 200;
const SHORT: u32 = 10;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((row, rounds, executions)) = callgrind::errand(&args) {
        let mut contenders = contenders();
        contenders.extend(Frozen::contenders());
        contenders[row].run(rounds, executions);
    } else if args.iter().any(|arg| arg == "--bench") {
        let mut contenders = contenders();
        let rows = measure(&mut contenders);
        print("steps: 3 CPUs, each n times {lock, unlock, atomic add}", &rows);
        print_frozen(contenders.len());
    } else {
        let (steps, ops) = Frozen::averages();
        assert!(
            steps >= 150.0 && ops >= 8.0,
            "the frozen set has become too small: {steps} steps, {ops} ops"
        );
        Frozen::contenders().iter_mut().for_each(|contender| contender.run(0, 200));
        contenders().iter_mut().for_each(|contender| contender.run(SHORT, 1));
    }
}

fn contenders() -> Vec<Box<dyn Contender>> {
    let mut all = peer::contenders();
    all.extend(toy::contenders());
    all
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

/// The second table: the frozen set, each program once around. Its rows stand behind the first table's for callgrind.
fn print_frozen(first: usize) {
    let mut contenders = Frozen::contenders();
    let seconds = clock::seconds(&mut contenders, 0);
    let (steps, ops) = Frozen::averages();
    println!(
        "\nfrozen set: {} programs, on average {ops:.1} operations and {steps:.0} steps\n",
        frozen::programs().len()
    );
    println!(
        "{:<34} {:>12} {:>12} {:>11} {:>12}",
        "", "programs/s", "steps/s", "instr/step", "instr/program"
    );
    for (i, contender) in contenders.iter().enumerate() {
        let counted = callgrind::instructions(first + i, 0, contender.executions_to_count());
        let (per_step, per_program) = match counted {
            Some(n) => (format!("{:.1}", n / steps), format!("{n:.0}")),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let (name, rate) = (contender.name(), 1.0 / seconds[i]);
        println!("{name:<34} {rate:>12.0} {:>12.0} {per_step:>11} {per_program:>12}", rate * steps);
    }
}
