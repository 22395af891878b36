//! A slot is one argument of an operation, whatever the operation.

use super::address::{At, FileRef, MmRef, VmaRef};
use super::word::{Access, Advice, Word};
use crate::prog::size::Size;

/// What a size is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `len=`: the length of a range; zero means "to the end of the vma", and is not said.
    Len,
    /// `len=`: the length of a file.
    FileLen,
    /// Not a size.
    Other,
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
    /// A size.
    Size(Role, &'a mut Size),
    /// A word of a few.
    Word(&'a mut dyn Word),
}

impl std::fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Slot::At(at) => at.fmt(f),
            Slot::Vma(vma) => vma.fmt(f),
            Slot::Mm(mm) => mm.fmt(f),
            Slot::File(file) => file.fmt(f),
            Slot::Size(role, size) => write!(f, "{role:?} {size:?}"),
            Slot::Word(word) => word.words()[word.index()].fmt(f),
        }
    }
}

impl Slot<'_> {
    /// How many bytes it has in a record.
    pub const fn bytes(&self) -> usize {
        match self {
            Slot::At(_) => 3,
            Slot::Size(..) => 2,
            Slot::Vma(_) | Slot::Mm(_) | Slot::File(_) | Slot::Word(_) => 1,
        }
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
    Advice, Word;
    Access, Word;
}

impl Argument for Size {
    fn slot(&mut self, role: Role) -> Slot<'_> {
        Slot::Size(role, self)
    }
}
