//! A set-up item is a declaration or an operation that happens before the race begins.

use super::op::{FileRef, MmRef, Op};
use super::size::Size;

/// What the page cache of a new file holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Backing {
    /// Huge folios.
    Huge,
    /// Order-0 folios.
    Small,
    /// Nothing: every page is a hole.
    Empty,
}

impl Backing {
    /// Every backing with its name in program text; the byte form counts in this order.
    pub const ALL: [(Backing, &'static str); 3] =
        [(Backing::Huge, "huge"), (Backing::Small, "small"), (Backing::Empty, "empty")];

    /// The name in program text.
    pub const fn name(self) -> &'static str {
        Backing::ALL[self as usize].1
    }
}

/// What a vma maps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mapped {
    /// Anonymous memory.
    Anon,
    /// A file, `MAP_SHARED`.
    Shared(FileRef),
    /// A file, `MAP_PRIVATE`.
    Private(FileRef),
}

impl Mapped {
    /// The file, if there is one.
    pub const fn file(self) -> Option<FileRef> {
        match self {
            Mapped::Anon => None,
            Mapped::Shared(file) | Mapped::Private(file) => Some(file),
        }
    }
}

/// What a vma permits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Prot {
    /// `PROT_READ`.
    Ro,
    /// `PROT_READ | PROT_WRITE`.
    Rw,
}

impl Prot {
    /// The name in program text.
    pub const fn name(self) -> &'static str {
        match self {
            Prot::Ro => "ro",
            Prot::Rw => "rw",
        }
    }
}

/// One item of the set-up. Declarations are numbered per kind, in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Setup {
    /// Declares the next address space.
    Mm,
    /// Declares the next file.
    File {
        /// Its length.
        len: Size,
        /// What its page cache holds.
        backing: Backing,
    },
    /// Declares the next vma.
    Mmap {
        /// The address space it lies in.
        mm: MmRef,
        /// What it maps.
        what: Mapped,
        /// Its start, from the start of the address space.
        at: Size,
        /// Its length.
        len: Size,
        /// Where in the file it starts; zero for anonymous memory.
        off: Size,
        /// What it permits.
        prot: Prot,
    },
    /// Does an operation, alone on the machine.
    Do(Op),
}
