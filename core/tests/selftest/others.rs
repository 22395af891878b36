//! The tests of `tools/testing/selftests/mm` that move, split, migrate, share or observe memory, one thread at a time
//! (kernel-semantics section 14.2).

use racewalk::mm::khugepaged::Errno::{self, Einval, Ok};
use racewalk::mm::{Config, FlagAdvice, FollFlags, Mfill, Vaddr, VmFlags};

use super::program::{FILE, HPN, Program, RW, SHARED, run};

const UNIT: u32 = 1;
const PAGE: u32 = UNIT * HPN;
/// Where things are moved to.
const THERE: u32 = 5;
/// A MiB in pages.
const MIB: u32 = HPN / 2;

/// Memory of so many huge units, written to; anonymous, or a file's.
fn written(p: Program<'_>, units: u32, shared: bool) {
    if shared {
        p.resize(units * HPN);
        p.mmap(UNIT, units, Some(0), SHARED);
    } else {
        p.mmap(UNIT, units, None, RW);
    }
    p.write(PAGE, units * HPN);
    p.drain();
}

/// So many huge pages, mapped by PMD entries.
fn huge(p: Program<'_>, units: u32) {
    written(p, units, false);
    assert_eq!(p.collapse(PAGE, units * HPN), Ok);
    assert_eq!(p.huge(UNIT, units), u64::from(units));
}

