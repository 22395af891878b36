//! A line of the set-up declares a name or does an operation.

use super::cursor::Cursor;
use super::error::ParseError;
use super::lexer::Token;
use super::op::{Scope, Thing, op};
use super::quantity::extent;
use crate::prog::limits::{FILE_UNITS_MAX, FILES_MAX, MMS_MAX, UNITS_MAX, VMAS_MAX};
use crate::prog::op::{FileRef, MmRef, Op, VmaRef};
use crate::prog::setup::{Backing, Mapped, Prot, Setup};
use crate::prog::size::Size;

/// The verbs that declare.
const DECLARATIONS: [&str; 3] = ["mm", "file", "mmap"];

/// One line of the set-up; what it declares is in scope from then on.
pub(super) fn item<'t>(
    cursor: &mut Cursor<'t>,
    scope: &mut Scope<'t>,
) -> Result<Setup, ParseError> {
    let first = cursor.word("a declaration or an operation")?;
    let item = if cursor.eat("=") {
        new_name(cursor, scope, first)?;
        let verb = cursor.word("`mm`, `file` or `mmap`")?;
        declaration(cursor, scope, verb)?
    } else if DECLARATIONS.contains(&first.text) {
        let verb = first.text;
        let message = format!("`{verb}` needs a name for what it declares: `NAME = {verb}(...)`");
        return Err(cursor.error(first, message));
    } else if Op::VERBS.contains(&first.text) {
        Setup::Do(op(cursor, scope, first)?)
    } else {
        let message = format!("`{}` is neither a declaration nor an operation", first.text);
        return Err(cursor.error(first, message).expecting(DECLARATIONS.iter().chain(Op::VERBS)));
    };
    cursor.end()?;
    let (mms, files, vmas) = scope.world.counts();
    let thing = match item {
        Setup::Mm => Thing::Mm(MmRef(mms as u8)),
        Setup::File { .. } => Thing::File(FileRef(files as u8)),
        Setup::Mmap { .. } => Thing::Vma(VmaRef(vmas as u8)),
        Setup::Do(_) => return Ok(item),
    };
    scope.names.push((first.text, thing));
    scope.world.declare(&item);
    Ok(item)
}

fn new_name(cursor: &Cursor<'_>, scope: &Scope<'_>, name: Token<'_>) -> Result<(), ParseError> {
    let text = name.text;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(cursor.error(name, format!("`{text}` is no name: it begins with a digit")));
    }
    match scope.thing(text) {
        Some(_) => Err(cursor.error(name, format!("`{text}` is declared twice"))),
        None => Ok(()),
    }
}

fn declaration(
    cursor: &mut Cursor<'_>,
    scope: &Scope<'_>,
    verb: Token<'_>,
) -> Result<Setup, ParseError> {
    let (mms, files, vmas) = scope.world.counts();
    let (count, max, what) = match verb.text {
        "mm" => (mms, MMS_MAX, "mms"),
        "file" => (files, FILES_MAX, "files"),
        "mmap" => (vmas, VMAS_MAX, "vmas"),
        text => {
            let message = format!("`{text}` declares nothing");
            return Err(cursor.error(verb, message).expecting(DECLARATIONS));
        }
    };
    if count == max {
        return Err(cursor.error(verb, format!("too many {what}: a program has at most {max}")));
    }
    cursor.demand("(")?;
    match verb.text {
        "mm" => {
            cursor.demand(")")?;
            Ok(Setup::Mm)
        }
        "file" => file(cursor, scope),
        _ => mmap(cursor, scope, verb),
    }
}

