//! Progress is what a person sees on stderr while something takes longer than two seconds.

use std::cell::Cell;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Nothing is shown before that.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two updates of the line on a terminal.
const REDRAW: Duration = Duration::from_millis(150);
/// Between two plain lines where there is no terminal.
const PLAIN: Duration = Duration::from_secs(5);

/// `--progress`, for all verbs that may take long.
#[derive(clap::Args, Debug, Clone, Copy, Default)]
pub(crate) struct ProgressArgs {
    /// Show a progress line even if stderr is not a terminal.
    #[arg(long)]
    pub(crate) progress: bool,
}

impl ProgressArgs {
    /// The progress line of one verb, from now on.
    pub(crate) fn start(self) -> Progress {
        let shown = if self.progress || stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}")
                    .expect("a constant"),
            );
            Shown::Bar(bar)
        } else {
            Shown::Lines
        };
        Progress::new(shown)
    }
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

/// The progress line of one verb.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: Shown,
    begun: Instant,
    last: Cell<Option<Instant>>,
}

impl Progress {
    fn new(shown: Shown) -> Progress {
        Progress { shown, begun: Instant::now(), last: Cell::new(None) }
    }

    /// Progress that nobody sees.
    #[allow(dead_code, reason = "tests and quiet callers want it")]
    pub(crate) fn none() -> Progress {
        Progress::new(Shown::Nothing)
    }

    /// Says how far it is, now and then. Cheap, but not free: not for every run of a campaign.
    pub(crate) fn tick(&self, message: impl FnOnce() -> String) {
        let (now, pause) = match self.shown {
            Shown::Nothing => return,
            Shown::Lines => (Instant::now(), PLAIN),
            Shown::Bar(_) => (Instant::now(), REDRAW),
        };
        let due = match self.last.get() {
            None => now.duration_since(self.begun) >= PATIENCE,
            Some(last) => now.duration_since(last) >= pause,
        };
        if !due {
            return;
        }
        self.last.set(Some(now));
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines => {
                eprintln!("{:>4.0}s {}", now.duration_since(self.begun).as_secs_f64(), message())
            }
            Shown::Bar(bar) => {
                bar.set_message(message());
                bar.tick();
            }
        }
    }

    /// A line that stays.
    pub(crate) fn line(&self, line: &str) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Lines => eprintln!("{line}"),
            Shown::Bar(bar) => bar.suspend(|| eprintln!("{line}")),
        }
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
