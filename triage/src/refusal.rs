//! A refusal is what could not be done, said so that one can do something about it.

use std::io;
use std::path::Path;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use racewalk::ParseError;

/// What could not be done. Its `Debug` form is the message for people; `main` prints it and exits with 2.
pub(crate) struct Refusal(Report);

impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Refusal {
    /// One sentence, without a full stop.
    pub(crate) fn new(message: impl Into<String>) -> Refusal {
        Refusal(Report::from(MietteDiagnostic::new(message)))
    }

    /// The same, and what to do instead.
    pub(crate) fn with_help(message: impl Into<String>, help: impl Into<String>) -> Refusal {
        Refusal(Report::from(MietteDiagnostic::new(message).with_help(help)))
    }

    /// A file that cannot be read or written.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Refusal {
        Refusal::new(format!("{}: {error}", path.display()))
    }

    /// A name that is not among the names there are.
    pub(crate) fn unknown<'a>(
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Refusal {
        let known: Vec<&str> = known.into_iter().collect();
        Refusal::with_help(
            format!("unknown {what} `{name}`"),
            format!("expected one of: {}", known.join(", ")),
        )
    }

    /// Text that does not parse: where, what was found, what was expected.
    pub(crate) fn parse(path: &Path, text: &str, error: &ParseError) -> Refusal {
        let place = format!("{}:{}:{}", path.display(), error.line, error.column);
        let label = LabeledSpan::at(error.offset..error.offset + error.bytes, "here");
        let mut diagnostic =
            MietteDiagnostic::new(format!("{place}: {}", error.message)).with_label(label);
        let meant = error.suggestion.as_ref().map(|name| format!("did you mean `{name}`?"));
        let expected = expectation(&error.expected);
        if let Some(help) =
            [meant, expected].into_iter().flatten().reduce(|a, b| format!("{a} {b}"))
        {
            diagnostic = diagnostic.with_help(help);
        }
        let source = NamedSource::new(path.display().to_string(), text.to_owned());
        Refusal(Report::from(diagnostic).with_source_code(source))
    }
}

/// What could stand there, in a sentence; the whole list if it is short.
fn expectation(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("expected `{name}`")),
        names => {
            let listed = names
                .iter()
                .take(EXPECTED_MAX)
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let more = names.len().saturating_sub(EXPECTED_MAX);
            Some(format!(
                "expected one of {listed}{}",
                if more > 0 { format!(" and {more} more") } else { String::new() }
            ))
        }
    }
}

/// Names that an error lists before it only counts them.
const EXPECTED_MAX: usize = 24;

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::new(error.to_string())
    }
}
