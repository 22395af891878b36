//! A group is the crashes of one signature; the smallest of them stands for all.

use std::fs;
use std::path::Path;

use racewalk::Machine;
use racewalk::prog::Document;
use serde_json::{Value, json};

use crate::anchor;
use crate::case::write_head;
use crate::crash::Failing;
use crate::finding::{Finding, recorded};
use crate::refusal::Refusal;
use crate::story::Story;

/// Runs of the one that stands for its group.
const FLAKE_RUNS: u32 = 100;

/// The crashes of one signature.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// What they have in common.
    pub(super) signature: String,
    /// The oracle.
    pub(super) oracle: String,
    /// The files.
    pub(super) files: Vec<String>,
    /// The folder of the report, below OUT.
    pub(super) folder: String,
    /// The size of the smallest: operations, decisions, items of the set-up.
    pub(super) size: (usize, usize, usize),
    /// Of 100 runs of the smallest, those that went as the first one did.
    pub(super) same: u32,
    /// Crashes that did not go the same way twice.
    pub(super) unstable: usize,
}

impl Group {
    /// Takes the smallest, runs it 100 times, and writes its report. `taken` are the folders of other groups.
    pub(super) fn of(
        machine: &mut Machine,
        signature: &str,
        members: &[(&Path, &Failing)],
        out: &Path,
        taken: &dyn Fn(&str) -> bool,
    ) -> Result<Group, Refusal> {
        let size = |failing: &Failing| (failing.size.0, failing.size.2, failing.size.1);
        let (file, smallest) = *members
            .iter()
            .min_by_key(|(file, failing)| (size(failing), *file))
            .ok_or_else(|| Refusal::new("a group without crashes"))?;
        let folder = (1..)
            .map(|n| if n == 1 { smallest.slug.clone() } else { format!("{}-{n}", smallest.slug) })
            .find(|folder| !taken(folder))
            .unwrap_or_default();
        let mut group = Group {
            signature: signature.to_owned(),
            oracle: smallest.oracle.clone(),
            files: members.iter().map(|(file, _)| file.display().to_string()).collect(),
            folder,
            size: smallest.size,
            same: 0,
            unstable: members.iter().filter(|(_, failing)| !failing.stable).count(),
        };
        group.report(machine, file, smallest, out)?;
        Ok(group)
    }

    fn report(
        &mut self,
        machine: &mut Machine,
        file: &Path,
        smallest: &Failing,
        out: &Path,
    ) -> Result<(), Refusal> {
        let mut program = racewalk::parse(&smallest.program)
            .map_err(|error| Refusal::parse(file, &smallest.program, &error))?
            .program;
        self.same = same_runs(machine, &program);
        let variant = racewalk::Variant::of(&program);
        if let Some(finding) = Finding::of(machine, &program, &variant) {
            program = anchor::in_words(machine, &finding);
            write_head(&mut program, &finding, None);
        }
        let folder = out.join(&self.folder);
        fs::create_dir_all(&folder).map_err(|error| Refusal::io(&folder, &error))?;
        let replay = format!("cargo racewalk replay {}", folder.join("reproducer.rw").display());
        let story = Story::of(machine, &program, replay);
        let mut text = Vec::new();
        story.print(&mut text).map_err(|error| Refusal::io(&folder, &error))?;
        let mut object = story.json();
        object["group"] = self.json();
        let files: [(&str, Vec<u8>); 5] = [
            ("reproducer.rw", racewalk::print(&Document::from(program)).into_bytes()),
            ("reproducer.rs", story.test().into_bytes()),
            ("report.txt", text),
            ("report.json", format!("{object:#}\n").into_bytes()),
            ("report.html", story.page().into_bytes()),
        ];
        for (name, content) in files {
            let path = folder.join(name);
            fs::write(&path, content).map_err(|error| Refusal::io(&path, &error))?;
        }
        Ok(())
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "signature": self.signature,
            "oracle": self.oracle,
            "crashes": self.files.len(),
            "files": self.files,
            "report": self.folder,
            "ops": self.size.0,
            "decisions": self.size.1,
            "setup": self.size.2,
            "runs": FLAKE_RUNS,
            "same_runs": self.same,
            "unstable": self.unstable,
        })
    }

    /// What is said of how it repeats.
    pub(super) fn stability(&self) -> String {
        let runs = format!("{} of {FLAKE_RUNS}", self.same);
        if self.unstable == 0 { runs } else { format!("{runs}, {} unstable", self.unstable) }
    }
}

/// Runs that leave the trace of the first one.
fn same_runs(machine: &mut Machine, program: &racewalk::Program) -> u32 {
    let mut run = || {
        let outcome = recorded(machine, program);
        (outcome.trace.as_ref().map(|trace| trace.hash()), outcome.verdict.name())
    };
    let first = run();
    1 + (1..FLAKE_RUNS).filter(|_| run() == first).count() as u32
}
