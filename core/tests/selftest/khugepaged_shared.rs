//! `tools/testing/selftests/mm/khugepaged.c`: the tests with pages that a child shares, and with a table full of pieces of
//! other huge pages.

use racewalk::Era;
use racewalk::mm::khugepaged::Errno;
use racewalk::mm::{Config, FlagAdvice, Kernel, MaxPtes};

use super::khugepaged::Context::{self, Khugepaged, Madvise};
use super::khugepaged::Kind::Anon;
use super::khugepaged::{BOTH, PAGE, Test, UNIT, each, settings, with};
use super::program::{HPN, Program, RW, run_on};

impl<'a> Test<'a> {
    fn fork(self) -> Test<'a> {
        Test { p: self.p.fork(), ..self }
    }
}

#[test]
pub(super) fn collapse_fork() {
    each(&BOTH, &[Anon], 1, |t| {
        t.fault(0, 1);
        let child = t.fork();
        assert_eq!(child.p.huge(UNIT, 1), 0);
        child.fault(1, 1);
        child.collapse(1, true);
        assert_eq!(child.p.seen(UNIT), "anon 512 tables 1; huge anon; incore 512");
        child.p.has_of(t.p, PAGE, 1);
        child.p.has_kept(PAGE + 1, 1);
        child.p.exit();
        assert_eq!(t.p.seen(UNIT), "anon 1 tables 1; 1 anon, 511 none; incore 1");
        t.p.has_kept(PAGE, 1);
    });
}

/// What the parent of a child that has collapsed has: the huge page that it had before.
#[track_caller]
fn still_huge(t: Test<'_>) {
    assert_eq!(t.p.seen(UNIT), "anon 512 tables 1; huge anon; incore 512");
    assert_eq!(t.p.huge(UNIT, 1), 1);
    t.p.has_kept(PAGE, HPN);
}

#[test]
pub(super) fn collapse_fork_compound() {
    for context in BOTH {
        let config = Config { max_ptes_shared: MaxPtes::All, ..settings(context) };
        with(config, (context, Anon), 1, |t| {
            t.alloc_hpage();
            let child = t.fork();
            assert_eq!(child.p.huge(UNIT, 1), 1);
            // Half a huge page is none: the child has a table from now on.
            child.p.advise(PAGE, 1, FlagAdvice::Nohugepage);
            child.p.advise(PAGE, HPN, FlagAdvice::Nohugepage);
            assert_eq!(child.p.seen(UNIT), "anon 512 tables 1; 512 anon of thp; incore 512");
            child.fault(0, 1);
            child.collapse(1, true);
            assert_eq!(child.p.seen(UNIT), "anon 512 tables 1; huge anon; incore 512");
            child.p.has_kept(PAGE, 1);
            child.p.has_of(t.p, PAGE + 1, HPN - 1);
            child.p.exit();
            still_huge(t);
        });
    }
}

#[test]
pub(super) fn collapse_max_ptes_shared() {
    each(&BOTH, &[Anon], 1, |t| {
        let most = HPN / 2;
        t.alloc_hpage();
        let child = t.fork();
        assert_eq!(child.p.huge(UNIT, 1), 1);
        child.fault(0, HPN - most - 1);
        let copied = "anon 512 tables 1; 255 anon, 257 anon of thp; incore 512";
        assert_eq!(child.p.seen(UNIT), copied);
        child.collapse(1, t.context == Madvise);
        if t.context == Khugepaged {
            child.fault(HPN - most - 1, 1);
            child.collapse(1, true);
        }
        let own = if t.context == Khugepaged { HPN - most } else { HPN - most - 1 };
        child.p.has_kept(PAGE, own);
        child.p.has_of(t.p, PAGE + own, HPN - own);
        child.p.exit();
        still_huge(t);
    });
}

/// A table full of pieces of as many huge pages, which have come there by mremap().
///
/// The original has as many huge pages as the table has entries: so has this with tables of 4 entries. With 512 entries
/// it takes as many as there are on the machine besides the one that the collapse allocates. And where the original grows
/// a mapping by mremap(), this one is put where a new mapping is merged with it, and moved on.
#[track_caller]
fn compound_extreme(hpn: u32, compounds: u32, context: Context) {
    let kernel = Kernel::new(hpn, settings(context), Era::V66.steps());
    run_on(kernel, |_| {}, |p| construct(p, compounds, context));
}

fn construct(p: Program<'_>, compounds: u32, context: Context) {
    let hpn = p.k.hpn;
    let (base, far) = (2 * hpn, 4 * hpn);
    let moves = |from, pages, to| {
        assert_eq!(p.mremap(from, pages, far, false), Errno::Ok);
        assert_eq!(p.mremap(far, pages, to, false), Errno::Ok);
    };
    // Which pages of the table are of the same huge page.
    let pieces = (0..compounds).map(|i| (i * hpn / compounds, (i + 1) * hpn / compounds));
    for (before, kept) in pieces.clone() {
        p.mmap_pages(base + before, hpn, None, RW);
        moves(base, before + hpn, base - before);
        p.write(base, hpn);
        p.drain();
        assert_eq!(p.collapse(base, hpn), Errno::Ok, "{}", p.seen(2));
        assert_eq!(p.huge(2, 1), 1);
        // Its first pages stay, and follow those of the others.
        let rest = hpn - (kept - before);
        p.munmap(base + hpn - rest, rest);
        moves(base - before, kept, base);
    }
    assert_eq!(p.mremap(base, hpn, far, false), Errno::Ok);
    let heads = || {
        let mut heads: Vec<_> =
            (far..far + hpn).map(|page| p.k.folios.of(p.frame(page).0)).collect();
        heads.dedup();
        heads.len()
    };
    let moved = || {
        for (before, kept) in pieces.clone() {
            p.has_moved(p, base, far + before, kept - before);
        }
    };
    assert_eq!((heads(), p.huge(4, 1)), (compounds as usize, 0));
    assert!((far..far + hpn).all(|page| p.frame(page).1), "pieces of huge pages only");
    moved();
    collapse_one(p, context, far);
    assert_eq!((heads(), p.huge(4, 1)), (1, 1), "{}", p.seen(4));
    moved();
    p.write(far, hpn);
    p.has_kept(far, hpn);
}

fn collapse_one(p: Program<'_>, context: Context, start: u32) {
    let hpn = p.k.hpn;
    p.drain();
    p.advise(start, hpn, FlagAdvice::Hugepage);
    match context {
        Khugepaged => p.khugepaged(start / hpn, 1),
        Madvise => assert_eq!(p.collapse(start, hpn), Errno::Ok),
    }
}

#[test]
pub(super) fn collapse_compound_extreme() {
    for context in BOTH {
        compound_extreme(4, 4, context);
        compound_extreme(HPN, 7, context);
    }
}
