//! The gallery: programs of the kernel model that are known to break something, without the schedules that do it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use racewalk::prog::{self, Schedule};
use racewalk::run::{End, Hosted, Listener};
use racewalk::sync::{Cpu, Smp, What};
use racewalk::{Machine, Options, Program, vocabulary};

use crate::contest::{Bounds, Hunted, again_and_again};
use crate::exhibit::Exhibit;

/// A program that breaks something, and the machine that it runs on when somebody else conducts.
pub(crate) struct Work {
    name: String,
    program: Arc<Program>,
    /// The oracle that notices.
    oracle: &'static str,
    hosted: Hosted,
}

/// Reads the files, and all files of the folders, that say what breaks. Those that expect `clean` are left out.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Work>, Box<dyn Error>> {
    let mut works = Vec::new();
    for path in paths {
        let path = find(path);
        if path.is_dir() {
            let entries = fs::read_dir(&path)?.map(|entry| entry.map(|entry| entry.path()));
            let mut files = entries.collect::<Result<Vec<_>, _>>()?;
            files.retain(|file| file.extension().is_some_and(|extension| extension == "rw"));
            files.sort();
            for file in files {
                works.extend(read_file(&file)?);
            }
        } else {
            works.extend(read_file(&path)?);
        }
    }
    Ok(works)
}

/// Cargo runs a bench in its package; paths are meant from the workspace.
fn find(path: &Path) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if !path.exists() && workspace.exists() { workspace } else { path.to_owned() }
}

fn read_file(path: &Path) -> Result<Option<Work>, Box<dyn Error>> {
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| said(&error))?;
    let mut program = racewalk::parse(&text).map_err(|error| said(&error))?.program;
    let own = program.head.expect.iter().find(|expect| expect.kernel.is_none());
    let Some(oracle) = own.and_then(|expect| expect.verdict) else { return Ok(None) };
    program.schedule = Schedule::default();
    program.head.policy = prog::Policy::Records;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Some(Work::new(name, Arc::new(program), vocabulary().oracles[usize::from(oracle.0)])))
}

impl Work {
    fn new(name: String, program: Arc<Program>, oracle: &'static str) -> Work {
        let hosted = Hosted::new(&program, &Options::default());
        Work { name, program, oracle, hosted }
    }

    fn bug(&self, oracle: &str) -> Option<String> {
        (oracle == self.oracle).then(|| oracle.to_owned())
    }
}

impl Clone for Work {
    fn clone(&self) -> Work {
        Work::new(self.name.clone(), Arc::clone(&self.program), self.oracle)
    }
}

impl Listener for Work {
    fn note(&self, cpu: &Cpu<'_>, what: What) -> bool {
        self.hosted.note(cpu, what)
    }
}

impl Exhibit for Work {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn begin(&mut self) {
        self.hosted.begin();
    }

    fn cpus(&self) -> usize {
        self.hosted.cpus()
    }

    fn smp(&self) -> &Smp {
        self.hosted.smp()
    }

    fn set_up(&self, cpu: &Cpu<'_>) {
        self.hosted.set_up(cpu);
    }

    fn race(&self, cpu: &Cpu<'_>) {
        self.hosted.race(cpu);
    }

    fn end(&self, end: &End) -> Option<String> {
        self.hosted.end(end);
        self.bug(self.hosted.verdict().name())
    }

    fn hunt(&self, policy: prog::Policy, seed: u64, bounds: Bounds) -> Hunted {
        let (mut machine, mut program) = (Machine::new(), (*self.program).clone());
        program.head.policy = policy;
        again_and_again(seed, bounds, |seed| {
            program.head.seed = seed;
            self.bug(machine.run(&program, &Options::default()).verdict.name())
        })
    }
}
