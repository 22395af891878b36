//! The index: all groups, and the files that are in none.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use maud::html;
use serde_json::{Value, json};

use super::group::Group;
use crate::crash::{Crash, What};
use crate::story::frame;

/// All groups, the largest first, and the rest.
#[derive(Debug)]
pub(super) struct Index {
    groups: Vec<Group>,
    clean: Vec<String>,
    unreadable: Vec<(String, String)>,
    files: usize,
    looked_at: usize,
    interrupted: bool,
}

impl Index {
    pub(super) fn new(
        mut groups: Vec<Group>,
        crashes: &BTreeMap<usize, Crash>,
        files: usize,
        interrupted: bool,
    ) -> Index {
        groups.sort_by_key(|group| (usize::MAX - group.files.len(), group.signature.clone()));
        let mut index = Index {
            groups,
            clean: Vec::new(),
            unreadable: Vec::new(),
            files,
            looked_at: crashes.len(),
            interrupted,
        };
        for crash in crashes.values() {
            let file = crash.file.display().to_string();
            match &crash.what {
                What::Failing(_) => {}
                What::Clean => index.clean.push(file),
                What::Unreadable(why) => index.unreadable.push((file, why.clone())),
            }
        }
        index
    }

    /// Writes `index.txt`, `index.json` and `index.html`.
    pub(super) fn write(&self, out: &Path) -> io::Result<()> {
        fs::write(out.join("index.txt"), self.text())?;
        fs::write(out.join("index.json"), format!("{:#}\n", self.json()))?;
        fs::write(out.join("index.html"), self.page())
    }

    fn summary(&self) -> String {
        let rest = if self.interrupted {
            format!(
                "; interrupted, {} not looked at: the same command goes on",
                self.files - self.looked_at
            )
        } else {
            String::new()
        };
        format!(
            "{} files: {} groups, {} clean, {} unreadable{rest}",
            self.files,
            self.groups.len(),
            self.clean.len(),
            self.unreadable.len()
        )
    }

    /// The index for people.
    pub(super) fn text(&self) -> String {
        let mut text =
            String::from("crashes  ops  decisions  repeats     signature, and its report\n");
        for group in &self.groups {
            // To write into a string does not fail.
            let _ = writeln!(
                text,
                "{:>7}  {:>3}  {:>9}  {:<10}  {}\n{:>38}{}/report.txt",
                group.files.len(),
                group.size.0,
                group.size.1,
                group.stability(),
                group.signature,
                "",
                group.folder
            );
        }
        for file in &self.clean {
            let _ = writeln!(text, "clean: {file}");
        }
        for (file, why) in &self.unreadable {
            let _ = writeln!(text, "unreadable: {file}: {}", why.trim());
        }
        let _ = writeln!(text, "{}", self.summary());
        text
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "files": self.files,
            "interrupted": self.interrupted,
            "groups": self.groups.iter().map(Group::json).collect::<Vec<_>>(),
            "clean": self.clean,
            "unreadable": self.unreadable.iter().map(|(file, why)| json!({ "file": file, "why": why })).collect::<Vec<_>>(),
        })
    }

    fn page(&self) -> String {
        let body = html! {
            h1 { "Triage" }
            p { (self.summary()) }
            table {
                tr { th { "crashes" } th { "signature" } th { "operations" } th { "decisions" } th { "repeats" } }
                @for group in &self.groups {
                    tr {
                        td { (group.files.len()) }
                        td { a href=(format!("{}/report.html", group.folder)) { (group.signature) } }
                        td { (group.size.0) }
                        td { (group.size.1) }
                        td { (group.stability()) }
                    }
                }
            }
            @if !self.clean.is_empty() { h2 { "Clean" } ul { @for file in &self.clean { li { code { (file) } } } } }
            @if !self.unreadable.is_empty() {
                h2 { "Unreadable" }
                ul { @for (file, why) in &self.unreadable { li { code { (file) } ": " (why) } } }
            }
        };
        frame("racewalk triage", &body).into_string()
    }
}
