//! `tools/testing/selftests/mm/khugepaged.c`: each test with khugepaged and with MADV_COLLAPSE, for anonymous memory, text of
//! a regular file, and shared memory.

use racewalk::mm::khugepaged::Errno;
use racewalk::mm::{Config, FlagAdvice, MaxPtes, ThpEnabled, VmFlags};

use super::program::{FILE, HPN, Program, RW, SHARED, run_with};

/// Who collapses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Context {
    /// khugepaged, which respects limits.
    Khugepaged,
    /// MADV_COLLAPSE, which respects nothing, not even that sysfs says never.
    Madvise,
}

/// What is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Private anonymous memory.
    Anon,
    /// Text of a regular file, not open for writing.
    File,
    /// A memfd, mapped shared.
    Shmem,
}

use Context::{Khugepaged, Madvise};
use Kind::{Anon, File, Shmem};

pub(super) const BOTH: [Context; 2] = [Khugepaged, Madvise];
const ALL: [Kind; 3] = [Anon, File, Shmem];
pub(super) const UNIT: u32 = 1;
pub(super) const PAGE: u32 = UNIT * HPN;

/// The text of a file: this, and the page that it is mapped to.
const TEXT: u64 = 0x7e87_0000;

/// A program in a context.
#[derive(Clone, Copy)]
pub(super) struct Test<'a> {
    pub(super) p: Program<'a>,
    pub(super) context: Context,
    pub(super) kind: Kind,
    pub(super) units: u32,
}

/// The settings that the selftest pushes.
pub(super) fn settings(context: Context) -> Config {
    let thp = if context == Madvise { ThpEnabled::Never } else { ThpEnabled::Madvise };
    Config { thp, fault_around: false, ..Config::default() }
}

