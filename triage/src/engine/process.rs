//! A process is one running copy of a built target. It does not outlive its value.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use super::status::{Figures, Said};

/// Lines of other output that are kept, for when it goes wrong.
const TAIL_LINES_MAX: usize = 30;

/// What a process has to say: which one, and a line of it; `None` is the end of its output.
pub(super) type Line = (usize, Option<String>);

/// A running copy of a target, and what is known of it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Its last figures.
    pub(super) figures: Figures,
    /// The known findings that it met, at least so many.
    pub(super) known: u64,
    /// The input that it stopped at.
    pub(super) artifact: Option<std::path::PathBuf>,
    /// The last lines that were not a status.
    tail: VecDeque<String>,
    /// How it ended.
    pub(super) ended: Option<ExitStatus>,
}

impl Process {
    /// Starts it as number `n`; its lines go to `lines`.
    pub(super) fn start(
        mut command: Command,
        n: usize,
        lines: Sender<Line>,
    ) -> std::io::Result<Process> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        if let Some(output) = child.stderr.take() {
            thread::spawn(move || pass_on(output, n, &lines));
        }
        let figures = Figures::default();
        let (artifact, tail) = (None, VecDeque::new());
        Ok(Process { child, figures, known: 0, artifact, tail, ended: None })
    }

    /// Takes in what it said.
    pub(super) fn take_in(&mut self, line: Option<String>) {
        let Some(line) = line else {
            self.ended = self.child.wait().ok();
            return;
        };
        match Said::read(&line) {
            Said::Figures(figures) => self.figures = figures,
            Said::Executed(executions) => self.figures.executions = executions,
            Said::Known(count) => self.known = count,
            Said::Artifact(path) => self.artifact = Some(path),
            Said::Other => {
                if self.tail.len() == TAIL_LINES_MAX {
                    self.tail.pop_front();
                }
                self.tail.push_back(line);
            }
        }
    }

    /// Whether it ended, and nothing was wrong.
    pub(super) fn succeeded(&self) -> bool {
        self.ended.is_some_and(|status| status.success())
    }

    /// The last lines that it said beside its status.
    pub(super) fn tail(&self) -> String {
        self.tail.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended on its own in the meantime: then there is nothing to kill.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn pass_on(output: impl Read, n: usize, lines: &Sender<Line>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if lines.send((n, Some(text))).is_err() {
            return;
        }
    }
    // Nobody listens any longer if the campaign is over.
    let _ = lines.send((n, None));
}