fn file(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Setup, ParseError> {
    const ARGUMENTS: [(Option<Backing>, &str); 4] = [
        (None, "len="),
        (Some(Backing::ALL[0].0), Backing::ALL[0].1),
        (Some(Backing::ALL[1].0), Backing::ALL[1].1),
        (Some(Backing::ALL[2].0), Backing::ALL[2].1),
    ];
    let (mut len, mut backing) = (None, None);
    loop {
        let (argument, word) = cursor.pick("an argument of `file`", &ARGUMENTS)?;
        let again = match argument {
            None => len.replace(extent(cursor, FILE_UNITS_MAX, scope.hpn, true)?).is_some(),
            Some(argument) => backing.replace(argument).is_some(),
        };
        if again {
            return Err(twice(cursor, word));
        }
        if !cursor.more()? {
            break;
        }
    }
    let len = len.ok_or_else(|| cursor.missing("`len=` in `file`"))?;
    Ok(Setup::File { len, backing: backing.unwrap_or(Backing::Huge) })
}

/// What an argument of `mmap` behind the first two is about.
#[derive(Clone, Copy)]
enum Mmap {
    At,
    Len,
    Off,
    Shared(bool),
    Prot(Prot),
}

const MMAP: [(Mmap, &str); 7] = [
    (Mmap::At, "at="),
    (Mmap::Len, "len="),
    (Mmap::Off, "off="),
    (Mmap::Shared(true), "shared"),
    (Mmap::Shared(false), "private"),
    (Mmap::Prot(Prot::Ro), "ro"),
    (Mmap::Prot(Prot::Rw), "rw"),
];

fn mmap(cursor: &mut Cursor<'_>, scope: &Scope<'_>, verb: Token<'_>) -> Result<Setup, ParseError> {
    let word = cursor.word("an mm")?;
    let mm = scope.mm(cursor, word)?;
    cursor.demand(",")?;
    let what = cursor.word("a file or `anon`")?;
    let file = match what.text {
        "anon" if scope.thing("anon").is_none() => None,
        _ => Some(scope.file(cursor, what)?),
    };
    let (mut at, mut len, mut off, mut shared, mut prot) = (None, None, None, None, None);
    while cursor.more()? {
        let (argument, word) = cursor.pick("an argument of `mmap`", &MMAP)?;
        let unmeant = matches!(argument, Mmap::Off | Mmap::Shared(_)) && file.is_none();
        if unmeant {
            let message = format!("`{}` has no meaning for anonymous memory", word.text);
            return Err(cursor.error(word, message));
        }
        let again = match argument {
            Mmap::At => at.replace(extent(cursor, UNITS_MAX, scope.hpn, false)?).is_some(),
            Mmap::Len => len.replace(extent(cursor, UNITS_MAX, scope.hpn, true)?).is_some(),
            Mmap::Off => off.replace(extent(cursor, FILE_UNITS_MAX, scope.hpn, false)?).is_some(),
            Mmap::Shared(value) => shared.replace(value).is_some(),
            Mmap::Prot(value) => prot.replace(value).is_some(),
        };
        if again {
            return Err(twice(cursor, word));
        }
    }
    let missing = |what: &str| cursor.error_from(verb, format!("`mmap` needs {what}"));
    let at = at.ok_or_else(|| missing("`at=`, where the vma starts"))?;
    let len = len.ok_or_else(|| missing("`len=`, its length"))?;
    let prot = prot.ok_or_else(|| missing("`ro` or `rw`"))?;
    let what = match (file, shared) {
        (None, _) => Mapped::Anon,
        (Some(file), Some(true)) => Mapped::Shared(file),
        (Some(file), Some(false)) => Mapped::Private(file),
        (Some(_), None) => return Err(missing("`shared` or `private`")),
    };
    place(cursor, scope, verb, (mm, at, len))?;
    Ok(Setup::Mmap { mm, what, at, len, off: off.unwrap_or(Size::ZERO), prot })
}

/// Checks that a vma lies inside its address space and apart from the others.
fn place(
    cursor: &Cursor<'_>,
    scope: &Scope<'_>,
    verb: Token<'_>,
    (mm, at, len): (MmRef, Size, Size),
) -> Result<(), ParseError> {
    let hpn = scope.hpn;
    if at.pages(hpn) + len.pages(hpn) > Size::huge(UNITS_MAX).pages(hpn) {
        let message = format!("the vma ends beyond the address space, which is {UNITS_MAX}h");
        return Err(cursor.error_from(verb, message));
    }
    let Some(vma) = scope.world.overlap(mm, at, len) else { return Ok(()) };
    let named = scope.names.iter().find(|(_, thing)| *thing == Thing::Vma(vma));
    let name = named.map_or("another vma", |(name, _)| name);
    Err(cursor.error_from(verb, format!("the vma overlaps `{name}` at hpn {hpn}")))
}

fn twice(cursor: &Cursor<'_>, word: Token<'_>) -> ParseError {
    cursor.error(word, format!("`{}` says again what is said already", word.text))
}
