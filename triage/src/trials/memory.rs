//! What is remembered of trials, a line each, so that a run that was stopped goes on.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use super::Trial;

/// The trials that are done, and the file that says so.
#[derive(Debug)]
pub(crate) struct Memory {
    done: HashMap<String, Trial>,
    file: File,
}

impl Memory {
    /// Opens the file, or, if `fresh`, forgets it. A line that was cut off is done again.
    pub(crate) fn open(path: &Path, fresh: bool) -> io::Result<Memory> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if fresh && path.exists() {
            fs::remove_file(path)?;
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        let trials = text
            .lines()
            .filter_map(|line| Trial::from_json(&serde_json::from_str::<Value>(line).ok()?));
        let done = trials.map(|trial| (trial.key.clone(), trial)).collect();
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            writeln!(file)?;
        }
        Ok(Memory { done, file })
    }

    /// What came of a trial, if it was made.
    pub(crate) fn get(&self, key: &str) -> Option<&Trial> {
        self.done.get(key)
    }

    /// Remembers one more.
    pub(crate) fn add(&mut self, trial: Trial) -> io::Result<()> {
        writeln!(self.file, "{}", trial.to_json())?;
        self.done.insert(trial.key.clone(), trial);
        Ok(())
    }
}
