//! An operation is a verb and its arguments, which name what the set-up has declared.

use super::cursor::Cursor;
use super::error::ParseError;
use super::lexer::Token;
use super::quantity::{at, extent, offset, range};
use crate::prog::limits::{FILE_UNITS_MAX, NTH_MAX};
use crate::prog::op::{FileRef, MmRef, Op, Role, Slot, VmaRef};
use crate::prog::setup::Mapped;
use crate::prog::world::World;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Thing {
    Mm(MmRef),
    File(FileRef),
    Vma(VmaRef),
}

impl Thing {
    fn kind(self) -> &'static str {
        match self {
            Thing::Mm(_) => "an mm",
            Thing::File(_) => "a file",
            Thing::Vma(_) => "a vma",
        }
    }
}

/// The names that have been declared so far.
pub(super) struct Scope<'t> {
    pub(super) hpn: u16,
    pub(super) world: World,
    pub(super) names: Vec<(&'t str, Thing)>,
}

impl Scope<'_> {
    /// What a name stands for.
    pub(super) fn thing(&self, name: &str) -> Option<Thing> {
        self.names.iter().find(|(known, _)| *known == name).map(|(_, thing)| *thing)
    }

    /// The mm of a name.
    pub(super) fn mm(&self, cursor: &Cursor<'_>, word: Token<'_>) -> Result<MmRef, ParseError> {
        let mm = |thing| if let Thing::Mm(mm) = thing { Some(mm) } else { None };
        self.resolve(cursor, word, "an mm", mm)
    }

    /// The file of a name.
    pub(super) fn file(&self, cursor: &Cursor<'_>, word: Token<'_>) -> Result<FileRef, ParseError> {
        let file = |thing| if let Thing::File(file) = thing { Some(file) } else { None };
        self.resolve(cursor, word, "a file", file)
    }

    /// The vma of a name.
    pub(super) fn vma(&self, cursor: &Cursor<'_>, word: Token<'_>) -> Result<VmaRef, ParseError> {
        let vma = |thing| if let Thing::Vma(vma) = thing { Some(vma) } else { None };
        self.resolve(cursor, word, "a vma", vma)
    }

    fn resolve<T>(
        &self,
        cursor: &Cursor<'_>,
        word: Token<'_>,
        what: &str,
        wanted: impl Fn(Thing) -> Option<T>,
    ) -> Result<T, ParseError> {
        let name = word.text;
        let thing = self.thing(name);
        if let Some(thing) = thing.and_then(&wanted) {
            return Ok(thing);
        }
        let message = match thing {
            Some(thing) => format!("`{name}` is {}, expected {what}", thing.kind()),
            None => format!("`{name}` is not declared above, expected {what}"),
        };
        let names = self.names.iter().filter(|(_, thing)| wanted(*thing).is_some());
        Err(cursor.error(word, message).expecting(names.map(|(name, _)| name)))
    }
}

/// An operation up to its closing bracket; the verb has been read.
pub(super) fn op(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    verb: Token<'_>,
) -> Result<Op, ParseError> {
    // A wrong verb is worth more words than a bracket that is missing behind it.
    let Some(variant) = Op::VERBS.iter().position(|known| *known == verb.text) else {
        let message = format!("`{}` is not an operation", verb.text);
        return Err(cursor.error(verb, message).expecting(Op::VERBS));
    };
    let mut op = Op::blank()[variant];
    cursor.demand("(")?;
    let (mut comma, mut result) = (false, Ok(()));
    op.visit(&mut |slot| {
        if result.is_ok() && slot.is_positional() {
            result = if comma { cursor.demand(",") } else { Ok(()) }
                .and_then(|()| positional(cursor, scope, slot));
            comma = true;
        }
    });
    result?;
    named(cursor, scope, &mut op, comma)?;
    match scope.world.objection(&op) {
        Some(message) => Err(cursor.error_from(verb, message)),
        None => Ok(op),
    }
}

