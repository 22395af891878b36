//! The hunt: how many executions, and how many seconds, a policy needs until it finds a bug that is known to be there.
//!
//! `cargo bench -p racewalk --bench hunt -- safestack` hunts in SafeStack, `-- programs FILE...` in programs of the
//! kernel model that leave a protection out, each under racewalk's policies and Shuttle's. One line a seed as JSON
//! (`--format json`), or a table. Without `--bench` (as `cargo test` runs it) everything runs briefly, to see that it
//! does.

mod contest;
mod exhibit;
mod gallery;
mod policy;
mod report;
mod safestack;
mod shuttle;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use contest::{Bounds, contest};
use exhibit::Exhibit;
use gallery::Work;
use policy::Policy;
use report::Report;
use safestack::SafeStack;

const EXAMPLES: &str = "\
Examples:
  cargo bench -p racewalk --bench hunt -- safestack --policy uniform
  cargo bench -p racewalk --bench hunt -- safestack --seeds 5 --seconds 20
  cargo bench -p racewalk --bench hunt -- programs corpus/litmus/without/recheck_page.rw
  cargo bench -p racewalk --bench hunt -- programs corpus/litmus/without --format json

Seconds are of one core: nothing runs in parallel.";

/// Counts the executions and the seconds that policies need to find known bugs.
#[derive(Parser, Debug)]
#[command(name = "hunt", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    hunt: Hunt,
    /// Set by `cargo bench`.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand, Debug)]
enum Hunt {
    /// Vyukov's lock-free stack: three threads, each pops and pushes twice, sequentially consistent.
    Safestack(Asked),
    /// Programs of the kernel model; what their schedules would be is left to the policy.
    Programs {
        /// Files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        asked: Asked,
    },
}

#[derive(Args, Debug)]
struct Asked {
    /// A policy; may be repeated. Without it: all.
    #[arg(long, value_enum)]
    policy: Vec<Policy>,
    /// How many seeds each policy gets.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The most seconds of one seed.
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// The most executions of one seed.
    #[arg(long, default_value_t = u64::MAX)]
    executions: u64,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    /// A line for each seed while it runs, then a table.
    Text,
    /// A JSON object for each seed, one a line.
    Json,
}

fn main() -> Result<(), Box<dyn Error>> {
    shuttle::hush();
    let args: Vec<_> = std::env::args_os().collect();
    if !args.iter().any(|arg| arg == "--bench") && args.len() == 1 {
        return rehearse();
    }
    match Cli::parse().hunt {
        Hunt::Safestack(asked) => hunt(&[SafeStack::default()], &asked),
        Hunt::Programs { paths, asked } => hunt(&gallery::read(&paths)?, &asked),
    }
    Ok(())
}

fn hunt<E: Exhibit>(exhibits: &[E], asked: &Asked) {
    let policies = if asked.policy.is_empty() { Policy::value_variants() } else { &asked.policy };
    let bounds =
        Bounds { time: Duration::from_secs_f64(asked.seconds), executions: asked.executions };
    let mut report = Report::new(asked.format);
    for exhibit in exhibits {
        for &policy in policies {
            for seed in 1..=asked.seeds {
                report.add(&exhibit.name(), policy, seed, &contest(exhibit, policy, seed, bounds));
            }
        }
    }
    report.print();
}

/// Every policy finds what is easy to find, on every kind of exhibit that it can run.
fn rehearse() -> Result<(), Box<dyn Error>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/litmus/without");
    let works: Vec<Work> = gallery::read(&[root.join("recheck_page.rw")])?;
    let bounds = Bounds { time: Duration::from_secs(60), executions: 20_000 };
    for &policy in Policy::value_variants() {
        let found = contest(&works[0], policy, 1, bounds);
        assert!(found.found.is_some(), "{policy}: nothing in {} executions", found.executions);
        let again = contest(&works[0], policy, 1, bounds);
        assert_eq!(again.executions, found.executions, "{policy}: a seed is a hunt");
        let brief = Bounds { executions: 50, ..bounds };
        let safe = contest(&SafeStack::default(), policy, 1, brief);
        assert!(safe.found.is_some() || safe.executions == 50, "{policy}: {safe:?}");
    }
    Ok(())
}
