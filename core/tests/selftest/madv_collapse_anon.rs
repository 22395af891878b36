//! MADV_COLLAPSE of anonymous memory: the rows of the table.

use racewalk::mm::khugepaged::Errno::{self, Eagain, Einval, Ok};
use racewalk::mm::{Config, FlagAdvice, FollFlags, ThpEnabled, Vaddr, VmFlags};

use super::program::{HPN, Program, RW, run};

/// Two huge units from here on are mapped, and may be written.
const UNIT: u32 = 1;
const PAGE: u32 = UNIT * HPN;

fn with(flags: VmFlags, program: impl Fn(Program<'_>)) {
    run(Config::default(), |p| {
        p.mmap(UNIT, 2, None, flags);
        program(p);
    });
}

/// The call fails, and nothing has changed.
#[track_caller]
fn refused(p: Program<'_>, errno: Errno) {
    let before = p.seen(UNIT);
    assert_eq!(p.collapse(PAGE, HPN), errno);
    assert_eq!(p.seen(UNIT), before);
}

/// The call succeeds, and leaves one huge page.
#[track_caller]
fn collapsed(p: Program<'_>) {
    assert_eq!(p.collapse(PAGE, HPN), Ok);
    assert_eq!(p.seen(UNIT), "anon 512 tables 1; huge anon; incore 512");
    assert_eq!((p.huge(UNIT, 1), p.huge(UNIT + 1, 1)), (1, 1));
}

#[test]
pub(super) fn fully_populated() {
    with(RW, |p| {
        p.write(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "anon 512 tables 1; 512 anon; incore 512");
        // VmPTE is what it was: the table is deposited.
        collapsed(p);
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn never_written() {
    with(RW, |p| refused(p, Einval));
}

#[test]
pub(super) fn one_page_present() {
    with(RW, |p| {
        p.write(PAGE + 7, 1);
        assert_eq!(p.seen(UNIT), "anon 1 tables 1; 7 none, 1 anon, 504 none; incore 1");
        collapsed(p);
        p.has_kept(PAGE + 7, 1);
        assert_eq!(p.load(PAGE + 8), Some(0));
    });
}

#[test]
pub(super) fn zero_pages_only() {
    with(RW, |p| {
        p.read(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "tables 1; 512 zero; incore 512");
        refused(p, Einval);
    });
}

#[test]
pub(super) fn huge_already() {
    with(RW, |p| {
        p.write(PAGE, 1);
        collapsed(p);
        collapsed(p);
    });
}

#[test]
pub(super) fn without_a_whole_huge_page() {
    with(RW, |p| {
        p.write(PAGE, 2 * HPN);
        for (from, to) in [(1, 513), (0, 511), (0, 0)] {
            assert_eq!(p.collapse(PAGE + from, to - from), Ok);
        }
        // One huge page, and neither end of the range is its.
        assert_eq!(p.collapse(PAGE + 1, HPN - 2), Einval);
        assert_eq!(p.huge(UNIT, 2), 0);
    });
}

#[test]
pub(super) fn only_the_second_huge_page() {
    with(RW, |p| {
        p.write(PAGE, 2 * HPN);
        assert_eq!(p.collapse(PAGE + 1, 1023), Ok);
        assert_eq!(p.seen(UNIT), "anon 1024 tables 2; 512 anon; incore 512");
        assert_eq!(p.seen(UNIT + 1), "anon 1024 tables 2; huge anon; incore 512");
    });
}

#[test]
pub(super) fn partly_swapped_out() {
    with(RW, |p| {
        p.write(PAGE, HPN);
        p.pageout(PAGE, 100);
        assert_eq!(p.seen(UNIT), "anon 412 swap 100 tables 1; 100 swap, 412 anon; incore 412");
        collapsed(p);
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn swapped_out_completely() {
    with(RW, |p| {
        p.write(PAGE, HPN);
        p.pageout(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "swap 512 tables 1; 512 swap; incore 0");
        // No entry permits writes.
        refused(p, Einval);
    });
}

#[test]
pub(super) fn a_page_is_pinned() {
    with(RW, |p| {
        p.write(PAGE, HPN);
        let got = p.k.gup_slow(p.cpu, p.mm, Vaddr(PAGE + 5), FollFlags::GET);
        assert_eq!(got, Result::Ok(true));
        refused(p, Eagain);
        assert!(p.k.gup_put(p.cpu));
        collapsed(p);
    });
}

#[test]
pub(super) fn not_where_it_is_not_wanted() {
    with(RW.with(VmFlags::NOHUGEPAGE), |p| {
        p.write(PAGE, HPN);
        refused(p, Einval);
    });
}

#[test]
pub(super) fn locked_memory() {
    with(RW.with(VmFlags::LOCKED), |p| {
        p.write(PAGE, HPN);
        collapsed(p);
    });
}

#[test]
pub(super) fn a_hole_in_the_huge_page() {
    with(RW, |p| {
        p.write(PAGE, 2 * HPN);
        p.munmap(PAGE + HPN + 100, 1);
        // The huge page before it is collapsed all the same.
        assert_eq!(p.collapse(PAGE, 2 * HPN), Einval);
        assert_eq!(p.seen(UNIT), "anon 1023 tables 2; huge anon; incore 512");
        let hole = "anon 1023 tables 2; 100 anon, 1 none, 411 anon; incore ENOMEM";
        assert_eq!(p.seen(UNIT + 1), hole);
    });
}

#[test]
pub(super) fn a_vma_that_ends_inside_the_huge_page() {
    with(RW, |p| {
        p.write(PAGE, 2 * HPN);
        p.advise(PAGE + HPN + 100, HPN - 100, FlagAdvice::Dontfork);
        assert_eq!(p.collapse(PAGE, 2 * HPN), Einval);
        assert_eq!(p.seen(UNIT), "anon 1024 tables 2; huge anon; incore 512");
        assert_eq!(p.seen(UNIT + 1), "anon 1024 tables 2; 512 anon; incore 512");
    });
}

#[test]
pub(super) fn nothing_may_be_accessed() {
    with(VmFlags::default(), |p| refused(p, Einval));
}

#[test]
pub(super) fn read_only() {
    with(RW, |p| {
        p.write(PAGE, HPN);
        p.mprotect(PAGE, 2 * HPN, VmFlags::READ);
        refused(p, Einval);
        assert_eq!(p.seen(UNIT), "anon 512 tables 1; 512 anon; incore 512");
        // Nobody shares the pages: they may be written to again at once.
        p.mprotect(PAGE, 2 * HPN, RW);
        collapsed(p);
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn shared_with_a_child() {
    with(RW, |p| {
        p.write(PAGE, HPN);
        let child = p.fork();
        refused(p, Einval);
        refused(child, Einval);
        assert_eq!(child.seen(UNIT), "anon 512 tables 1; 512 anon; incore 512");
        // One page of its own is enough.
        child.write(PAGE + 9, 1);
        collapsed(child);
        child.has_of(p, PAGE, 9);
        child.has_kept(PAGE + 9, 1);
        child.has_of(p, PAGE + 10, HPN - 10);
        child.exit();
        // The pages are the parent's alone, and still write-protected.
        refused(p, Einval);
        p.write(PAGE, 1);
        collapsed(p);
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn a_vma_that_mprotect_has_split() {
    with(RW, |p| {
        p.write(PAGE, 2 * HPN);
        p.mprotect(PAGE + HPN + 100, 1, VmFlags::READ);
        assert_eq!(p.collapse(PAGE + HPN, HPN), Einval);
        assert_eq!(p.seen(UNIT + 1), "anon 1024 tables 2; 512 anon; incore 512");
        // The huge page before it is collapsed all the same.
        assert_eq!(p.collapse(PAGE, 2 * HPN), Einval);
        assert_eq!(p.seen(UNIT), "anon 1024 tables 2; huge anon; incore 512");
        assert_eq!(p.seen(UNIT + 1), "anon 1024 tables 2; 512 anon; incore 512");
        assert_eq!(p.huge(UNIT, 1), 1);
        p.has_kept(PAGE, 2 * HPN);
        // One VMA again.
        p.mprotect(PAGE + HPN + 100, 1, RW);
        assert_eq!(p.collapse(PAGE, 2 * HPN), Ok);
        assert_eq!(p.huge(UNIT, 2), 2);
        p.has_kept(PAGE, 2 * HPN);
    });
}

#[test]
pub(super) fn without_a_huge_page_to_be_had() {
    with(RW, |p| {
        p.write(PAGE, HPN);
        let before = p.seen(UNIT);
        p.k.set_fail_alloc(p.cpu, 0);
        assert_eq!(p.collapse(PAGE, HPN), Errno::Enomem);
        assert_eq!(p.seen(UNIT), before);
        collapsed(p);
    });
}

#[test]
pub(super) fn where_userfaultfd_waits_for_a_missing_page() {
    with(RW, |p| {
        p.write(PAGE, HPN - 1);
        p.uffd_register(PAGE, HPN, VmFlags::UFFD_MISSING);
        refused(p, Errno::Ebusy);
        p.uffd_unregister(PAGE, HPN);
        collapsed(p);
    });
}

#[test]
pub(super) fn an_earlier_huge_page_of_the_same_vma() {
    with(RW, |p| {
        // Nothing of the second huge page was ever touched: there is no table.
        p.write(PAGE, HPN);
        assert_eq!(p.collapse(PAGE, 2 * HPN), Einval);
        assert_eq!(p.seen(UNIT), "anon 512 tables 1; huge anon; incore 512");
        assert_eq!(p.seen(UNIT + 1), "anon 512 tables 1; none; incore 0");
        // ... nor of one before it: the scan stops there.
        p.dontneed(PAGE, HPN);
        p.write(PAGE + HPN, HPN);
        assert_eq!(p.collapse(PAGE, 2 * HPN), Einval);
        assert_eq!(p.seen(UNIT + 1), "anon 512 tables 1; 512 anon; incore 512");
    });
}

#[test]
pub(super) fn a_table_that_has_become_empty() {
    run(Config { thp: ThpEnabled::Always, ..Config::default() }, |p| {
        p.mmap(UNIT, 2, None, RW.with(VmFlags::NOHUGEPAGE));
        p.write(PAGE, HPN);
        p.dontneed(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "tables 1; 512 none; incore 0");
        // The table stays, and with a table there is no huge page at a fault.
        p.advise(PAGE, 2 * HPN, FlagAdvice::Hugepage);
        p.write(PAGE, 1);
        assert_eq!(p.seen(UNIT), "anon 1 tables 1; 1 anon, 511 none; incore 1");
        p.write(PAGE + HPN, 1);
        assert_eq!(p.seen(UNIT + 1), "anon 513 tables 2; huge anon; incore 512");
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "anon 1024 tables 2; huge anon; incore 512");
    });
}
