//! What an operation is about: the names of what the set-up declares, and addresses.

use crate::prog::limits::{AT_UNITS_MAX, FILES_MAX, MMS_MAX, NTH_MAX, VMAS_MAX};
use crate::prog::size::Size;
use arbitrary::{Arbitrary, Result, Unstructured};
use std::fmt;

macro_rules! references {
    ($($(#[$doc:meta])* $name:ident = $letter:literal % $bound:expr;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
        pub struct $name(pub u8);

        impl $name {
            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        /// The canonical name of what is meant.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                Ok($name(u8::arbitrary(u)? % $bound as u8))
            }

            fn size_hint(_depth: usize) -> (usize, Option<usize>) {
                (1, Some(1))
            }
        }
    )* };
}

references! {
    /// The n-th address space that the set-up declares.
    MmRef = "m" % MMS_MAX;
    /// The n-th file that the set-up declares.
    FileRef = "f" % FILES_MAX;
    /// The n-th mapping that the set-up declares.
    VmaRef = "v" % VMAS_MAX;
    /// The n-th allocation from now on, counted from 0.
    Nth = "" % (NTH_MAX + 1);
}

/// An address: the start of a vma, `h` huge units and `p` base pages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct At {
    /// The mapping the address lies in.
    pub vma: VmaRef,
    /// Huge units beyond its start; at most [`AT_UNITS_MAX`].
    pub h: u8,
    /// Base pages beyond that; at most [`PAGES_MAX`](crate::prog::limits::PAGES_MAX).
    pub p: u8,
}

impl At {
    /// The start of `vma`.
    pub const fn start(vma: VmaRef) -> At {
        At { vma, h: 0, p: 0 }
    }

    /// The distance from the start of the vma in base pages.
    pub const fn page(self, hpn: u16) -> u32 {
        Size { h: self.h, p: self.p }.pages(hpn)
    }
}

/// Two bytes: the vma, and the distance from its start as a [`Size`].
impl<'a> Arbitrary<'a> for At {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let vma = VmaRef::arbitrary(u)?;
        let Size { h, p } = Size::unpacked(u8::arbitrary(u)?);
        Ok(At { vma, h: h % (AT_UNITS_MAX + 1), p })
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (2, Some(2))
    }
}
