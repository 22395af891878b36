//! A world is what a set-up has declared so far: the measure of every reference that follows.

use super::limits::{
    AT_UNITS_MAX, FILE_UNITS_MAX, FILES_MAX, LEN_UNITS_MAX, MMS_MAX, NTH_MAX, PAGES_MAX, UNITS_MAX,
    VMAS_MAX,
};
use super::op::{At, FileKind, FileRef, MapFlags, MmRef, Op, Prot, Role, Slot, VmaRef};
use super::setup::{Mapped, Setup};
use super::size::Size;

/// A declared vma in base pages: `[start, end)` of an address space.
#[derive(Clone, Copy, Default)]
struct Span {
    mm: MmRef,
    start: u32,
    end: u32,
}

/// What has been declared so far.
///
/// Address ranges stay taken when an operation unmaps them: whether it will have done so is for the machine to know.
pub(super) struct World {
    hpn: u16,
    mms: usize,
    files: usize,
    vmas: usize,
    unborn: [bool; MMS_MAX],
    kinds: [FileKind; FILES_MAX],
    spans: [Span; VMAS_MAX],
}

impl World {
    /// Nothing is declared yet.
    pub(super) fn new(hpn: u16) -> World {
        World {
            hpn,
            mms: 0,
            files: 0,
            vmas: 0,
            unborn: [false; MMS_MAX],
            kinds: [FileKind::Shmem; FILES_MAX],
            spans: [Span::default(); VMAS_MAX],
        }
    }