#[track_caller]
pub(super) fn each(contexts: &[Context], kinds: &[Kind], units: u32, test: impl Fn(Test<'_>)) {
    for &context in contexts {
        for &kind in kinds {
            with(settings(context), (context, kind), units, &test);
        }
    }
}

#[track_caller]
pub(super) fn with(
    config: Config,
    (context, kind): (Context, Kind),
    units: u32,
    test: impl Fn(Test<'_>),
) {
    run_with(
        config,
        |kernel| {
            let file = &mut kernel.files[FILE.0 as usize];
            file.regular = kind == File;
            // Somebody has filled it: with what a program at the addresses would have written.
            (PAGE..).zip(&file.disk).for_each(|(page, word)| word.poke(TEXT + u64::from(page)));
        },
        |p| {
            p.k.mapping(FILE).i_size.poke(u64::from(units * HPN));
            let (file, flags) = match kind {
                Anon => (None, RW),
                File => (Some(0), VmFlags::READ.with(VmFlags::EXEC)),
                Shmem => (Some(0), SHARED),
            };
            p.mmap(UNIT, units, file, flags);
            test(Test { p, context, kind, units });
        },
    );
}

impl Test<'_> {
    /// `ops->fault`: writes, or reads of what is read-only.
    #[track_caller]
    pub(super) fn fault(self, start: u32, pages: u32) {
        match self.kind {
            File => {
                let start = racewalk::mm::Vaddr(PAGE + start);
                let errno = self.p.k.madvise_populate(self.p.cpu, self.p.mm, start, pages, false);
                assert_eq!(errno, Errno::Ok);
            }
            _ => self.p.write(PAGE + start, pages),
        }
    }

    #[track_caller]
    fn validate(self, start: u32, pages: u32) {
        if self.kind != File {
            return self.p.has_kept(PAGE + start, pages);
        }
        for page in PAGE + start..PAGE + start + pages {
            assert_eq!(self.p.load(page), Some(TEXT + u64::from(page)), "page {page}");
        }
    }

    /// `collapse`: and whether it is huge afterwards.
    #[track_caller]
    pub(super) fn collapse(self, units: u32, expected: bool) {
        let (p, pages) = (self.p, units * HPN);
        p.drain();
        match self.context {
            Khugepaged => {
                p.advise(PAGE, pages, FlagAdvice::Hugepage);
                (0..2).for_each(|_| p.khugepaged(UNIT, units));
                if expected && self.kind != Anon {
                    // It has left the mapping to the next fault.
                    self.fault(0, pages);
                }
            }
            Madvise => {
                p.advise(PAGE, pages, FlagAdvice::Hugepage);
                let first = p.collapse(PAGE, pages);
                let errno = if first == Errno::Eagain { p.collapse(PAGE, pages) } else { first };
                assert_eq!(errno == Errno::Ok, expected, "{:?} {errno:?}", self.kind);
            }
        }
        let huge = if expected { u64::from(units) } else { 0 };
        let (context, kind) = (self.context, self.kind);
        assert_eq!(p.huge(UNIT, units), huge, "{context:?} {kind:?} {}", p.seen(UNIT));
        if self.context == Khugepaged {
            p.advise(PAGE, pages, FlagAdvice::Nohugepage);
        }
    }

    /// `alloc_hpage`: a huge page, by MADV_COLLAPSE whatever the context.
    #[track_caller]
    pub(super) fn alloc_hpage(self) {
        self.fault(0, HPN);
        self.p.drain();
        assert_eq!(self.p.collapse(PAGE, HPN), Errno::Ok);
        assert_eq!(self.p.huge(UNIT, 1), 1);
    }
}

#[test]
pub(super) fn alloc_at_fault() {
    let always = Config { thp: ThpEnabled::Always, ..settings(Khugepaged) };
    with(always, (Khugepaged, Anon), 1, |t| {
        t.fault(0, 1);
        assert_eq!(t.p.seen(UNIT), "anon 512 tables 1; huge anon; incore 512");
        t.p.dontneed(PAGE, 1);
        assert_eq!(t.p.seen(UNIT), "anon 511 tables 1; 1 none, 511 anon of thp; incore 511");
        assert_eq!(t.p.huge(UNIT, 1), 0);
    });
}

#[test]
pub(super) fn collapse_full() {
    each(&BOTH, &ALL, 4, |t| {
        t.fault(0, t.units * HPN);
        t.collapse(t.units, true);
        t.validate(0, t.units * HPN);
    });
}

#[test]
pub(super) fn collapse_empty() {
    each(&BOTH, &[Anon], 1, |t| {
        t.collapse(1, false);
        assert_eq!(t.p.seen(UNIT), "; none; incore 0");
    });
}

#[test]
pub(super) fn collapse_single_pte_entry() {
    each(&BOTH, &ALL, 1, |t| {
        t.fault(0, 1);
        t.collapse(1, true);
        t.validate(0, 1);
    });
}

#[test]
pub(super) fn collapse_max_ptes_none() {
    for context in BOTH {
        for kind in [Anon, File] {
            let config = Config { max_ptes_none: MaxPtes::Half, ..settings(context) };
            with(config, (context, kind), 1, |t| {
                t.fault(0, HPN / 2 - 1);
                t.collapse(1, context == Madvise);
                t.validate(0, HPN / 2 - 1);
                if context == Khugepaged {
                    t.fault(0, HPN / 2);
                    t.collapse(1, true);
                    t.validate(0, HPN / 2);
                }
            });
        }
    }
}

#[test]
pub(super) fn collapse_single_pte_entry_compound() {
    each(&BOTH, &[Anon, File], 1, |t| {
        t.alloc_hpage();
        t.p.advise(PAGE, HPN, FlagAdvice::Nohugepage);
        t.p.dontneed(PAGE + 1, HPN - 1);
        assert_eq!(t.p.huge(UNIT, 1), 0);
        t.collapse(1, true);
        t.validate(0, 1);
    });
}

#[test]
pub(super) fn collapse_full_of_compound() {
    each(&BOTH, &ALL, 1, |t| {
        t.alloc_hpage();
        // The VMA is split in the middle of the huge page, and merged again.
        t.p.advise(PAGE, HPN / 2, FlagAdvice::Nohugepage);
        assert_eq!(t.p.huge(UNIT, 1), 0);
        t.p.advise(PAGE, HPN, FlagAdvice::Nohugepage);
        t.fault(0, HPN);
        t.collapse(1, true);
        t.validate(0, HPN);
    });
}

#[test]
pub(super) fn collapse_swapin_single_pte() {
    each(&BOTH, &[Anon], 1, |t| {
        t.fault(0, HPN);
        t.p.pageout(PAGE + 5, 1);
        assert_eq!(
            t.p.seen(UNIT),
            "anon 511 swap 1 tables 1; 5 anon, 1 swap, 506 anon; incore 511"
        );
        t.collapse(1, true);
        assert_eq!(t.p.seen(UNIT), "anon 512 tables 1; huge anon; incore 512");
        t.validate(0, HPN);
    });
}

#[test]
pub(super) fn collapse_max_ptes_swap() {
    each(&BOTH, &[Anon], 1, |t| {
        t.fault(0, HPN);
        t.p.pageout(PAGE, HPN / 8 + 1);
        t.collapse(1, t.context == Madvise);
        t.validate(0, HPN);
        if t.context == Khugepaged {
            t.p.pageout(PAGE, HPN / 8);
            t.collapse(1, true);
            t.validate(0, HPN);
        }
    });
}

#[test]
pub(super) fn madvise_collapse_existing_thps() {
    each(&[Madvise], &ALL, 1, |t| {
        t.fault(0, HPN);
        t.collapse(1, true);
        t.validate(0, HPN);
        t.collapse(1, true);
        t.validate(0, HPN);
    });
}

#[test]
pub(super) fn madvise_retracted_page_tables() {
    for kind in [File, Shmem] {
        with(settings(Khugepaged), (Khugepaged, kind), 1, |t| {
            t.fault(0, HPN);
            t.p.drain();
            t.p.advise(PAGE, HPN, FlagAdvice::Hugepage);
            t.p.khugepaged(UNIT, 1);
            assert_eq!(t.p.seen(UNIT), "; none; incore 512");
            Test { context: Madvise, ..t }.collapse(1, true);
            t.validate(0, HPN);
        });
    }
}
