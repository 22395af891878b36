//! A campaign runs a built target until it finds something, or its time or its runs are up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use racewalk::prog::AXES;
use racewalk::prog::limits::INPUT_BYTES_MAX;

use super::Engine;
use super::checkout::Scratch;
use super::process::{Line, Process};
use crate::args::Ask;
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// The targets that there are, each with what it fuzzes.
pub(crate) const TARGETS: &[(&str, &str)] = &[("race", "whole programs with their schedules")];

/// How long one input may take before libFuzzer calls it a hang.
const INPUT_SECONDS_MAX: u32 = 10;
/// How long a process may go on after its time before it is killed.
const GRACE: Duration = Duration::from_secs(15);
/// How often the progress is looked after while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// What to run, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Campaign<'a> {
    /// The kernel and what else is held fast.
    pub(crate) ask: &'a Ask,
    /// The findings that it does not stop at.
    pub(crate) known: &'a Known,
    /// Where its files go.
    pub(crate) scratch: &'a Scratch,
    /// Packed programs to start from.
    pub(crate) seeds: Option<&'a Path>,
    /// At most so long.
    pub(crate) time: Option<Duration>,
    /// At most so many inputs, over all processes.
    pub(crate) runs: Option<u64>,
    /// Where the randomness comes from.
    pub(crate) seed: u64,
    /// Processes at the same time.
    pub(crate) jobs: usize,
}

/// How a campaign ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The input that it stopped at.
    pub(crate) input: Option<Input>,
    /// Inputs run.
    pub(crate) executions: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// Known findings that were met, at least so many.
    pub(crate) known: u64,
    /// Whether somebody asked us to end.
    pub(crate) interrupted: bool,
}

/// An input that the engine stopped at.
#[derive(Debug)]
pub(crate) struct Input {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// `crash-…`, `timeout-…` or `oom-…`.
    pub(crate) name: String,
    /// What the engine said about it.
    pub(crate) said: String,
}

impl Engine {
    /// Runs a campaign. All its processes have ended when this returns.
    pub(crate) fn run(
        &self,
        campaign: &Campaign<'_>,
        progress: &Progress,
    ) -> Result<Ended, Refusal> {
        let interrupt = Interrupt::listen();
        let start = Instant::now();
        let (sender, lines) = mpsc::channel();
        let jobs = campaign.jobs.max(1);
        let processes = (0..jobs).map(|n| {
            let command = self.command(campaign, n)?;
            Process::start(command, n, sender.clone())
                .map_err(|error| Refusal::io(&self.binary, &error))
        });
        let mut processes = processes.collect::<Result<Vec<_>, _>>()?;
        drop(sender);
        let deadline = campaign.time.map(|time| start + time + GRACE);
        let over =
            || interrupt.came() || deadline.is_some_and(|deadline| Instant::now() > deadline);
        watch(&mut processes, &lines, progress, &over);
        let input = judge(&processes, over())?;
        Ok(Ended {
            input,
            executions: processes.iter().map(|process| process.figures.executions).sum(),
            elapsed: start.elapsed(),
            known: processes.iter().map(|process| process.known).sum(),
            interrupted: interrupt.came(),
        })
    }

    fn command(&self, campaign: &Campaign<'_>, n: usize) -> Result<Command, Refusal> {
        let mut command = Command::new(&self.binary);
        let mut flag = |name: &str, value: u64| {
            command.arg(format!("-{name}={value}"));
        };
        flag("max_len", INPUT_BYTES_MAX as u64);
        // Extra counters grow no input: without this the length limit would stay where it starts.
        flag("len_control", 0);
        flag("timeout", u64::from(INPUT_SECONDS_MAX));
        flag("print_final_stats", 1);
        // The seed is 32 bits wide there, and 0 asks for one by the clock.
        flag("seed", u64::from((campaign.seed as u32).wrapping_add(n as u32).max(1)));
        if let Some(time) = campaign.time {
            flag("max_total_time", time.as_secs_f64().ceil().max(1.0) as u64);
        }
        if let Some(runs) = campaign.runs {
            flag("runs", runs.div_ceil(campaign.jobs.max(1) as u64));
        }
        // All processes share one folder and see there what the others found. New finds go to the first folder.
        let artifacts = campaign.scratch.folder(&format!("artifacts-{n}"))?;
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.arg(campaign.scratch.folder("corpus")?);
        command.args(campaign.seeds);
        command.envs(environment(campaign.ask));
        command.env("RACEWALK_KNOWN", campaign.known.to_string());
        Ok(command)
    }
}

/// What the target reads: see the fuzz crate's pins.
fn environment(ask: &Ask) -> Vec<(&'static str, String)> {
    let variant = ask.variant();
    let without: Vec<&str> = variant.without.iter().map(|protection| protection.name).collect();
    let zoo: Vec<&str> = variant.zoo.iter().map(|exhibit| exhibit.name).collect();
    let setting = |&(axis, value): &(usize, usize)| {
        format!("{}={}", AXES[axis].name, AXES[axis].values[value])
    };
    let axes: Vec<String> = ask.axes.iter().map(setting).collect();
    vec![
        ("RACEWALK_KERNEL", variant.era.name().to_owned()),
        ("RACEWALK_WITHOUT", without.join(",")),
        ("RACEWALK_ZOO", zoo.join(",")),
        ("RACEWALK_HPN", ask.hpn.map(|hpn| hpn.to_string()).unwrap_or_default()),
        ("RACEWALK_SET", axes.join(",")),
        // The message says it all; to look up a stack takes longer than to shrink the program.
        ("RUST_BACKTRACE", "0".to_owned()),
    ]
}

/// Listens until a process has stopped at an input, all have ended, or it is over.
fn watch(
    processes: &mut [Process],
    lines: &Receiver<Line>,
    progress: &Progress,
    over: &dyn Fn() -> bool,
) {
    while !over() {
        match lines.recv_timeout(TICK) {
            Ok((n, line)) => {
                let ends = line.is_none();
                processes[n].take_in(line);
                if ends && processes[n].ended.is_none_or(|status| !status.success()) {
                    return;
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        progress.tick(|| describe(processes));
    }
}

fn describe(processes: &[Process]) -> String {
    let figures = || processes.iter().map(|process| process.figures);
    let most =
        |of: fn(&super::status::Figures) -> u64| figures().map(|f| of(&f)).max().unwrap_or(0);
    format!(
        "{} runs, {}/s, {} edges, {} features, {} inputs kept",
        figures().map(|f| f.executions).sum::<u64>(),
        figures().map(|f| f.rate).sum::<u64>(),
        most(|f| f.edges),
        most(|f| f.features),
        most(|f| f.corpus),
    )
}

/// The input that a process stopped at, or what went wrong.
fn judge(processes: &[Process], over: bool) -> Result<Option<Input>, Refusal> {
    let stopped = processes.iter().find_map(|process| Some((process, process.artifact.as_ref()?)));
    if let Some((process, path)) = stopped {
        return read(path, process).map(Some);
    }
    let broken =
        processes.iter().find(|process| process.ended.is_none_or(|status| !status.success()));
    match broken {
        Some(process) if !over => {
            let how =
                process.ended.map_or("without a status".to_owned(), |status| status.to_string());
            let message = format!("the engine stopped without naming an input ({how})");
            Err(Refusal::with_help(message, process.tail()))
        }
        _ => Ok(None),
    }
}

fn read(path: &PathBuf, process: &Process) -> Result<Input, Refusal> {
    let bytes = fs::read(path).map_err(|error| Refusal::io(path, &error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Input { bytes, name, said: process.tail() })
}
