//! AFL++: one main process and as many secondary ones as wanted, which see what the others found in a common folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use super::Engine;
use super::campaign::{Campaign, Ended, Input, Look, environment};
use super::libfuzzer;
use super::live::Live;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// How long a process may go on after its time, or after it was asked to end.
const GRACE: Duration = Duration::from_secs(10);
/// The part of a campaign's corpus that AFL++ writes to.
const OUT: &str = "afl";
/// How often the processes are looked after.
const TICK: Duration = Duration::from_millis(200);
/// How long one input may take, in milliseconds.
const INPUT_MS_MAX: u32 = 5000;

/// Not for us: what AFL++ would like to have otherwise in a machine that is for fuzzing alone.
const SETTINGS: [(&str, &str); 9] = [
    ("AFL_NO_UI", "1"),
    ("AFL_FAST_CAL", "1"),
    ("AFL_SKIP_CPUFREQ", "1"),
    ("AFL_NO_AFFINITY", "1"),
    ("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"),
    ("AFL_IGNORE_SEED_PROBLEMS", "1"),
    ("AFL_NO_CRASH_README", "1"),
    ("AFL_AUTORESUME", "1"),
    ("AFL_FUZZER_STATS_UPDATE_INTERVAL", "1"),
];

/// The program `afl-fuzz` that cargo-afl built: started by itself, so that it is our child and ends with us.
pub(super) fn driver() -> Result<PathBuf, Refusal> {
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")))
        .unwrap_or_default()
        .join("afl.rs");
    // afl.rs/rustc-VERSION/afl.rs-VERSION/afl/bin/afl-fuzz
    let within = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<BTreeSet<_>>()
    };
    let drivers = within(&data).into_iter().flat_map(|compiler| within(&compiler));
    let mut drivers = drivers.map(|version| version.join("afl/bin/afl-fuzz"));
    drivers.rfind(|path| path.is_file()).ok_or_else(|| {
        Refusal::with_help(
            format!("AFL++ was not built: there is no afl-fuzz below {}", data.display()),
            "`cargo afl config --build` builds it; or use --engine libfuzzer",
        )
    })
}

/// Runs a campaign to its end.
pub(super) fn run(
    engine: &Engine,
    campaign: &Campaign<'_>,
    progress: &Progress,
    look: &mut Look<'_>,
) -> Result<Ended, Refusal> {
    let interrupt = Interrupt::listen();
    let start = Instant::now();
    let seeds = seeds(campaign)?;
    let out = campaign.corpus.join(OUT);
    let before = executions(&out);
    let old: BTreeSet<PathBuf> = crashes(&out).into_iter().collect();
    let names = (0..campaign.jobs.max(1)).map(name);
    let processes = names.enumerate().map(|(n, name)| {
        let mut command = command(engine, campaign, &seeds, &out, n, &name);
        let log = campaign.scratch.folder("logs")?.join(&name);
        let file = fs::File::create(&log).map_err(|error| Refusal::io(&log, &error))?;
        let errors = file.try_clone().map_err(|error| Refusal::io(&log, &error))?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        child
            .map(|child| Process { child, log })
            .map_err(|error| Refusal::io(&engine.binary, &error))
    });
    let mut run = Run {
        processes: processes.collect::<Result<_, _>>()?,
        seen: old,
        live: Live::new(),
        out,
        before,
    };
    let deadline = campaign.time.map(|time| start + time + GRACE);
    let over = || interrupt.came() || deadline.is_some_and(|deadline| Instant::now() > deadline);
    let input = run.watch(progress, &over, look)?;
    run.end();
    Ok(Ended {
        input,
        executions: executions(&run.out).saturating_sub(run.before),
        elapsed: start.elapsed(),
        known: 0,
        interrupted: interrupt.came(),
    })
}

/// AFL++ will not start from nothing.
fn seeds(campaign: &Campaign<'_>) -> Result<PathBuf, Refusal> {
    if let Some(seeds) = campaign.seeds
        && fs::read_dir(seeds).is_ok_and(|mut entries| entries.next().is_some())
    {
        return Ok(seeds.to_owned());
    }
    let folder = campaign.scratch.folder("one-seed")?;
    let seed = folder.join("zeros");
    fs::write(&seed, [0; 32]).map_err(|error| Refusal::io(&seed, &error))?;
    Ok(folder)
}

fn name(n: usize) -> String {
    if n == 0 { "main".to_owned() } else { format!("secondary{n}") }
}

fn command(
    engine: &Engine,
    campaign: &Campaign<'_>,
    seeds: &Path,
    out: &Path,
    n: usize,
    name: &str,
) -> Command {
    let mut command = Command::new(engine.driver.as_deref().unwrap_or(Path::new("afl-fuzz")));
    command.arg("-i").arg(seeds).arg("-o").arg(out);
    command.arg(if n == 0 { "-M" } else { "-S" }).arg(name);
    if n == 0 {
        // What libFuzzer has kept of the same variant.
        let theirs = campaign.corpus.join(libfuzzer::INPUTS);
        if theirs.is_dir() {
            command.arg("-F").arg(theirs);
        }
    }
    command.args(["-m", "none", "-c-", "-t", &INPUT_MS_MAX.to_string()]);
    command.arg("-G").arg(campaign.target.input_bytes_max().to_string());
    command.arg("-s").arg(campaign.seed.wrapping_add(n as u64).to_string());
    if let Some(time) = campaign.time {
        command.arg("-V").arg(time.as_secs().max(1).to_string());
    }
    if let Some(runs) = campaign.runs {
        command.arg("-E").arg(runs.div_ceil(campaign.jobs.max(1) as u64).to_string());
    }
    if let Some(dictionary) = campaign.dictionary {
        command.arg("-x").arg(dictionary);
    }
    command.arg("--").arg(&engine.binary);
    command.envs(SETTINGS).envs(environment(campaign.ask, campaign.known));
    command
}