#[test]
pub(super) fn mremap_test() {
    // From, pages, to, within or between aligned huge units; at the most two units, as there is room.
    let to = THERE * HPN;
    let cases = [
        (PAGE + 1, 2, to + 1),
        (PAGE, MIB, to + 1),
        (PAGE, MIB, to + MIB),
        (PAGE, HPN, to + 1),
        (PAGE, HPN, to + MIB),
        (PAGE, HPN, to),
        (PAGE, 2 * HPN, to),
        (PAGE, 2 * HPN, to + MIB),
    ];
    for (from, pages, to) in cases {
        for thp in [false, true] {
            run(Config::default(), |p| {
                written(p, 2, false);
                if thp {
                    assert_eq!(p.collapse(PAGE, 2 * HPN), Ok);
                }
                assert_eq!(p.mremap(from, pages, to, false), Ok);
                p.has_moved(p, from, to, pages);
                assert_eq!((p.load(from), p.load(from + pages - 1)), (None, None));
                // What was not moved is where it was.
                p.has_kept(PAGE, from - PAGE);
                p.has_kept(from + pages, PAGE + 2 * HPN - from - pages);
                assert_eq!(p.k.status(p.mm).rss_anon, i64::from(2 * HPN) * 4);
                let whole = thp && to.is_multiple_of(HPN) && pages >= HPN;
                assert_eq!(p.k.peek_pmd(p.mm, Vaddr(to)).is_trans_huge(), whole);
            });
        }
    }
    run(Config::default(), |p| {
        written(p, 1, false);
        assert_eq!(p.mremap(PAGE, 2, PAGE + 1, false), Einval, "they overlap");
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn mremap_dontunmap() {
    for shared in [false, true] {
        for (at, pages) in [(0, HPN), (3, 5), (0, 2 * HPN), (MIB, HPN)] {
            run(Config::default(), |p| {
                written(p, 2, shared);
                let from = PAGE + at;
                assert_eq!(p.mremap(from, pages, THERE * HPN, true), Ok);
                p.has_moved(p, from, THERE * HPN, pages);
                assert_eq!(p.k.peek_translation(p.mm, Vaddr(from)), None, "it has no entries");
                if shared {
                    // The page cache has it still.
                    p.has_kept(from, pages);
                } else {
                    assert!((from..from + pages).all(|page| p.load(page) == Some(0)));
                }
                p.has_kept(PAGE, at);
                p.has_kept(from + pages, 2 * HPN - at - pages);
            });
        }
    }
}

#[test]
pub(super) fn split_pmd_thp() {
    run(Config::default(), |p| {
        huge(p, 4);
        let info = |p: Program<'_>| p.k.meminfo().anon_huge_pages;
        assert_eq!(info(p), 4 * 2048);
        for unit in UNIT..UNIT + 4 {
            assert!(p.k.split_huge_page_at(p.cpu, p.mm, Vaddr(unit * HPN)));
            assert_eq!(p.seen(unit), "anon 2048 tables 4; 512 anon; incore 512");
        }
        assert_eq!((p.huge(UNIT, 4), info(p)), (0, 0));
        p.has_kept(PAGE, 4 * HPN);
    });
}

#[test]
pub(super) fn split_pte_mapped_thp() {
    run(Config::default(), |p| {
        huge(p, 4);
        // A page of each huge page, page i of the i-th one, goes to another table.
        let (to, piece) = (6 * HPN, |i: u32| PAGE + i * HPN + i);
        (0..4).for_each(|i| assert_eq!(p.mremap(piece(i), 1, to + i, false), Ok));
        assert!((0..4).all(|i| p.frame(to + i).1));
        for i in 0..4 {
            assert!(p.k.split_huge_page_at(p.cpu, p.mm, Vaddr(to + i)));
        }
        assert!((0..4).all(|i| !p.frame(to + i).1));
        (0..4).for_each(|i| p.has_moved(p, piece(i), to + i, 1));
        assert_eq!((p.huge(6, 0), p.k.meminfo().anon_huge_pages), (0, 0));
        for page in (PAGE..PAGE + 4 * HPN).filter(|&page| (0..4).all(|i| page != piece(i))) {
            assert!(!p.frame(page).1);
            p.has_kept(page, 1);
        }
    });
}

#[test]
pub(super) fn split_file_backed_thp() {
    run(Config::default(), |p| {
        written(p, 1, true);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert!(p.k.split_huge_page_at(p.cpu, p.mm, Vaddr(PAGE)));
        assert_eq!(
            (p.seen(UNIT).as_str(), p.k.meminfo().shmem_huge_pages),
            ("; none; incore 512", 0)
        );
        p.has_kept(PAGE, HPN);
        assert!(!p.frame(PAGE).1);
    });
}

#[test]
pub(super) fn uffd_minor_collapse() {
    run(Config::default(), |p| {
        let dst = p.other();
        p.resize(HPN);
        p.mmap(UNIT, 1, Some(0), SHARED);
        dst.mmap(THERE, 1, Some(0), SHARED);
        dst.uffd_register(THERE * HPN, HPN, VmFlags::UFFD_MINOR);
        let next =
            |n: u32| dst.k.mfill_atomic(dst.cpu, dst.mm, Vaddr(THERE * HPN + n), Mfill::Continue);
        assert_eq!(next(0), Errno::Efault, "there is no page yet");
        p.write(PAGE, HPN);
        p.drain();
        (0..HPN).for_each(|n| assert_eq!(next(n), Ok));
        dst.has_moved(p, PAGE, THERE * HPN, HPN);
        assert_eq!(next(0), Errno::Eexist);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.huge(UNIT, 1), 1);
        // The next access is reported once more, and is resolved with a piece of the huge page.
        assert_eq!(dst.seen(THERE), dst.retracted());
        (0..HPN).step_by(2).for_each(|n| assert_eq!(next(n), Ok));
        assert!(dst.frame(THERE * HPN).1);
        assert_eq!(dst.collapse(THERE * HPN, HPN), Ok);
        assert_eq!((dst.huge(THERE, 1), next(1)), (1, Errno::Eexist));
        dst.has_moved(p, PAGE, THERE * HPN, HPN);
        p.has_kept(PAGE, HPN);
    });
}

/// What a child shares of a huge page that a collapse makes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shares {
    /// Nothing: the collapse was before.
    Nothing,
    All,
    Lower,
    Upper,
}

#[test]
pub(super) fn cow_anon_thp_collapse() {
    for shares in [Shares::Nothing, Shares::All, Shares::Lower, Shares::Upper] {
        for gup in [false, true] {
            run(Config::default(), |p| anon_thp_collapse(p, shares, gup));
        }
    }
}

fn anon_thp_collapse(p: Program<'_>, shares: Shares, gup: bool) {
    huge(p, 1);
    // The huge page is mapped by entries from here on.
    p.mprotect(PAGE + 1, 1, VmFlags::READ);
    p.mprotect(PAGE + 1, 1, RW);
    assert_eq!(p.seen(UNIT), "anon 512 tables 1; 512 anon of thp; incore 512");
    let (at, pages, kept) = match shares {
        Shares::Nothing | Shares::All => (PAGE, HPN, None),
        Shares::Lower => (PAGE, MIB, Some(PAGE + MIB)),
        Shares::Upper => (PAGE + MIB, MIB, Some(PAGE)),
    };
    if shares == Shares::Nothing {
        assert_eq!(p.collapse(PAGE, HPN), Ok);
    }
    if let Some(kept) = kept {
        p.advise(kept, MIB, FlagAdvice::Dontfork);
    }
    let child = p.fork();
    if gup {
        // The child holds what it could read (vmsplice), whatever becomes of its entry.
        let got = p.k.gup_slow(p.cpu, child.mm, Vaddr(at), FollFlags::GET);
        assert_eq!(got, Result::Ok(true));
    }
    if kept.is_some() {
        p.advise(PAGE, HPN, FlagAdvice::Dofork);
    }
    p.drain();
    if shares != Shares::Nothing {
        let errno = p.collapse(PAGE, HPN);
        let expected = match (gup, shares) {
            // All entries are write-protected, or somebody holds a page.
            (true, Shares::Lower | Shares::Upper) => Errno::Eagain,
            (_, Shares::All) if !gup => Einval,
            (true, _) => errno,
            _ => Ok,
        };
        assert_eq!(errno, expected, "{shares:?} {gup}");
        assert_eq!(p.huge(UNIT, 1), u64::from(errno == Ok));
    }
    // The parent writes something else to each page.
    let secret = p.other().tag(0);
    for page in PAGE..PAGE + HPN {
        let stored =
            p.k.user_access(p.cpu, p.mm, Vaddr(page), racewalk::mm::UserAccess::Write(secret));
        assert_eq!(stored, Result::Ok(secret));
    }
    if gup {
        let held = p.k.gup_held[0].iter().next().expect("a page is held");
        assert_eq!(
            p.k.page(held.pfn).content.peek(),
            p.tag(at),
            "{shares:?}: leaked by a held page"
        );
        assert!(p.k.gup_put(p.cpu));
    }
    child.has_of(p, at, pages);
    child.exit();
    assert!((PAGE..PAGE + HPN).all(|page| p.load(page) == Some(secret)));
}

#[test]
pub(super) fn migration() {
    for (shared, thp) in [(false, false), (true, false), (false, true), (true, true)] {
        run(Config::default(), |p| {
            written(p, 1, shared);
            let other = p.other();
            if shared {
                other.mmap(THERE, 1, Some(0), SHARED);
            }
            if thp {
                assert_eq!(p.collapse(PAGE, HPN), Ok);
            }
            if shared {
                other.read(THERE * HPN, HPN);
            }
            let before = (p.seen(UNIT), p.frame(PAGE + 3).0);
            for _ in 0..3 {
                assert!(p.k.migrate_page(p.cpu, p.mm, Vaddr(PAGE + 3)));
                assert_ne!(p.frame(PAGE + 3).0, before.1, "it is elsewhere");
            }
            assert_eq!(p.seen(UNIT), before.0);
            assert_eq!(p.huge(UNIT, 1), u64::from(thp));
            p.has_kept(PAGE, HPN);
            if shared {
                assert_eq!(other.frame(THERE * HPN + 3), p.frame(PAGE + 3));
                other.has_moved(p, PAGE, THERE * HPN, HPN);
                assert_eq!(p.k.mapping(FILE).nrpages.peek(), u64::from(HPN));
            }
        });
    }
}

#[test]
pub(super) fn transhuge_stress() {
    for shared in [false, true] {
        run(Config::default(), |p| {
            if shared {
                p.resize(4 * HPN);
            }
            p.mmap(UNIT, 4, shared.then_some(0), if shared { SHARED } else { RW });
            p.advise(PAGE, 4 * HPN, FlagAdvice::Hugepage);
            for round in 0..4 {
                for unit in UNIT..UNIT + 4 {
                    p.write(unit * HPN, 1);
                    p.drain();
                    // Anonymous memory has a table from the second round on, which is not given up for a huge page.
                    assert_eq!(p.frame(unit * HPN).1, shared || round == 0, "round {round}");
                    p.dontneed(unit * HPN, HPN - 1);
                }
                assert_eq!(p.huge(UNIT, 4), 0);
                p.dontneed(PAGE, 4 * HPN);
            }
        });
    }
}
