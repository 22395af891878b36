//! A slot is one argument of an operation, whatever the operation.

use super::address::{At, FileRef, MmRef, Nth, VmaRef};
use super::word::{Access, Advice, GupFlags, GupKind, MremapFlags, Prot, Switch, UffdModes, Word};
use crate::prog::setup::Mapped;
use crate::prog::size::Size;

/// What a size is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `len=`: the length of a range; zero means "to the end of the vma", and is not said.
    Len,
    /// `len=`: the length of a file.
    FileLen,
    /// `off=`: a page of a file; zero is not said.
    Off,
    /// `len=`: the length of a part of a file; zero means "to the end that a file may have", and is not said.
    Span,
    /// Not a size.
    Other,
}

impl Role {
    /// The key under which text gives it.
    pub const fn key(self) -> &'static str {
        if matches!(self, Role::Off) { "off=" } else { "len=" }
    }

    /// What it is, with its article.
    pub const fn what(self) -> &'static str {
        if matches!(self, Role::Off) { "an offset" } else { "a length" }
    }

    /// Whether text must give it.
    pub const fn is_required(self) -> bool {
        matches!(self, Role::FileLen)
    }
}

/// One argument.
pub enum Slot<'a> {
    /// An address.
    At(&'a mut At),
    /// A declared mapping.
    Vma(&'a mut VmaRef),
    /// A declared address space.
    Mm(&'a mut MmRef),
    /// A declared file.
    File(&'a mut FileRef),
    /// What is to be mapped.
    Mapped(&'a mut Mapped),
    /// A number.
    Nth(&'a mut Nth),
    /// A size.
    Size(Role, &'a mut Size),
    /// A word of a few, or several.
    Word(&'a mut dyn Word),
}

impl std::fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Slot::At(at) => at.fmt(f),
            Slot::Vma(vma) => vma.fmt(f),
            Slot::Mm(mm) => mm.fmt(f),
            Slot::File(file) => file.fmt(f),
            Slot::Mapped(what) => what.fmt(f),
            Slot::Nth(nth) => nth.fmt(f),
            Slot::Size(role, size) => write!(f, "{role:?} {size:?}"),
            Slot::Word(word) => word.text().fmt(f),
        }
    }
}

impl Slot<'_> {
    /// Its bytes in a record, and how many they are.
    pub(in crate::prog) fn bytes(&self) -> ([u8; 2], usize) {
        let byte = match self {
            Slot::At(at) => return ([at.vma.0, Size { h: at.h, p: at.p }.packed()], 2),
            Slot::Vma(vma) => vma.0,
            Slot::Mm(mm) => mm.0,
            Slot::File(file) => file.0,
            Slot::Mapped(what) => what.packed(),
            Slot::Nth(nth) => nth.0,
            Slot::Size(_, size) => size.packed(),
            Slot::Word(word) => word.index() as u8,
        };
        ([byte, 0], 1)
    }

    /// Whether text gives it by its place; the others are given by their words, in any order.
    pub const fn is_positional(&self) -> bool {
        !matches!(self, Slot::Size(..) | Slot::Word(_))
    }
}

/// What can be an argument.
pub(super) trait Argument {
    fn slot(&mut self, role: Role) -> Slot<'_>;
}

macro_rules! arguments {
    ($($type:ty, $variant:ident;)*) => { $(
        impl Argument for $type {
            fn slot(&mut self, _: Role) -> Slot<'_> {
                Slot::$variant(self)
            }
        }
    )* };
}

arguments! {
    At, At;
    VmaRef, Vma;
    MmRef, Mm;
    FileRef, File;
    Mapped, Mapped;
    Nth, Nth;
    Advice, Word;
    Access, Word;
    Prot, Word;
    GupKind, Word;
    GupFlags, Word;
    MremapFlags, Word;
    UffdModes, Word;
    Switch, Word;
}

impl Argument for Size {
    fn slot(&mut self, role: Role) -> Slot<'_> {
        Slot::Size(role, self)
    }
}
