//! khugepaged and files that more than one place maps: whose page tables go, and where it gives up. No row of the tables asks
//! for it; before and after the patch it is not the same.

use racewalk::mm::khugepaged::Errno::Ok;
use racewalk::mm::{Config, FlagAdvice};

use super::khugepaged::{Context, settings};
use super::program::{HPN, Program, RW, SHARED, run_with};

/// The first program maps the file here, from its beginning.
const UNIT: u32 = 1;
const PAGE: u32 = UNIT * HPN;
/// ... and the second one here.
const THERE: u32 = 5;

/// A full memfd of so many huge units, of small pages, mapped by a program that khugepaged looks at.
fn with(units: u32, program: impl Fn(Program<'_>)) {
    let config = Config { fault_around: true, ..settings(Context::Khugepaged) };
    let small = |p: Program<'_>| {
        p.resize(units * HPN);
        p.mmap(UNIT, units, Some(0), SHARED);
        p.write(PAGE, units * HPN);
        p.drain();
        p.advise(PAGE, units * HPN, FlagAdvice::Hugepage);
        program(p);
    };
    run_with(config, |_| {}, small);
}

/// The entries of a huge unit.
fn entries(p: Program<'_>, unit: u32) -> String {
    let seen = p.seen(unit);
    seen.split("; ").nth(1).expect("the middle part").to_owned()
}

#[test]
fn retracts_where_the_page_is_mapped_and_nowhere_else() {
    for by_khugepaged in [false, true] {
        with(3, |p| {
            let other = p.other();
            // Behind, before, and the one in the middle.
            for (unit, pgoff) in [(THERE, 2 * HPN), (THERE + 2, 0), (THERE + 4, HPN)] {
                other.mmap(unit, 1, Some(pgoff), SHARED);
                other.read(unit * HPN, HPN);
                assert_eq!(entries(other, unit), "512 file");
            }
            if by_khugepaged {
                p.khugepaged(UNIT + 1, 1);
            } else {
                assert_eq!(p.collapse(PAGE + HPN, HPN), Ok);
            }
            let own = if by_khugepaged { "none" } else { "huge file" };
            assert_eq!(entries(p, UNIT + 1), own);
            assert_eq!([UNIT, UNIT + 2].map(|unit| entries(p, unit)), ["512 file", "512 file"]);
            // Before the patch MADV_COLLAPSE left other page tables to khugepaged, which took mmap_lock for it.
            let left = p.before_the_patch() && !by_khugepaged;
            assert_eq!(entries(other, THERE + 4), if left { "512 none" } else { "none" });
            assert_eq!([THERE, THERE + 2].map(|unit| entries(other, unit)), ["512 file"; 2]);
        });
    }
}

#[test]
fn a_table_that_maps_something_else_too_stays() {
    with(2, |p| {
        let other = p.other();
        // The first half of a huge page at the end of a VMA, and a whole one that is not aligned.
        other.mmap_pages(THERE * HPN, HPN / 2, Some(0), SHARED);
        other.mmap_pages((THERE + 2) * HPN + 16, HPN, Some(0), SHARED);
        other.read(THERE * HPN, HPN / 2);
        other.read((THERE + 2) * HPN + 16, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(entries(p, UNIT), "huge file");
        assert_eq!(entries(other, THERE), "512 none");
        assert_eq!(entries(other, THERE + 2), "512 none");
    });
}

#[test]
fn khugepaged_comes_back_for_what_madvise_left() {
    with(1, |p| {
        let other = p.other();
        other.mmap(THERE, 1, Some(0), RW);
        // A copy, for the sake of which the table stays.
        other.write(THERE * HPN + 3, 1);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        other.dontneed(THERE * HPN + 3, 1);
        other.read(THERE * HPN, HPN);
        other.advise(THERE * HPN, HPN, FlagAdvice::Hugepage);
        assert_eq!(entries(other, THERE), "512 file of thp");
        // Before the patch it remembered the range, and collapsed it when it came again.
        other.khugepaged(THERE, 1);
        assert_eq!(entries(other, THERE), "none");
        other.has_moved(p, PAGE, THERE * HPN, HPN);
    });
}

#[test]
fn too_much_of_it_is_swapped_out() {
    with(1, |p| {
        let most = HPN / 8;
        p.pageout(PAGE, most + 1);
        p.khugepaged(UNIT, 1);
        assert_eq!(p.k.meminfo().shmem_huge_pages, 0, "{}", p.seen(UNIT));
        p.read(PAGE, 1);
        p.drain();
        p.khugepaged(UNIT, 1);
        assert_eq!(p.k.meminfo().shmem_huge_pages, 2048, "{}", p.seen(UNIT));
        p.has_kept(PAGE, HPN);
    });
}
