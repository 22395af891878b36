//! Parsing turns text into a program and insists that every word of it means something.

mod cursor;
mod error;
mod header;
mod lexer;
mod op;
mod quantity;
mod schedule;
mod sections;
mod setup;

pub use error::ParseError;

use super::document::Document;
use super::vocabulary::Vocabulary;

/// The document that a text stands for, if it is one without any doubt.
///
/// The program of the document is well-formed: [`fixup`](super::fixup()) would change nothing.
pub fn parse(text: &str, vocabulary: &Vocabulary<'_>) -> Result<Document, ParseError> {
    let mut parser = sections::Parser::new(vocabulary);
    let mut start = 0;
    for (number, line) in text.split('\n').enumerate() {
        let (code, comment) = lexer::split(line);
        parser.line(lexer::Source { number, start, code }, comment)?;
        start += line.len() + 1;
    }
    parser.finish(lexer::Source::end_of(text))
}
