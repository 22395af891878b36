//! `racewalk` is the way back: from a crash to what happened.
//!
//! One file per verb below `verb/`; this file only dispatches. Exit codes: 0 nothing found, 1 something found,
//! 2 could not be done.
#![forbid(unsafe_code)]

mod anchor;
mod args;
mod bisect;
mod case;
mod corpus;
mod coverage;
mod crash;
mod departure;
mod diagram;
mod engine;
mod explore;
mod finding;
mod interrupt;
mod known;
mod minimise;
mod oss;
mod progress;
mod racing;
mod refusal;
mod report;
mod search;
mod seeds;
mod signature;
mod source;
mod story;
mod trials;
mod verb;
mod watchdog;

use std::process::ExitCode;

use args::{Cli, Verb};
use clap::Parser;

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Fuzz(args) => verb::fuzz::run(args),
        Verb::Replay(args) => verb::replay::run(&args),
        Verb::Minimise(args) => verb::minimise::run(&args),
        Verb::Triage(args) => verb::triage::run(&args),
        Verb::Bisect(args) => verb::bisect::run(&args),
        Verb::Check(args) => verb::check::run(&args),
        Verb::Pack(args) => verb::pack::run(&args),
        Verb::Show(args) => verb::show::run(&args),
        Verb::Run(args) => verb::run::run(&args),
        Verb::Explore(args) => verb::explore::run(&args),
        Verb::Coverage(args) => verb::coverage::run(&args),
        Verb::Corpus(args) => verb::corpus::run(&args),
        Verb::OssCheck(args) => verb::oss_check::run(&args),
        Verb::Ablate(args) => verb::ablate::run(args),
        Verb::Zoo(args) => verb::zoo::run(&args),
        Verb::Measure(args) => verb::measure::run(&args),
        Verb::List(args) => verb::list::run(&args),
    };
    done.unwrap_or_else(|refusal| {
        eprint!("{refusal:?}");
        ExitCode::from(2)
    })
}
