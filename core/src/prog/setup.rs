//! A set-up item is a declaration or an operation that happens before the race begins.

use super::limits::FILES_MAX;
use super::op::{Backing, FileKind, FileRef, MapFlags, MmRef, Op, Prot};
use super::size::Size;
use arbitrary::{Arbitrary, Result, Unstructured};
use std::fmt;

/// What a vma maps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mapped {
    /// Anonymous memory.
    #[default]
    Anon,
    /// A file, `MAP_SHARED`.
    Shared(FileRef),
    /// A file, `MAP_PRIVATE`.
    Private(FileRef),
    /// Nothing: the range has a name, so that something can be mapped or moved there. Only a declaration says so.
    Reserved,
}

impl Mapped {
    /// The file, if there is one.
    pub const fn file(self) -> Option<FileRef> {
        match self {
            Mapped::Anon | Mapped::Reserved => None,
            Mapped::Shared(file) | Mapped::Private(file) => Some(file),
        }
    }

    /// What an operation maps, in one byte.
    pub(super) const fn packed(self) -> u8 {
        match self {
            Mapped::Shared(file) => file.0 << 2,
            Mapped::Private(file) => file.0 << 2 | 1,
            Mapped::Anon | Mapped::Reserved => 2,
        }
    }
}

const _: () = assert!(FILES_MAX == 2);

/// What an operation maps: one byte, never [`Mapped::Reserved`].
impl<'a> Arbitrary<'a> for Mapped {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let byte = u8::arbitrary(u)?;
        let file = FileRef(byte >> 2 & 1);
        Ok(match byte & 3 {
            0 => Mapped::Shared(file),
            2 => Mapped::Anon,
            _ => Mapped::Private(file),
        })
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (1, Some(1))
    }
}

/// As an operation writes it.
impl fmt::Display for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mapped::Anon => f.write_str("anon"),
            Mapped::Shared(file) => write!(f, "shared {file}"),
            Mapped::Private(file) => write!(f, "private {file}"),
            Mapped::Reserved => f.write_str("reserved"),
        }
    }
}

/// One item of the set-up. Declarations are numbered per kind, in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Setup {
    /// Declares the next address space.
    Mm {
        /// Whether it does not exist until a `fork` makes it. The first one always exists.
        unborn: bool,
    },
    /// Declares the next file.
    File {
        /// Its length.
        len: Size,
        /// Which filesystem it is of.
        kind: FileKind,
        /// What its page cache holds.
        backing: Backing,
    },
    /// Declares the next vma.
    Mmap {
        /// The address space it lies in.
        mm: MmRef,
        /// What it maps; in an mm that is not born, nothing.
        what: Mapped,
        /// Its start, from the start of the address space.
        at: Size,
        /// Its length.
        len: Size,
        /// Where in the file it starts; zero for anonymous memory.
        off: Size,
        /// What it permits; the default, if nothing is mapped.
        prot: Prot,
        /// What else is true of it.
        flags: MapFlags,
    },
    /// Does an operation, alone on the machine.
    Do(Op),
}
