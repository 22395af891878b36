//! A line of the set-up declares a name or does an operation.

use super::cursor::Cursor;
use super::error::ParseError;
use super::lexer::Token;
use super::op::{Scope, Thing, op};
use super::quantity::extent;
use crate::prog::limits::{FILE_UNITS_MAX, FILES_MAX, MMS_MAX, UNITS_MAX, VMAS_MAX};
use crate::prog::op::{Backing, FileKind, FileRef, MapFlags, MmRef, Op, Prot, VmaRef};
use crate::prog::setup::{Mapped, Setup};
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
        Setup::Mm { .. } => Thing::Mm(MmRef(mms as u8)),
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
        "mm" => space(cursor, mms == 0),
        "file" => file(cursor, scope),
        _ => mmap(cursor, scope, verb),
    }
}

fn space(cursor: &mut Cursor<'_>, first: bool) -> Result<Setup, ParseError> {
    if cursor.eat(")") {
        return Ok(Setup::Mm { unborn: false });
    }
    let (_, word) = cursor.pick("an argument of `mm`", &[((), "unborn")])?;
    if first {
        return Err(cursor.error(word, "the first mm exists from the start"));
    }
    cursor.demand(")")?;
    Ok(Setup::Mm { unborn: true })
}

fn file(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Setup, ParseError> {
    #[derive(Clone, Copy)]
    enum Argument {
        Len,
        Kind(FileKind),
        Backing(Backing),
    }
    let kinds = FileKind::ALL.iter().map(|kind| (Argument::Kind(*kind), kind.name()));
    let backings = Backing::ALL.iter().map(|backing| (Argument::Backing(*backing), backing.name()));
    let arguments: Vec<_> =
        [(Argument::Len, "len=")].into_iter().chain(kinds).chain(backings).collect();
    let (mut len, mut kind, mut backing) = (None, None, None);
    loop {
        let (argument, word) = cursor.pick("an argument of `file`", &arguments)?;
        let again = match argument {
            Argument::Len => {
                len.replace(extent(cursor, FILE_UNITS_MAX, scope.hpn, true)?).is_some()
            }
            Argument::Kind(value) => kind.replace(value).is_some(),
            Argument::Backing(value) => backing.replace(value).is_some(),
        };
        if again {
            return Err(twice(cursor, word));
        }
        if !cursor.more()? {
            break;
        }
    }
    let len = len.ok_or_else(|| cursor.missing("`len=` in `file`"))?;
    let (kind, backing) = (kind.unwrap_or_default(), backing.unwrap_or_default());
    Ok(Setup::File { len, kind, backing })
}

/// What an argument of `mmap` behind the first two is about.
#[derive(Clone, Copy)]
enum Mmap {
    At,
    Len,
    Off,
    Shared(bool),
    Prot(Prot),
    Flag(MapFlags),
}

impl Mmap {
    /// What `mmap` may say.
    fn words() -> Vec<(Mmap, &'static str)> {
        let mut words = vec![
            (Mmap::At, "at="),
            (Mmap::Len, "len="),
            (Mmap::Off, "off="),
            (Mmap::Shared(true), "shared"),
            (Mmap::Shared(false), "private"),
        ];
        words.extend(Prot::ALL.iter().map(|prot| (Mmap::Prot(*prot), prot.name())));
        let flags = (0..).zip(MapFlags::WORDS);
        words.extend(flags.map(|(bit, word)| (Mmap::Flag(MapFlags(1 << bit)), *word)));
        words
    }

    /// Why it has no meaning for what is mapped; `None` if it has.
    fn unmeant(self, scope: &Scope<'_>, what: Mapped) -> Option<&'static str> {
        let file = what.file().is_some();
        let meant = match self {
            Mmap::At | Mmap::Len => true,
            Mmap::Off | Mmap::Shared(_) => file,
            Mmap::Prot(_) => what != Mapped::Reserved,
            Mmap::Flag(flag) => scope.world.flags_of(what).has(flag),
        };
        let why = match what {
            Mapped::Anon => "anonymous memory",
            Mapped::Reserved => "a reserved range",
            Mapped::Shared(_) | Mapped::Private(_) => "a mapping of this file",
        };
        (!meant).then_some(why)
    }
}

fn mmap(cursor: &mut Cursor<'_>, scope: &Scope<'_>, verb: Token<'_>) -> Result<Setup, ParseError> {
    let word = cursor.word("an mm")?;
    let mm = scope.mm(cursor, word)?;
    cursor.demand(",")?;
    let what = cursor.word("a file, `anon` or `reserved`")?;
    let mut what = match what.text {
        "anon" if scope.thing("anon").is_none() => Mapped::Anon,
        "reserved" if scope.thing("reserved").is_none() => Mapped::Reserved,
        _ => Mapped::Private(scope.file(cursor, what)?),
    };
    if scope.world.is_unborn(mm) && what != Mapped::Reserved {
        let message = "the mm does not exist yet: its ranges can only be `reserved`";
        return Err(cursor.error(word, message));
    }
    let (mut at, mut len, mut off, mut shared, mut prot) = (None, None, None, None, None);
    let mut flags = MapFlags::default();
    let words = Mmap::words();
    while cursor.more()? {
        let (argument, word) = cursor.pick("an argument of `mmap`", &words)?;
        if let Some(why) = argument.unmeant(scope, what) {
            let message = format!("`{}` has no meaning for {why}", word.text);
            return Err(cursor.error(word, message));
        }
        let again = match argument {
            Mmap::At => at.replace(extent(cursor, UNITS_MAX, scope.hpn, false)?).is_some(),
            Mmap::Len => len.replace(extent(cursor, UNITS_MAX, scope.hpn, true)?).is_some(),
            Mmap::Off => off.replace(extent(cursor, FILE_UNITS_MAX, scope.hpn, false)?).is_some(),
            Mmap::Shared(value) => shared.replace(value).is_some(),
            Mmap::Prot(value) => prot.replace(value).is_some(),
            Mmap::Flag(flag) => {
                let again = flags.has(flag);
                flags = flags.with(flag);
                again
            }
        };
        if again {
            return Err(twice(cursor, word));
        }
        if flags.has(MapFlags::HUGEPAGE.with(MapFlags::NOHUGEPAGE)) {
            return Err(cursor.error(word, "a vma is `hugepage` or `nohugepage`, not both"));
        }
    }
    let missing = |what: &str| cursor.error_from(verb, format!("`mmap` needs {what}"));
    let at = at.ok_or_else(|| missing("`at=`, where the vma starts"))?;
    let len = len.ok_or_else(|| missing("`len=`, its length"))?;
    if what != Mapped::Reserved && prot.is_none() {
        return Err(missing("`ro`, `rw`, `rx` or `none`"));
    }
    if let Mapped::Private(file) = what {
        match shared {
            Some(true) => what = Mapped::Shared(file),
            Some(false) => {}
            None => return Err(missing("`shared` or `private`")),
        }
    }
    place(cursor, scope, verb, (mm, at, len))?;
    let (off, prot) = (off.unwrap_or(Size::ZERO), prot.unwrap_or_default());
    Ok(Setup::Mmap { mm, what, at, len, off, prot, flags })
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
