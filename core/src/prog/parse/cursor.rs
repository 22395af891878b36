//! A cursor reads the tokens of one line from left to right and remembers where they stand.

use super::error::ParseError;
use super::lexer::{Source, Token, tokens};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The rest of a line.
pub(super) struct Cursor<'t> {
    source: Source<'t>,
    tokens: Vec<Token<'t>>,
    next: usize,
}

impl<'t> Cursor<'t> {
    /// A cursor at the start of a line.
    pub(super) fn new(source: Source<'t>) -> Cursor<'t> {
        Cursor { source, tokens: tokens(source.code), next: 0 }
    }

    /// A cursor behind the last token of a line.
    pub(super) fn at_end(source: Source<'t>) -> Cursor<'t> {
        Cursor { source, tokens: Vec::new(), next: 0 }
    }

    /// The next token.
    pub(super) fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.next).copied()
    }

    /// How many tokens are left.
    pub(super) fn left(&self) -> usize {
        self.tokens.len() - self.next
    }

    /// The next token, where `what` must stand.
    pub(super) fn word(&mut self, what: impl Display) -> Result<Token<'t>, ParseError> {
        match self.peek() {
            Some(token) if token.is_word() => {
                self.next += 1;
                Ok(token)
            }
            _ => Err(self.missing(what)),
        }
    }

    /// Goes past a mark or a word if it is the next token.
    pub(super) fn eat(&mut self, mark: &str) -> bool {
        let here = self.peek().is_some_and(|token| token.text == mark);
        self.next += usize::from(here);
        here
    }

    /// Goes past a mark or a word that must be the next token.
    pub(super) fn demand(&mut self, mark: &str) -> Result<(), ParseError> {
        if self.eat(mark) { Ok(()) } else { Err(self.missing(format_args!("`{mark}`"))) }
    }

    /// After an argument of a call: whether there is another one.
    pub(super) fn more(&mut self) -> Result<bool, ParseError> {
        if self.eat(")") {
            return Ok(false);
        }
        if self.eat(",") { Ok(true) } else { Err(self.missing("`,` or `)`")) }
    }

    /// One word of a list. A name that ends in `=` is a key: the mark must follow.
    pub(super) fn pick<T: Copy>(
        &mut self,
        what: &str,
        names: &[(T, &str)],
    ) -> Result<(T, Token<'t>), ParseError> {
        let listed = || names.iter().map(|(_, name)| *name);
        let word = self.word(what).map_err(|error| error.expecting(listed()))?;
        for &(value, name) in names {
            match name.strip_suffix('=') {
                Some(key) if key == word.text => self.demand("=")?,
                None if name == word.text => {}
                _ => continue,
            }
            return Ok((value, word));
        }
        Err(self.unknown(what, word).expecting(listed()))
    }

    /// The index of one name of a vocabulary.
    pub(super) fn name(
        &mut self,
        what: &str,
        names: &[&str],
    ) -> Result<(usize, Token<'t>), ParseError> {
        let word = self.word(what).map_err(|error| error.expecting(names))?;
        match names.iter().position(|name| *name == word.text) {
            Some(index) => Ok((index, word)),
            None => Err(self.unknown(what, word).expecting(names)),
        }
    }

    /// A number within a range, decimal or with `0x` in front.
    pub(super) fn number(
        &mut self,
        what: &str,
        range: RangeInclusive<u64>,
    ) -> Result<u64, ParseError> {
        let word = self.word(format_args!("{what} ({})", shown(&range)))?;
        let number = match word.text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => word.text.parse().ok(),
        };
        match number {
            Some(number) if range.contains(&number) => Ok(number),
            _ if word.text.starts_with(|c: char| c.is_ascii_digit()) => {
                Err(self.out_of_range(word, what, shown(&range)))
            }
            _ => {
                let (text, range) = (word.text, shown(&range));
                Err(self.error(word, format!("`{text}` is no number, expected {what} ({range})")))
            }
        }
    }

    /// The number in a word such as `cpu2`.
    pub(super) fn cpu(&mut self) -> Result<(usize, Token<'t>), ParseError> {
        let word = self.word("a cpu, such as `cpu0`")?;
        match cpu_number(word.text) {
            Some(cpu) => Ok((cpu, word)),
            None => {
                let text = word.text;
                Err(self.error(word, format!("expected a cpu, such as `cpu0`, found `{text}`")))
            }
        }
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), ParseError> {
        match self.peek() {
            None => Ok(()),
            Some(token) => {
                let text = token.text;
                Err(self.error(token, format!("expected the end of the line, found `{text}`")))
            }
        }
    }

    /// What follows the last token read, as it is written.
    pub(super) fn rest(&mut self) -> &'t str {
        let rest = self.peek().map_or("", |token| &self.source.code[token.start..]);
        self.next = self.tokens.len();
        rest.trim()
    }

    /// An error about a token.
    pub(super) fn error(&self, token: Token<'_>, message: impl Into<String>) -> ParseError {
        self.error_at(token.start, token.text, message.into())
    }

    /// An error about the part of the line between two tokens, both included.
    pub(super) fn error_from(&self, first: Token<'_>, message: impl Into<String>) -> ParseError {
        let last = self.tokens[..self.next].last().unwrap_or(&first);
        let found = &self.source.code[first.start..last.start + last.text.len()];
        self.error_at(first.start, found, message.into())
    }

    /// An error about what is missing at the next token, or behind the last one.
    pub(super) fn missing(&self, what: impl Display) -> ParseError {
        match self.peek() {
            Some(token) => self.error(token, format!("expected {what}, found `{}`", token.text)),
            None => {
                let message = format!("expected {what}, found nothing more");
                self.error_at(self.source.code.trim_end().len(), "", message)
            }
        }
    }

    /// An error about a number.
    pub(super) fn out_of_range(
        &self,
        token: Token<'_>,
        what: &str,
        range: impl Display,
    ) -> ParseError {
        self.error(token, format!("`{}` is out of range: {what} is {range}", token.text))
    }

    fn unknown(&self, what: &str, word: Token<'_>) -> ParseError {
        self.error(word, format!("`{}` is not {what}", word.text))
    }

    fn error_at(&self, start: usize, found: &str, message: String) -> ParseError {
        ParseError {
            line: self.source.number + 1,
            column: self.source.code[..start].chars().count() + 1,
            length: found.chars().count(),
            offset: self.source.start + start,
            bytes: found.len(),
            message: message.into(),
            found: found.into(),
            expected: Vec::new(),
            suggestion: None,
        }
    }
}

/// The number in a word such as `cpu2`.
pub(super) fn cpu_number(word: &str) -> Option<usize> {
    let digits = word.strip_prefix("cpu")?;
    let canonical = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| canonical)
}

fn shown(range: &RangeInclusive<u64>) -> String {
    let (start, end) = (range.start(), range.end());
    if start == end { start.to_string() } else { format!("{start} to {end}") }
}
