//! The layout: where a program's vmas were declared. An operation means an address, not whatever vma was there first.

use crate::mm::{MmId, Vaddr};
use crate::prog::{At, MmRef, Program, Setup, Size, VmaRef, limits};

/// A range of an address space.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Range {
    /// Whose address space.
    pub(super) mm: MmId,
    /// The first page.
    pub(super) start: Vaddr,
    /// The page behind the last.
    pub(super) end: Vaddr,
}

impl Range {
    /// Length in base pages.
    pub(super) fn pages(&self) -> u32 {
        self.end.0 - self.start.0
    }
}

/// The declared ranges of a program, on a machine of a certain HPN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    hpn: u16,
    vmas: [Range; limits::VMAS_MAX],
}

impl Layout {
    /// The ranges that a program declares.
    pub(super) fn of(program: &Program, hpn: u16) -> Layout {
        let mut layout = Layout { hpn, vmas: [Range::default(); limits::VMAS_MAX] };
        let mut vmas = layout.vmas.iter_mut();
        for item in &program.setup {
            if let Setup::Mmap { mm, at, len, .. } = item
                && let Some(vma) = vmas.next()
            {
                let start = Vaddr(at.pages(hpn));
                *vma = Range { mm: MmId(mm.0), start, end: Vaddr(start.0 + len.pages(hpn)) };
            }
        }
        layout
    }

    /// Where a vma was declared.
    pub(super) fn vma(&self, vma: VmaRef) -> Range {
        self.vmas[vma.index() % limits::VMAS_MAX]
    }

    /// The page of an address.
    pub(super) fn page(&self, at: At) -> (MmId, Vaddr) {
        let vma = self.vma(at.vma);
        (vma.mm, Vaddr(vma.start.0 + at.page(self.hpn)))
    }

    /// The range from an address on, within its vma; to the vma's end without a length.
    pub(super) fn range(&self, at: At, len: Size) -> Range {
        let vma = self.vma(at.vma);
        let start = (vma.start.0 + at.page(self.hpn)).min(vma.end.0);
        let wanted = if len.is_zero() { u32::MAX } else { start + len.pages(self.hpn) };
        Range { start: Vaddr(start), end: Vaddr(wanted.min(vma.end.0)), ..vma }
    }

    /// From where to where `mremap` moves a range: as much of it as fits into the declared range `to`.
    pub(super) fn moved(&self, at: At, to: VmaRef, len: Size) -> (Range, Range) {
        let (from, to) = (self.range(at, len), self.vma(to));
        let pages = from.pages().min(to.pages());
        let first = |range: Range| Range { end: Vaddr(range.start.0 + pages), ..range };
        (first(from), first(to))
    }

    /// A whole address space.
    pub(super) fn all(&self, mm: MmRef) -> Range {
        let end = Vaddr(Size::huge(limits::UNITS_MAX).pages(self.hpn));
        Range { mm: MmId(mm.0), start: Vaddr(0), end }
    }

    /// A part of a file, as its first page and the one behind the last; without a length to the end that a file may
    /// have.
    pub(super) fn part(&self, off: Size, len: Size) -> (u32, u32) {
        let (start, most) =
            (off.pages(self.hpn), Size::huge(limits::FILE_UNITS_MAX).pages(self.hpn));
        let wanted = if len.is_zero() { most } else { start + len.pages(self.hpn) };
        (start, wanted.min(most))
    }

    /// A length in pages.
    pub(super) fn pages(&self, len: Size) -> u32 {
        len.pages(self.hpn)
    }
}
