//! A source is a program in a file: text for people, or the bytes that an engine saves.

use std::fs;
use std::path::{Path, PathBuf};

use racewalk::prog::{self, Document, limits};

use crate::refusal::Refusal;

/// The first word of every program text.
const MAGIC: &str = "racewalk";

/// A program that was read from a file.
#[derive(Debug)]
pub(crate) struct Source {
    /// The program, and the comments if it was text.
    pub(crate) document: Document,
    /// Its text; `None`: it was bytes.
    pub(crate) text: Option<String>,
}

impl Source {
    /// Reads a file, of either form.
    ///
    /// A file is text if it is called `.rw`, or if its first word that is not a comment is `racewalk`. Everything else is bytes, and all
    /// bytes are a program.
    pub(crate) fn read(path: &Path) -> Result<Source, Refusal> {
        let bytes = fs::read(path).map_err(|error| Refusal::io(path, &error))?;
        let named = path.extension().is_some_and(|extension| extension == "rw");
        match String::from_utf8(bytes) {
            Ok(text) if named || is_program_text(&text) => Source::from_text(path, text),
            Err(_) if named => Err(Refusal::with_help(
                format!("{}: not text (invalid UTF-8)", path.display()),
                "a .rw file is program text; give a file of bytes another suffix",
            )),
            Ok(text) => Ok(Source::from_bytes(text.as_bytes())),
            Err(error) => Ok(Source::from_bytes(error.as_bytes())),
        }
    }

    /// Program text that came from `path`.
    pub(crate) fn from_text(path: &Path, text: String) -> Result<Source, Refusal> {
        let document =
            racewalk::parse(&text).map_err(|error| Refusal::parse(path, &text, &error))?;
        Ok(Source { document, text: Some(text) })
    }

    fn from_bytes(bytes: &[u8]) -> Source {
        let program = prog::decode(&bytes[..bytes.len().min(limits::INPUT_BYTES_MAX)]);
        let document = Document { program, ..Document::default() };
        Source { document, text: None }
    }
}

/// The file itself, or all .rw files below a folder, in the order of their names.
pub(crate) fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Refusal> {
    let refuse = |error: std::io::Error| Refusal::io(path, &error);
    if !fs::metadata(path).map_err(refuse)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .map_err(refuse)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "rw") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn is_program_text(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.split_whitespace().next() == Some(MAGIC))
}

#[cfg(test)]
mod tests {
    use super::is_program_text;

    #[test]
    fn text_begins_with_its_name() {
        assert!(is_program_text("racewalk 1\n"));
        assert!(is_program_text("# a comment\n\nracewalk 2\n"));
        assert!(!is_program_text(""));
        assert!(!is_program_text("racewalker"));
        assert!(!is_program_text("   \u{0}\u{0}"));
    }
}
