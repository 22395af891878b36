//! A token is a word or a mark of one line.

use winnow::combinator::{alt, delimited, peek, repeat};
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{any, one_of, take_while};

/// One line without its comment, and where it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'t> {
    /// Lines before it.
    pub(super) number: usize,
    /// Bytes before it.
    pub(super) start: usize,
    /// The line.
    pub(super) code: &'t str,
}

impl<'t> Source<'t> {
    /// The empty rest behind the last line.
    pub(super) fn end_of(text: &'t str) -> Source<'t> {
        let text = text.trim_end();
        let start = text.rfind('\n').map_or(0, |newline| newline + 1);
        Source { number: text.matches('\n').count(), start, code: &text[start..] }
    }
}

/// A word or a mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token<'t> {
    /// What is written.
    pub(super) text: &'t str,
    /// Bytes of the line before it.
    pub(super) start: usize,
}

impl Token<'_> {
    /// Whether it is a word: a name, a number or a number with its unit.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    }
}

/// Splits a line into code and comment. A `#` begins a comment at the start of the line or after white space; one that
/// follows a word belongs to it, as in `zap_pte_range#2`, and a title has its whole line to itself.
pub(super) fn split(line: &str) -> (&str, Option<&str>) {
    let line = line.trim_end();
    let titled = line.trim_start().strip_prefix("title");
    if titled.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
        return (line, None);
    }
    let mut blank = true;
    for (at, c) in line.char_indices() {
        if c == '#' && blank {
            return (line[..at].trim_end(), Some(&line[at + 1..]));
        }
        blank = c.is_whitespace();
    }
    (line, None)
}

/// The tokens of a line. Every line has some: a character that means nothing is a token too.
pub(super) fn tokens(code: &str) -> Vec<Token<'_>> {
    let space = || take_while(0.., char::is_whitespace);
    let line = delimited(space(), repeat(0.., (token, space()).map(|(token, _)| token)), space());
    let tokens: winnow::ModalResult<Vec<Token<'_>>> =
        { line }.parse_next(&mut LocatingSlice::new(code));
    // The last alternative of a token is any character, and white space may be empty: nothing is left to fail on.
    tokens.unwrap_or_default()
}

fn token<'t>(input: &mut LocatingSlice<&'t str>) -> winnow::ModalResult<Token<'t>> {
    let mark = alt(("->".void(), any.void())).take();
    alt((word, mark))
        .with_span()
        .map(|(text, span)| Token { text, start: span.start })
        .parse_next(input)
}

/// Letters, digits, `_` and `.`; and `-` inside, which tells `seed-v3` from an arrow.
fn word<'t>(input: &mut LocatingSlice<&'t str>) -> winnow::ModalResult<&'t str> {
    let letter = || one_of(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let joint = ('-', peek(letter())).void();
    let rest = repeat::<_, _, (), _, _>(0.., alt((letter().void(), '.'.void(), joint)));
    (letter(), rest).take().parse_next(input)
}
