//! The names that program text may use, and the text with them.

use std::sync::LazyLock;

use crate::mm::place::PLACES;
use crate::mm::steps::{Era, PROTECTIONS};
use crate::oracle::ORACLES;
use crate::prog::{self, Document, ParseError, Program, Vocabulary};
use crate::sync::Place;
use crate::zoo::EXHIBITS;

struct Names {
    kernels: Vec<&'static str>,
    steps: Vec<&'static str>,
    zoo: Vec<&'static str>,
    oracles: Vec<&'static str>,
}

/// What program text may name.
pub fn vocabulary() -> Vocabulary<'static> {
    static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
        kernels: Era::ALL.iter().map(|era| era.name()).collect(),
        steps: PROTECTIONS.iter().map(|protection| protection.name).collect(),
        zoo: EXHIBITS.iter().map(|exhibit| exhibit.name).collect(),
        oracles: ORACLES.iter().map(|oracle| oracle.name).collect(),
    });
    Vocabulary {
        kernels: &NAMES.kernels,
        steps: &NAMES.steps,
        zoo: &NAMES.zoo,
        oracles: &NAMES.oracles,
        places: PLACES,
    }
}

/// Reads program text, strictly.
///
/// # Errors
/// Line, column, what was found and what was expected.
pub fn parse(text: &str) -> Result<Document, ParseError> {
    prog::parse(text, &vocabulary())
}

/// Writes program text with its comments.
pub fn print(document: &Document) -> String {
    prog::print(document, &vocabulary())
}

/// Writes program text.
pub fn print_program(program: &Program) -> String {
    prog::print_program(program, &vocabulary())
}

/// The name of a place.
pub fn place_name(place: Place) -> &'static str {
    PLACES.get(usize::from(place.0)).copied().unwrap_or("?")
}
