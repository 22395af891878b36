//! An operation is a verb and its arguments, which name what the set-up has declared.

use super::cursor::Cursor;
use super::error::ParseError;
use super::lexer::Token;
use super::quantity::{at, extent, range};
use crate::prog::limits::FILE_UNITS_MAX;
use crate::prog::op::{Advice, FileRef, MmRef, Op, VmaRef};
use crate::prog::size::Size;
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
    cursor.demand("(")?;
    let op = match verb.text {
        "read" => Op::Read { at: at(cursor, scope)? },
        "write" => Op::Write { at: at(cursor, scope)? },
        "madvise" => return madvise(cursor, scope),
        "munmap" => Op::Munmap { vma: vma(cursor, scope)? },
        "truncate" => {
            let word = cursor.word("a file")?;
            let file = scope.file(cursor, word)?;
            cursor.demand(",")?;
            cursor.pick("an argument of `truncate`", &[((), "len=")])?;
            Op::Truncate { file, len: extent(cursor, FILE_UNITS_MAX, scope.hpn, false)? }
        }
        "swapout" => Op::Swapout { at: at(cursor, scope)? },
        "migrate" => Op::Migrate { at: at(cursor, scope)? },
        "khugepaged" => Op::Khugepaged { vma: vma(cursor, scope)? },
        "uprobe" => Op::Uprobe { at: at(cursor, scope)? },
        "kvm_fault" => {
            let at = at(cursor, scope)?;
            let write = if cursor.eat(",") {
                cursor.pick("a kind of access", &[(false, "read"), (true, "write")])?.0
            } else {
                false
            };
            Op::KvmFault { at, write }
        }
        "tlb_fill" => Op::TlbFill { at: at(cursor, scope)? },
        "tlb_evict" => Op::TlbEvict { at: at(cursor, scope)? },
        "rcu_gp" => Op::RcuGp,
        // The only verb that is left: pte_alloc.
        _ => Op::PteAlloc { at: at(cursor, scope)? },
    };
    cursor.demand(")")?;
    Ok(op)
}

fn vma(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<VmaRef, ParseError> {
    let word = cursor.word("a vma")?;
    scope.vma(cursor, word)
}

fn madvise(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Op, ParseError> {
    const ARGUMENTS: [(Option<Advice>, &str); 5] = [
        (None, "len="),
        (Some(Advice::ALL[0].0), Advice::ALL[0].1),
        (Some(Advice::ALL[1].0), Advice::ALL[1].1),
        (Some(Advice::ALL[2].0), Advice::ALL[2].1),
        (Some(Advice::ALL[3].0), Advice::ALL[3].1),
    ];
    let at = at(cursor, scope)?;
    let (mut len, mut advice) = (None, None);
    while cursor.more()? {
        let (argument, word) = cursor.pick("an argument of `madvise`", &ARGUMENTS)?;
        let again = match argument {
            None => len.replace(range(cursor)?).is_some(),
            Some(argument) => advice.replace(argument).is_some(),
        };
        if again {
            let what = if argument.is_none() { "length" } else { "advice" };
            return Err(cursor.error(word, format!("this is the second {what} of one `madvise`")));
        }
    }
    let Some(advice) = advice else {
        let names = Advice::ALL.map(|(_, name)| name);
        return Err(cursor.missing("an advice in `madvise`").expecting(names));
    };
    Ok(Op::Madvise { at, len: len.unwrap_or(Size::ZERO), advice })
}
