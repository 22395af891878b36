//! The report: a line for each seed, and a table of all.

use serde_json::json;

use crate::Format;
use crate::contest::Hunted;
use crate::policy::Policy;

/// The seeds of one exhibit under one policy.
#[derive(Debug)]
struct Row {
    exhibit: String,
    policy: Policy,
    seeds: Vec<Hunted>,
}

/// What was found, row by row.
#[derive(Debug)]
pub(crate) struct Report {
    format: Format,
    rows: Vec<Row>,
}

impl Report {
    /// An empty one.
    pub(crate) fn new(format: Format) -> Report {
        Report { format, rows: Vec::new() }
    }

    /// Another seed, the next one of its row.
    pub(crate) fn add(&mut self, exhibit: &str, policy: Policy, seed: u64, hunted: &Hunted) {
        let Hunted { found, executions, seconds } = hunted;
        match self.format {
            Format::Json => println!(
                "{}",
                json!({
                    "exhibit": exhibit,
                    "policy": policy.to_string(),
                    "seed": seed,
                    "found": found,
                    "executions": executions,
                    "seconds": seconds,
                })
            ),
            Format::Text => println!(
                "{exhibit}, {policy}, seed {seed}: {} after {executions} executions, {seconds:.3} s",
                found.as_deref().unwrap_or("nothing")
            ),
        }
        match self.rows.last_mut() {
            Some(row) if row.exhibit == exhibit && row.policy == policy => {
                row.seeds.push(hunted.clone());
            }
            _ => {
                let seeds = vec![hunted.clone()];
                self.rows.push(Row { exhibit: exhibit.to_owned(), policy, seeds });
            }
        }
    }

    /// The table, if it is for people. What was not found in time counts as found later than all else.
    pub(crate) fn print(&self) {
        if self.format == Format::Json {
            return;
        }
        println!(
            "\n{:<34} {:<15} {:>7} {:>12} {:>11} {:>19} {:>9}",
            "exhibit", "policy", "found", "executions", "seconds", "seconds", "exec/s"
        );
        println!(
            "{:<34} {:<15} {:>7} {:>12} {:>11} {:>19}",
            "", "", "", "median", "median", "spread"
        );
        for row in &self.rows {
            row.print();
        }
    }
}

impl Row {
    fn print(&self) {
        let found = self.seeds.iter().filter(|seed| seed.found.is_some()).count();
        let executions = self.sorted(|seed| seed.executions as f64);
        let seconds = self.sorted(|seed| seed.seconds);
        let number = |value: f64, digits: usize| match value.is_finite() {
            true => format!("{value:.digits$}"),
            false => "-".to_owned(),
        };
        let spread =
            format!("{}..{}", number(seconds[0], 3), number(seconds[seconds.len() - 1], 3));
        let all: f64 = self.seeds.iter().map(|seed| seed.executions as f64).sum();
        let took: f64 = self.seeds.iter().map(|seed| seed.seconds).sum();
        println!(
            "{:<34} {:<15} {:>7} {:>12} {:>11} {spread:>19} {:>9.0}",
            self.exhibit,
            self.policy,
            format!("{found}/{}", self.seeds.len()),
            number(median(&executions), 0),
            number(median(&seconds), 3),
            all / took.max(1e-9),
        );
    }

    /// A figure of each seed, in order; infinite where nothing was found.
    fn sorted(&self, of: impl Fn(&Hunted) -> f64) -> Vec<f64> {
        let figure = |seed: &Hunted| if seed.found.is_some() { of(seed) } else { f64::INFINITY };
        let mut figures: Vec<f64> = self.seeds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