    /// The numbers of address spaces, files and vmas.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.mms, self.files, self.vmas)
    }

    /// The length of a declared vma in base pages.
    pub(super) fn pages(&self, vma: VmaRef) -> u32 {
        let span = self.spans[vma.index()];
        span.end - span.start
    }

    /// Whether an mm does not exist until a fork makes it.
    pub(super) fn is_unborn(&self, mm: MmRef) -> bool {
        self.unborn[mm.index()]
    }

    /// The flags that can be true of a mapping from the start.
    pub(super) fn flags_of(&self, what: Mapped) -> MapFlags {
        let all = MapFlags(u8::MAX);
        let uffd = MapFlags::UFFD_MISSING.with(MapFlags::UFFD_WP).with(MapFlags::UFFD_MINOR);
        match what {
            Mapped::Reserved => MapFlags::default(),
            Mapped::Anon => all.without(MapFlags::UFFD_MINOR),
            Mapped::Shared(file) | Mapped::Private(file) => match self.kinds[file.index()] {
                FileKind::Shmem => all.without(MapFlags::WIPEONFORK),
                FileKind::Regular => all.without(MapFlags::WIPEONFORK).without(uffd),
            },
        }
    }

    /// Takes note of a well-formed item.
    pub(super) fn declare(&mut self, item: &Setup) {
        match *item {
            Setup::Mm { unborn } => {
                self.unborn[self.mms] = unborn;
                self.mms += 1;
            }
            Setup::File { kind, .. } => {
                self.kinds[self.files] = kind;
                self.files += 1;
            }
            Setup::Mmap { mm, at, len, .. } => {
                let start = at.pages(self.hpn);
                self.spans[self.vmas] = Span { mm, start, end: start + len.pages(self.hpn) };
                self.vmas += 1;
            }
            Setup::Do(_) => {}
        }
    }

    /// The first declared vma that a range of an address space would overlap.
    pub(super) fn overlap(&self, mm: MmRef, at: Size, len: Size) -> Option<VmaRef> {
        let (start, end) = (at.pages(self.hpn), at.pages(self.hpn) + len.pages(self.hpn));
        let taken = |span: &Span| span.mm == mm && span.start < end && start < span.end;
        let vma = self.spans[..self.vmas].iter().position(taken)?;
        Some(VmaRef(vma as u8))
    }

    /// Bends an item until it is well-formed; false if there is no room for it.
    pub(super) fn bend(&self, item: &mut Setup) -> bool {
        match item {
            Setup::Mm { unborn } => {
                *unborn &= self.mms > 0;
                self.mms < MMS_MAX
            }
            Setup::File { len, .. } => {
                *len = self.length(*len, FILE_UNITS_MAX);
                self.files < FILES_MAX
            }
            Setup::Mmap { mm, what, at, len, off, prot, flags } => {
                if self.vmas == VMAS_MAX || self.mms == 0 {
                    return false;
                }
                mm.0 %= self.mms as u8;
                *what = self.mapped(*what);
                if self.is_unborn(*mm) {
                    *what = Mapped::Reserved;
                }
                *off = match what.file() {
                    None => Size::ZERO,
                    Some(_) => off.within(FILE_UNITS_MAX, self.hpn),
                };
                if *what == Mapped::Reserved {
                    *prot = Prot::default();
                }
                *flags = MapFlags(flags.0 & self.flags_of(*what).0);
                if flags.has(MapFlags::HUGEPAGE) {
                    *flags = flags.without(MapFlags::NOHUGEPAGE);
                }
                *len = self.length(*len, UNITS_MAX);
                match self.room(*mm, *at, *len) {
                    Some(free) => *at = free,
                    None => return false,
                }
                true
            }
            Setup::Do(op) => {
                self.bend_op(op);
                true
            }
        }
    }

    /// Bends an operation until it refers to what there is; one that can refer to nothing becomes the harmless
    /// [`Op::RcuGp`], so that the numbers of the operations after it stay.
    pub(super) fn bend_op(&self, op: &mut Op) {
        let (mms, files, vmas) = self.counts();
        let mut missing = false;
        op.visit(&mut |slot| match slot {
            Slot::At(at) if vmas > 0 => *at = self.inside(*at),
            Slot::Vma(vma) if vmas > 0 => vma.0 %= vmas as u8,
            Slot::Mm(mm) if mms > 0 => mm.0 %= mms as u8,
            Slot::File(file) if files > 0 => file.0 %= files as u8,
            Slot::At(_) | Slot::Vma(_) | Slot::Mm(_) | Slot::File(_) => missing = true,
            Slot::Mapped(what) if *what == Mapped::Reserved => *what = Mapped::Anon,
            Slot::Mapped(what) => *what = self.mapped(*what),
            Slot::Nth(nth) => nth.0 %= NTH_MAX + 1,
            Slot::Size(Role::FileLen | Role::Span, size) => {
                *size = size.within(FILE_UNITS_MAX, self.hpn);
            }
            Slot::Size(Role::Off, size) => *size = size.page_within(FILE_UNITS_MAX, self.hpn),
            Slot::Size(_, size) => {
                size.h %= LEN_UNITS_MAX + 1;
                size.p %= PAGES_MAX + 1;
            }
            Slot::Word(word) => word.set(word.index()),
        });
        if missing {
            *op = Op::RcuGp;
        }
        self.bend_pair(op);
    }

    /// Bends arguments that must go with one another.
    fn bend_pair(&self, op: &mut Op) {
        match op {
            Op::Map { what: Mapped::Anon, off, .. } => *off = Size::ZERO,
            Op::Mremap { at, to, .. } => {
                let own = |vma: &u8| self.spans[usize::from(*vma)].mm == self.mm_of(at.vma);
                let mut vmas = (0..self.vmas as u8).cycle().skip(to.index());
                to.0 = vmas.find(own).unwrap_or(at.vma.0);
            }
            Op::Fork { parent, child } => {
                let unborn = |mm: &u8| self.is_unborn(MmRef(*mm));
                let mut mms = (0..self.mms as u8).cycle().skip(child.index()).take(self.mms);
                match mms.find(unborn) {
                    Some(mm) => child.0 = mm,
                    None => return *op = Op::RcuGp,
                }
                if parent == child {
                    *parent = MmRef(0);
                }
            }
            _ => {}
        }
    }

    /// What is wrong with the arguments of an operation, each of which is right by itself.
    pub(super) fn objection(&self, op: &Op) -> Option<String> {
        match *op {
            Op::Map { what: Mapped::Anon, off, .. } if !off.is_zero() => {
                Some("`off` has no meaning for anonymous memory".to_owned())
            }
            Op::Mremap { at, to, .. } if self.mm_of(at.vma) != self.mm_of(to) => {
                let (from, to) = (self.mm_of(at.vma), self.mm_of(to));
                Some(format!("`mremap` moves within one mm, not from {from} to {to}"))
            }
            Op::Fork { child, .. } if !self.is_unborn(child) => {
                Some(format!("`fork` makes an mm that is declared by `mm(unborn)`; {child} is not"))
            }
            Op::Fork { parent, child } if parent == child => {
                Some("an mm cannot be its own parent".to_owned())
            }
            _ => None,
        }
    }

    fn mm_of(&self, vma: VmaRef) -> MmRef {
        self.spans[vma.index()].mm
    }

    /// An address inside a declared vma; the same one if it is inside already.
    fn inside(&self, at: At) -> At {
        let vma = VmaRef(at.vma.0 % self.vmas as u8);
        let (h, p) = (at.h % (AT_UNITS_MAX + 1), at.p % (PAGES_MAX + 1));
        let at = At { vma, h, p };
        let (page, pages) = (at.page(self.hpn), self.pages(vma));
        if page < pages {
            return at;
        }
        let page = page % pages;
        let h = (page / u32::from(self.hpn)).min(u32::from(AT_UNITS_MAX));
        let p = (page - h * u32::from(self.hpn)).min(u32::from(PAGES_MAX));
        At { vma, h: h as u8, p: p as u8 }
    }

    fn mapped(&self, what: Mapped) -> Mapped {
        let known = |file: FileRef| FileRef(file.0 % self.files as u8);
        match what {
            Mapped::Shared(file) if self.files > 0 => Mapped::Shared(known(file)),
            Mapped::Private(file) if self.files > 0 => Mapped::Private(known(file)),
            Mapped::Reserved => Mapped::Reserved,
            _ => Mapped::Anon,
        }
    }

    /// A length of at least one page; nothing becomes one huge unit.
    fn length(&self, len: Size, units: u8) -> Size {
        let len = len.within(units, self.hpn);
        if len.is_zero() { Size::huge(1) } else { len }
    }

    /// The first free place at or after `at`, wrapping around; first at the same page of a unit, then at its start.
    fn room(&self, mm: MmRef, at: Size, len: Size) -> Option<Size> {
        let end = Size::huge(UNITS_MAX).pages(self.hpn);
        let fits = |at: Size| {
            at.pages(self.hpn) + len.pages(self.hpn) <= end && self.overlap(mm, at, len).is_none()
        };
        let places =
            |p: u8| (0..UNITS_MAX).map(move |d| Size { h: (at.h % UNITS_MAX + d) % UNITS_MAX, p });
        places(at.p % (PAGES_MAX + 1)).chain(places(0)).find(|&at| fits(at))
    }
}
