//! libFuzzer: each process searches by itself, and all share one folder, where they see what the others found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::campaign::{Campaign, Ended, Input, Look, environment};
use super::live::Live;
use super::process::{Line, Process};
use super::status::Figures;
use super::{Engine, afl};
use crate::finding::Signature;
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// How long one input may take before libFuzzer calls it a hang.
const INPUT_SECONDS_MAX: u32 = 10;
/// How long a process may go on after its time before it is killed.
const GRACE: Duration = Duration::from_secs(15);
/// The part of a campaign's corpus that libFuzzer writes to.
pub(super) const INPUTS: &str = "libfuzzer";
/// How often the progress is looked after while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// Runs a campaign to its end.
pub(super) fn run(
    engine: &Engine,
    campaign: &Campaign<'_>,
    progress: &Progress,
    look: &mut Look<'_>,
) -> Result<Ended, Refusal> {
    let interrupt = Interrupt::listen();
    let (sender, lines) = mpsc::channel();
    let mut run = Run {
        binary: &engine.binary,
        campaign,
        known: campaign.known.clone(),
        start: Instant::now(),
        starts: 0,
        past: 0,
        past_known: 0,
        processes: Vec::new(),
        live: Live::new(),
    };
    for n in 0..campaign.jobs.max(1) {
        let process = run.start(n, &sender)?;
        run.processes.push(process);
    }
    let input = run.watch(&lines, &sender, progress, &interrupt, look)?;
    let figures = || run.processes.iter();
    Ok(Ended {
        input,
        executions: run.past + figures().map(|process| process.figures.executions).sum::<u64>(),
        elapsed: run.start.elapsed(),
        known: run.past_known + figures().map(|process| process.known).sum::<u64>(),
        interrupted: interrupt.came(),
    })
}

/// The folder for new finds; beside it lies what AFL++ keeps.
fn inputs(corpus: &Path) -> Result<PathBuf, Refusal> {
    let folder = corpus.join(INPUTS);
    fs::create_dir_all(&folder).map_err(|error| Refusal::io(&folder, &error))?;
    Ok(folder)
}

/// A running campaign.
struct Run<'a> {
    binary: &'a Path,
    campaign: &'a Campaign<'a>,
    /// The findings that a process does not stop at, which grow.
    known: Known,
    start: Instant,
    /// How many processes were started.
    starts: usize,
    /// Inputs that processes ran which have ended.
    past: u64,
    past_known: u64,
    processes: Vec<Process>,
    live: Live,
}

impl Run<'_> {
    fn start(&mut self, n: usize, sender: &Sender<Line>) -> Result<Process, Refusal> {
        let command = self.command()?;
        self.starts += 1;
        Process::start(command, n, sender.clone()).map_err(|error| Refusal::io(self.binary, &error))
    }

    fn command(&self) -> Result<Command, Refusal> {
        let campaign = self.campaign;
        let mut command = Command::new(self.binary);
        let mut flag = |name: &str, value: u64| {
            command.arg(format!("-{name}={value}"));
        };
        flag("max_len", campaign.target.input_bytes_max() as u64);
        // Extra counters grow no input: without this the length limit would stay where it starts.
        flag("len_control", 0);
        flag("timeout", u64::from(INPUT_SECONDS_MAX));
        flag("print_final_stats", 1);
        // The seed is 32 bits wide there, and 0 asks for one by the clock.
        flag("seed", u64::from((campaign.seed as u32).wrapping_add(self.starts as u32).max(1)));
        if let Some(time) = campaign.time {
            let left = time.saturating_sub(self.start.elapsed());
            flag("max_total_time", left.as_secs_f64().ceil().max(1.0) as u64);
        }
        if let Some(runs) = campaign.runs {
            let left = runs.saturating_sub(self.past).max(1);
            flag("runs", left.div_ceil(campaign.jobs.max(1) as u64));
        }
        if let Some(dictionary) = campaign.dictionary {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        // New finds go to the first folder.
        let artifacts = campaign.scratch.folder(&format!("artifacts-{}", self.starts))?;
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.arg(inputs(campaign.corpus)?);
        command.args(afl::queues(campaign.corpus));
        command.args(campaign.seeds);
        command.envs(environment(campaign.ask, &self.known));
        Ok(command)
    }

    /// Listens until a process has stopped at an input that ends the campaign, all have ended, or it is over.
    fn watch(
        &mut self,
        lines: &Receiver<Line>,
        sender: &Sender<Line>,
        progress: &Progress,
        interrupt: &Interrupt,
        look: &mut Look<'_>,
    ) -> Result<Option<Input>, Refusal> {
        let deadline = self.campaign.time.map(|time| self.start + time + GRACE);
        let over =
            || interrupt.came() || deadline.is_some_and(|deadline| Instant::now() > deadline);
        while !over() {
            match lines.recv_timeout(TICK) {
                Ok((n, line)) => {
                    let ends = line.is_none();
                    self.processes[n].take_in(line);
                    if ends && !self.processes[n].succeeded() {
                        // Ctrl-C reaches the processes too, and they end by it.
                        if interrupt.came() {
                            break;
                        }
                        let input = self.stopped_at(n)?;
                        match look(&input)? {
                            Some(signature) => self.go_on(n, signature, sender)?,
                            None => return Ok(Some(input)),
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.processes.iter().all(|process| process.ended.is_some()) {
                break;
            }
            self.update();
            progress.tick(|| self.live.line());
        }
        Ok(None)
    }

    /// The input that a process stopped at.
    fn stopped_at(&self, n: usize) -> Result<Input, Refusal> {
        let process = &self.processes[n];
        let Some(path) = &process.artifact else {
            let how =
                process.ended.map_or("without a status".to_owned(), |status| status.to_string());
            let message = format!("the engine stopped without naming an input ({how})");
            return Err(Refusal::with_help(message, process.tail()));
        };
        let bytes = fs::read(path).map_err(|error| Refusal::io(path, &error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Input { bytes, name: name.unwrap_or_default(), said: process.tail() })
    }

    /// Starts a process again that does not stop at that finding any more. The others may still find it once each.
    fn go_on(
        &mut self,
        n: usize,
        signature: Signature,
        sender: &Sender<Line>,
    ) -> Result<(), Refusal> {
        self.live.found(signature);
        self.known.add(signature);
        self.past += self.processes[n].figures.executions;
        self.past_known += self.processes[n].known;
        let used_up = self.campaign.time.is_some_and(|time| self.start.elapsed() >= time)
            || self.campaign.runs.is_some_and(|runs| self.past >= runs);
        if used_up {
            self.processes[n].figures = Figures::default();
            self.processes[n].known = 0;
        } else {
            self.processes[n] = self.start(n, sender)?;
        }
        Ok(())
    }

    fn update(&mut self) {
        let figures = || self.processes.iter().map(|process| process.figures);
        let most = |of: fn(&Figures) -> u64| figures().map(|f| of(&f)).max().unwrap_or(0);
        let executions = self.past + figures().map(|f| f.executions).sum::<u64>();
        let rate = figures().map(|f| f.rate).sum::<u64>();
        let [corpus, edges, features] =
            [most(|f| f.corpus), most(|f| f.edges), most(|f| f.features)];
        self.live.update([executions, rate, corpus, edges, features]);
    }
}