/// An argument that is given by its place.
fn positional(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    slot: Slot<'_>,
) -> Result<(), ParseError> {
    match slot {
        Slot::At(place) => *place = at(cursor, scope)?,
        Slot::Vma(vma) => {
            let word = cursor.word("a vma")?;
            *vma = scope.vma(cursor, word)?;
        }
        Slot::Mm(mm) => {
            let word = cursor.word("an mm")?;
            *mm = scope.mm(cursor, word)?;
        }
        Slot::File(known) => *known = file(cursor, scope)?,
        Slot::Mapped(what) => {
            type Map = fn(FileRef) -> Mapped;
            let kinds: [(Option<Map>, &str); 3] = [
                (None, "anon"),
                (Some(Mapped::Shared), "shared"),
                (Some(Mapped::Private), "private"),
            ];
            *what = match cursor.pick("what is mapped", &kinds)?.0 {
                Some(map) => map(file(cursor, scope)?),
                None => Mapped::Anon,
            };
        }
        Slot::Nth(nth) => nth.0 = cursor.number("an allocation", 0..=NTH_MAX.into())? as u8,
        Slot::Size(..) | Slot::Word(_) => {}
    }
    Ok(())
}

fn file(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<FileRef, ParseError> {
    let word = cursor.word("a file")?;
    scope.file(cursor, word)
}

/// An argument that is given by its words, and the words that were given.
struct Named {
    words: Vec<&'static str>,
    what: &'static str,
    required: bool,
    several: bool,
    given: Vec<usize>,
}

impl Named {
    fn of(slot: &Slot<'_>) -> Option<Named> {
        let given = Vec::new();
        match slot {
            Slot::Size(role, _) => Some(Named {
                words: vec![role.key()],
                what: role.what(),
                required: role.is_required(),
                several: false,
                given,
            }),
            Slot::Word(word) => Some(Named {
                words: word.words().to_vec(),
                what: word.what(),
                required: word.is_required(),
                several: word.is_set(),
                given,
            }),
            _ => None,
        }
    }

    /// What is said of a word that comes too late; `None` if it does not.
    fn again(&self, word: usize, verb: &str) -> Option<String> {
        let what = self.what.trim_start_matches("an ").trim_start_matches("a ");
        if self.several {
            let text = self.words[word];
            return self
                .given
                .contains(&word)
                .then(|| format!("`{text}` says again what is said already"));
        }
        (!self.given.is_empty()).then(|| format!("this is the second {what} of one `{verb}`"))
    }
}

/// The arguments that are given by their words, in any order, up to the closing bracket.
fn named(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    op: &mut Op,
    mut comma: bool,
) -> Result<(), ParseError> {
    let verb = op.verb();
    let mut arguments = Vec::new();
    op.visit(&mut |slot| arguments.extend(Named::of(&slot)));
    if arguments.is_empty() {
        return cursor.demand(")");
    }
    while !cursor.eat(")") {
        if comma && !cursor.eat(",") {
            return Err(cursor.missing("`,` or `)`"));
        }
        comma = true;
        let choices: Vec<((usize, usize), &str)> = (0..)
            .zip(&arguments)
            .flat_map(|(n, named)| (0..).zip(&named.words).map(move |(i, word)| ((n, i), *word)))
            .collect();
        let ((n, choice), word) = cursor.pick(&format!("an argument of `{verb}`"), &choices)?;
        if let Some(message) = arguments[n].again(choice, verb) {
            return Err(cursor.error(word, message));
        }
        arguments[n].given.push(choice);
        let (mut at, mut result) = (0, Ok(()));
        op.visit(&mut |slot| {
            if !slot.is_positional() {
                if at == n {
                    result = fill(cursor, scope, slot, &arguments[n].given);
                }
                at += 1;
            }
        });
        result?;
    }
    match arguments.iter().find(|named| named.required && named.given.is_empty()) {
        Some(named) => {
            let what = format!("{} in `{verb}`", named.what);
            Err(cursor.missing(what).expecting(named.words.iter().copied()))
        }
        None => Ok(()),
    }
}

/// An argument whose words have been read.
fn fill(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    slot: Slot<'_>,
    given: &[usize],
) -> Result<(), ParseError> {
    match slot {
        Slot::Size(Role::FileLen | Role::Span, size) => {
            *size = extent(cursor, FILE_UNITS_MAX, scope.hpn, false)?;
        }
        Slot::Size(Role::Off, size) => *size = offset(cursor, scope.hpn)?,
        Slot::Size(_, size) => *size = range(cursor)?,
        Slot::Word(word) if word.is_set() => word.set(given.iter().map(|bit| 1 << bit).sum()),
        Slot::Word(word) => word.set(given.iter().sum()),
        _ => {}
    }
    Ok(())
}
