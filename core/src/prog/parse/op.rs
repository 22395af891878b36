//! An operation is a verb and its arguments, which name what the set-up has declared.

use super::cursor::Cursor;
use super::error::ParseError;
use super::lexer::Token;
use super::quantity::{at, extent, range};
use crate::prog::limits::FILE_UNITS_MAX;
use crate::prog::op::{FileRef, MmRef, Op, Role, Slot, VmaRef};
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
    if !Op::VERBS.contains(&verb.text) {
        let message = format!("`{}` is not an operation", verb.text);
        return Err(cursor.error(verb, message).expecting(Op::VERBS));
    }
    let variant = Op::VERBS.iter().position(|known| *known == verb.text).unwrap_or_default();
    let mut op = Op::blank()[variant];
    cursor.demand("(")?;
    let (mut slots, mut error) = (0, None);
    op.visit(&mut |slot| {
        if error.is_none() && slot.is_positional() {
            let comma = if slots > 0 { cursor.demand(",") } else { Ok(()) };
            error = comma.and_then(|()| positional(cursor, scope, slot)).err();
            slots += 1;
        }
    });
    match error {
        Some(error) => Err(error),
        None => named(cursor, scope, &mut op, slots > 0).map(|()| op),
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
        Slot::File(file) => {
            let word = cursor.word("a file")?;
            *file = scope.file(cursor, word)?;
        }
        Slot::Size(..) | Slot::Word(_) => {}
    }
    Ok(())
}

/// An argument that is given by a word: which argument, which word of it, and whether it has been given.
struct Named {
    words: Vec<&'static str>,
    what: &'static str,
    required: bool,
    given: bool,
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
    op.visit(&mut |slot| match slot {
        Slot::Size(role, _) => arguments.push(Named {
            words: vec!["len="],
            what: "a length",
            required: role == Role::FileLen,
            given: false,
        }),
        Slot::Word(word) => arguments.push(Named {
            words: word.words().to_vec(),
            what: word.what(),
            required: word.is_required(),
            given: false,
        }),
        _ => {}
    });
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
        if std::mem::replace(&mut arguments[n].given, true) {
            let what = arguments[n].what.trim_start_matches("an ").trim_start_matches("a ");
            let message = format!("this is the second {what} of one `{verb}`");
            return Err(cursor.error(word, message));
        }
        let (mut at, mut error) = (0, None);
        op.visit(&mut |slot| {
            if slot.is_positional() {
                return;
            }
            if at == n {
                error = fill(cursor, scope, slot, choice).err();
            }
            at += 1;
        });
        if let Some(error) = error {
            return Err(error);
        }
    }
    match arguments.iter().find(|named| named.required && !named.given) {
        Some(named) => {
            let what = format!("{} in `{verb}`", named.what);
            Err(cursor.missing(what).expecting(named.words.iter().copied()))
        }
        None => Ok(()),
    }
}

/// An argument whose word has been read.
fn fill(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    slot: Slot<'_>,
    choice: usize,
) -> Result<(), ParseError> {
    match slot {
        Slot::Size(Role::FileLen, size) => {
            *size = extent(cursor, FILE_UNITS_MAX, scope.hpn, false)?;
        }
        Slot::Size(_, size) => *size = range(cursor)?,
        Slot::Word(word) => word.set(choice),
        _ => {}
    }
    Ok(())
}
