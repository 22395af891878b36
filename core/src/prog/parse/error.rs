//! A parse error says where a text stops making sense, what stands there and what could.

use std::cmp::Reverse;
use std::fmt;

/// Why a text is not a program.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The number of characters that are wrong; 0 where something is missing.
    pub length: usize,
    /// The first byte of the text that is wrong.
    pub offset: usize,
    /// The number of bytes that are wrong.
    pub bytes: usize,
    /// What is wrong, as a phrase.
    pub message: Box<str>,
    /// What stands there; empty where something is missing.
    pub found: Box<str>,
    /// What could stand there, if that can be listed.
    pub expected: Vec<String>,
    /// The one of them that was probably meant, because it looks much like what was found.
    pub suggestion: Option<Box<str>>,
}

impl ParseError {
    /// The same error with a list of what could stand there, and the one that was meant if that can be guessed.
    pub(super) fn expecting<S: AsRef<str>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> ParseError {
        // A vocabulary may keep numbers unused; what is not a word cannot be written.
        let word = |name: &S| name.as_ref().starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let names = names.into_iter().filter(word);
        self.expected = names.map(|name| name.as_ref().to_owned()).collect();
        self.suggestion = nearest(&self.found, &self.expected).map(Box::from);
        self
    }
}

/// The name that differs least, unless it differs too much to have been meant.
fn nearest<'n>(found: &str, names: &'n [String]) -> Option<&'n str> {
    // Nothing is near to an empty word or to one longer than any name.
    if found.is_empty() || found.len() > 64 {
        return None;
    }
    let bare = |name: &str| name.trim_end_matches(['=', '(']).to_lowercase();
    let distance = |name: &String| strsim::osa_distance(&bare(found), &bare(name));
    // A letter is sooner forgotten than added, so of two names that are as near the longer one was meant.
    let key = |name: &&String| (distance(name), Reverse(name.len()));
    let name = names.iter().min_by_key(key)?;
    let distance = distance(name);
    let bearable = (found.chars().count() / 3).max(1);
    (distance <= bearable && distance < name.chars().count()).then_some(name.as_str())
}

/// Names that an error lists before it only counts them.
const LISTED_MAX: usize = 24;

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        match &self.expected[..] {
            [] => {}
            [name] => write!(f, "; expected `{name}`")?,
            names => {
                f.write_str("; expected one of ")?;
                for (n, name) in names.iter().take(LISTED_MAX).enumerate() {
                    write!(f, "{}`{name}`", if n == 0 { "" } else { ", " })?;
                }
                if names.len() > LISTED_MAX {
                    write!(f, " and {} more", names.len() - LISTED_MAX)?;
                }
            }
        }
        match &self.suggestion {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseError {}
