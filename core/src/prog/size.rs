//! A size is a number of huge units and a number of base pages, so that it means the same at every HPN.

use super::limits::{LEN_UNITS_MAX, PAGES_MAX, UNITS_MAX};
use arbitrary::{Arbitrary, Result, Unstructured};

/// `h` huge units (HPN base pages each) and `p` base pages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Size {
    /// Huge units.
    pub h: u8,
    /// Base pages on top of them; at most [`PAGES_MAX`].
    pub p: u8,
}

impl Size {
    /// Nothing; as the length of an `madvise` it means "to the end of the vma".
    pub const ZERO: Size = Size { h: 0, p: 0 };

    /// `h` huge units.
    pub const fn huge(h: u8) -> Size {
        Size { h, p: 0 }
    }

    /// `p` base pages.
    pub const fn base(p: u8) -> Size {
        Size { h: 0, p }
    }

    /// The size in base pages, on a machine with `hpn` of them to a huge page.
    pub const fn pages(self, hpn: u16) -> u32 {
        self.h as u32 * hpn as u32 + self.p as u32
    }

    /// Whether this is no size at all.
    pub const fn is_zero(self) -> bool {
        self.h == 0 && self.p == 0
    }

    /// The size in one byte: base pages in the lower three bits.
    pub(super) const fn packed(self) -> u8 {
        self.h << 3 | self.p
    }

    /// The size in a byte; every byte is one.
    pub(super) const fn unpacked(byte: u8) -> Size {
        Size { h: byte >> 3, p: byte & PAGES_MAX }
    }

    /// A page of a file: like [`Size::within`], but below the end.
    pub(super) fn page_within(self, units: u8, hpn: u16) -> Size {
        let (h, p) = (self.h % units, self.p % (PAGES_MAX + 1));
        let size = Size { h, p };
        if size.pages(hpn) < Size::huge(units).pages(hpn) { size } else { Size::huge(h) }
    }

    /// The nearest thing to this size that is at most `units` huge units; itself if it is that already.
    pub(super) fn within(self, units: u8, hpn: u16) -> Size {
        let h = self.h % (units + 1);
        let p = self.p % (PAGES_MAX + 1);
        let size = Size { h, p };
        if size.pages(hpn) <= Size::huge(units).pages(hpn) { size } else { Size::huge(h) }
    }
}

const _: () = assert!(PAGES_MAX == 7 && UNITS_MAX < 1 << 5 && LEN_UNITS_MAX < 1 << 5);

/// The size argument of an operation: one byte.
impl<'a> Arbitrary<'a> for Size {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let Size { h, p } = Size::unpacked(u8::arbitrary(u)?);
        Ok(Size { h: h % (LEN_UNITS_MAX + 1), p })
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (1, Some(1))
    }
}