/// A running afl-fuzz.
#[derive(Debug)]
struct Process {
    child: Child,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running campaign.
struct Run {
    processes: Vec<Process>,
    /// The crashes that were looked at.
    seen: BTreeSet<PathBuf>,
    live: Live,
    out: PathBuf,
    /// Inputs that were run before this campaign, of which it is the continuation.
    before: u64,
}

impl Run {
    /// Looks after the processes until an input ends the campaign, all have ended, or it is over.
    fn watch(
        &mut self,
        progress: &Progress,
        over: &dyn Fn() -> bool,
        look: &mut Look<'_>,
    ) -> Result<Option<Input>, Refusal> {
        loop {
            let mut running = 0;
            for process in &mut self.processes {
                match process.child.try_wait().map_err(Refusal::from)? {
                    None => running += 1,
                    Some(status) if !status.success() && !over() => {
                        let said = fs::read_to_string(&process.log).unwrap_or_default();
                        let tail: Vec<&str> = said.lines().rev().take(20).collect();
                        let tail: Vec<&str> = tail.into_iter().rev().collect();
                        let message = format!("AFL++ gave up ({status})");
                        return Err(Refusal::with_help(message, tail.join("\n")));
                    }
                    Some(_) => {}
                }
            }
            for path in crashes(&self.out) {
                if !self.seen.insert(path.clone()) {
                    continue;
                }
                let bytes = fs::read(&path).map_err(|error| Refusal::io(&path, &error))?;
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let said = String::new();
                let input = Input { bytes, name: name.unwrap_or_default(), said };
                match look(&input)? {
                    Some(signature) => self.live.found(signature),
                    None => return Ok(Some(input)),
                }
            }
            if running == 0 || over() {
                return Ok(None);
            }
            self.update();
            progress.tick(|| self.live.line());
            thread::sleep(TICK);
        }
    }

    fn update(&mut self) {
        let stats: Vec<Stats> = stats(&self.out);
        let sum = |of: fn(&Stats) -> u64| stats.iter().map(of).sum::<u64>();
        let most = |of: fn(&Stats) -> u64| stats.iter().map(of).max().unwrap_or(0);
        self.live.update([
            sum(|s| s.executions).saturating_sub(self.before),
            sum(|s| s.rate),
            most(|s| s.corpus),
            0,
            most(|s| s.features),
        ]);
    }

    /// Asks all processes to end, so that they write their figures, and waits for them.
    fn end(&mut self) {
        for process in &mut self.processes {
            if matches!(process.child.try_wait(), Ok(None)) {
                // The standard library can only kill; a shell's own `kill` asks.
                let pid = process.child.id().to_string();
                let _ = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
            }
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline
            && self.processes.iter_mut().any(|process| matches!(process.child.try_wait(), Ok(None)))
        {
            thread::sleep(TICK / 4);
        }
    }
}

/// What a process says of itself in its `fuzzer_stats`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Stats {
    executions: u64,
    rate: u64,
    corpus: u64,
    features: u64,
}

impl Stats {
    fn read(text: &str) -> Stats {
        let mut stats = Stats::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let number = || value.trim().split('.').next().and_then(|digits| digits.parse().ok());
            let field = match key.trim() {
                "execs_done" => &mut stats.executions,
                "execs_per_sec" => &mut stats.rate,
                "corpus_count" => &mut stats.corpus,
                "edges_found" => &mut stats.features,
                _ => continue,
            };
            *field = number().unwrap_or(0);
        }
        stats
    }
}

fn folders(out: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("fuzzer_stats").is_file())
        .collect();
    folders.sort();
    folders
}

/// Where AFL++ has kept inputs in a campaign's corpus, for the other engine to read.
pub(super) fn queues(corpus: &Path) -> Vec<PathBuf> {
    folders(&corpus.join(OUT)).into_iter().map(|folder| folder.join("queue")).collect()
}

fn stats(out: &Path) -> Vec<Stats> {
    let read = |folder: PathBuf| fs::read_to_string(folder.join("fuzzer_stats")).ok();
    folders(out).into_iter().filter_map(read).map(|text| Stats::read(&text)).collect()
}

fn executions(out: &Path) -> u64 {
    stats(out).iter().map(|stats| stats.executions).sum()
}

/// The crashes that any process has saved.
fn crashes(out: &Path) -> Vec<PathBuf> {
    let saved = |folder: PathBuf| {
        fs::read_dir(folder.join("crashes"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let mut crashes: Vec<PathBuf> = folders(out).into_iter().flat_map(saved).collect();
    crashes.retain(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("id:"))
    });
    crashes.sort();
    crashes
}

#[cfg(test)]
mod tests {
    use super::Stats;

    #[test]
    fn reads_what_a_process_says() {
        let text = "start_time        : 17\nexecs_done        : 1234\nexecs_per_sec     : 99.61\n\
                    corpus_count      : 42\nedges_found       : 4071\ncommand_line : a:b -x c\n";
        let stats = Stats { executions: 1234, rate: 99, corpus: 42, features: 4071 };
        assert_eq!(Stats::read(text), stats);
        assert_eq!(Stats::read("nonsense"), Stats::default());
    }
}
