//! A source is a program in a file: text for people, or the bytes that an engine saves.

use std::fs;
use std::path::{Path, PathBuf};

use racewalk::prog::Document;
use racewalk::{Program, Reader, Target};

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
    ///
    /// Bytes are read as those of the target whose artifacts or corpus they lie in, or else as those of `race`.
    pub(crate) fn read(path: &Path) -> Result<Source, Refusal> {
        Source::read_as(path, None)
    }

    /// The same, with bytes read as those of a target.
    pub(crate) fn read_as(path: &Path, target: Option<Target>) -> Result<Source, Refusal> {
        let target = target.unwrap_or_else(|| target_of(path));
        let bytes = fs::read(path).map_err(|error| Refusal::io(path, &error))?;
        let named = path.extension().is_some_and(|extension| extension == "rw");
        match String::from_utf8(bytes) {
            Ok(text) if named || is_program_text(&text) => Source::from_text(path, text),
            Err(_) if named => Err(Refusal::with_help(
                format!("{}: not text (invalid UTF-8)", path.display()),
                "a .rw file is program text; give a file of bytes another suffix",
            )),
            Ok(text) => Ok(Source::from_bytes(text.as_bytes(), target)),
            Err(error) => Ok(Source::from_bytes(error.as_bytes(), target)),
        }
    }

    /// Program text that came from `path`.
    pub(crate) fn from_text(path: &Path, text: String) -> Result<Source, Refusal> {
        let document =
            racewalk::parse(&text).map_err(|error| Refusal::parse(path, &text, &error))?;
        Ok(Source { document, text: Some(text) })
    }

    fn from_bytes(bytes: &[u8], target: Target) -> Source {
        let mut program = Program::default();
        Reader::new(target).read(bytes, &mut program);
        let document = Document { program, ..Document::default() };
        Source { document, text: None }
    }
}

/// `--target`, for the verbs that read bytes.
#[derive(clap::Args, Debug, Clone, Copy, Default)]
pub(crate) struct TargetArgs {
    /// The target that the bytes are for; by default the one whose folder they lie in, or race.
    #[arg(long, value_name = "TARGET", value_parser = target_named)]
    pub(crate) target: Option<Target>,
}

/// The target of a name, for a command line.
pub(crate) fn target_named(name: &str) -> Result<Target, String> {
    Target::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Target::ALL.iter().map(|target| target.name()).collect();
        format!("unknown target; expected one of: {}", names.join(", "))
    })
}

/// The target whose folder a file lies in: engines put what is theirs below `artifacts/TARGET` and `corpus/TARGET`,
/// `racewalk fuzz` what it cannot explain below `findings/TARGET`.
fn target_of(path: &Path) -> Target {
    let folders = path.ancestors().skip(1).filter_map(|folder| {
        let target = Target::from_name(folder.file_name()?.to_str()?)?;
        let above = folder.parent()?.file_name()?.to_str()?;
        ["artifacts", "corpus", "findings"].contains(&above).then_some(target)
    });
    folders.take(1).next().unwrap_or_default()
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
    use super::{is_program_text, target_of};
    use racewalk::Target;
    use std::path::Path;

    #[test]
    fn a_folder_names_the_target() {
        let check = |path: &str, target| assert_eq!(target_of(Path::new(path)), target, "{path}");
        check("fuzz/artifacts/abort/crash-00", Target::Abort);
        check("target/corpus/fault/v6.6/afl/main/crashes/id:000000,sig:06", Target::Fault);
        check("crash-00", Target::Race);
        check("abort/crash-00", Target::Race);
        check("fuzz/artifacts/nothing/crash-00", Target::Race);
    }

    #[test]
    fn text_begins_with_its_name() {
        assert!(is_program_text("racewalk 1\n"));
        assert!(is_program_text("# a comment\n\nracewalk 2\n"));
        assert!(!is_program_text(""));
        assert!(!is_program_text("racewalker"));
        assert!(!is_program_text("   \u{0}\u{0}"));
    }
}
