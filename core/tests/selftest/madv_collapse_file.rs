//! MADV_COLLAPSE of shared memory, mapped shared or privately: the rows of the table.

use racewalk::mm::khugepaged::Errno::{Eagain, Einval, Ok};
use racewalk::mm::{Config, FollFlags, Vaddr, VmFlags};

use super::program::{FILE, HPN, Program, RW, SHARED, run};

/// The first program maps the file here.
const UNIT: u32 = 1;
const PAGE: u32 = UNIT * HPN;
/// ... and the second one here.
const THERE: u32 = 3;

/// A memfd of one huge unit, mapped shared.
fn shared(program: impl Fn(Program<'_>)) {
    run(Config::default(), |p| {
        p.resize(HPN);
        p.mmap(UNIT, 1, Some(0), SHARED);
        program(p);
    });
}

/// A full memfd, mapped shared by the other process, and privately by the program.
fn private(program: impl Fn(Program<'_>)) {
    run(Config::default(), |p| {
        p.resize(HPN);
        p.other().mmap(THERE, 1, Some(0), SHARED);
        p.other().write(THERE * HPN, HPN);
        p.mmap(UNIT, 1, Some(0), RW);
        program(p);
    });
}

fn cached(p: Program<'_>) -> u64 {
    p.k.mapping(FILE).nrpages.peek()
}

#[test]
fn full() {
    shared(|p| {
        p.write(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "shmem 512 tables 1; 512 file; incore 512");
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        assert_eq!(p.huge(UNIT, 1), 1);
        p.has_kept(PAGE, HPN);
    });
}

#[test]
fn empty() {
    shared(|p| {
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        assert_eq!((p.seen(UNIT).as_str(), cached(p)), ("; none; incore 0", 0));
    });
}

#[test]
fn one_page() {
    shared(|p| {
        p.write(PAGE + 9, 1);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        // The holes are filled.
        assert_eq!((p.seen(UNIT).as_str(), cached(p)), ("shmem 512; huge file; incore 512", 512));
        p.has_kept(PAGE + 9, 1);
        assert_eq!(p.load(PAGE + 10), Some(0));
    });
}

#[test]
fn shorter_than_the_range() {
    run(Config::default(), |p| {
        p.resize(400);
        p.mmap(UNIT, 1, Some(0), SHARED);
        p.write(PAGE, 400);
        assert_eq!(p.load(PAGE + 450), None);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        // Mapped beyond the end of the file.
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        assert_eq!(p.load(PAGE + 450), Some(0));
    });
}

#[test]
fn in_two_processes() {
    shared(|p| {
        let other = p.other();
        other.mmap(THERE, 1, Some(0), SHARED);
        p.write(PAGE, HPN);
        other.read(THERE * HPN, HPN);
        assert_eq!(other.seen(THERE), "shmem 512 tables 1; 512 file; incore 512");
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        assert_eq!(other.seen(THERE), "; none; incore 512");
        other.read(THERE * HPN, 1);
        assert_eq!(other.seen(THERE), "shmem 512; huge file; incore 512");
    });
}

#[test]
fn private_without_copies() {
    private(|p| {
        p.read(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "shmem 512 tables 1; 512 file; incore 512");
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        assert_eq!(p.other().seen(THERE), "; none; incore 512");
    });
}

#[test]
fn private_with_a_copy() {
    private(|p| {
        p.read(PAGE, HPN);
        p.write(PAGE + 3, 1);
        let copied = "anon 1 shmem 511 tables 1; 3 file, 1 anon, 508 file; incore 512";
        assert_eq!(p.seen(UNIT), copied);
        // It fails, and yet the page cache has a huge page now, and what was mapped of the file is not.
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        let kept = "anon 1 tables 1; 3 none, 1 anon, 508 none; incore 512";
        assert_eq!((p.seen(UNIT).as_str(), p.k.meminfo().shmem_huge_pages), (kept, 2048));
        assert_eq!(p.other().seen(THERE), "; none; incore 512");
        // The huge page around the copy: nothing changes any more.
        p.read(PAGE, HPN);
        let around =
            "anon 1 shmem 511 tables 1; 3 file of thp, 1 anon, 508 file of thp; incore 512";
        assert_eq!(p.seen(UNIT), around);
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        assert_eq!(p.seen(UNIT), around);
        // Without the copy.
        p.dontneed(PAGE + 3, 1);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
    });
}

#[test]
fn private_with_copies_only() {
    private(|p| {
        p.write(PAGE, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        assert_eq!(p.seen(UNIT), "anon 512 tables 1; 512 anon; incore 512");
        p.has_kept(PAGE, HPN);
    });
}

#[test]
fn a_table_that_is_partly_filled() {
    private(|p| {
        p.write(PAGE, 1);
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        p.dontneed(PAGE, 1);
        p.read(PAGE + 100, 1);
        assert!(p.seen(UNIT).contains("file of thp"));
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
    });
}

#[test]
fn swapped_pages() {
    shared(|p| {
        p.write(PAGE, HPN);
        p.pageout(PAGE, 64);
        assert_eq!(
            (p.seen(UNIT).as_str(), cached(p)),
            ("shmem 448 tables 1; 64 none, 448 file; incore 448", 448)
        );
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        p.has_kept(PAGE, HPN);
    });
}

#[test]
fn a_page_is_pinned() {
    shared(|p| {
        p.write(PAGE, HPN);
        let got = p.k.gup_slow(p.cpu, p.mm, Vaddr(PAGE + 5), FollFlags::GET);
        assert_eq!(got, Result::Ok(true));
        let before = p.seen(UNIT);
        assert_eq!(p.collapse(PAGE, HPN), Eagain);
        assert_eq!(p.seen(UNIT), before);
        assert!(p.k.gup_put(p.cpu));
    });
}

#[test]
fn misaligned() {
    run(Config::default(), |p| {
        p.resize(2 * HPN);
        p.mmap_pages(PAGE, HPN, Some(1), SHARED);
        p.write(PAGE, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        assert_eq!(p.seen(UNIT), "shmem 512 tables 1; 512 file; incore 512");
    });
}

#[test]
fn userfaultfd_is_registered_for_missing_pages_in_the_other_process() {
    shared(|p| {
        let other = p.other();
        other.mmap(THERE, 1, Some(0), SHARED.with(VmFlags::UFFD_MISSING));
        p.write(PAGE, HPN);
        other.read(THERE * HPN, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(other.seen(THERE), "; none; incore 512");
        assert_eq!(other.collapse(THERE * HPN, HPN), Ok);
        assert_eq!(other.seen(THERE), "shmem 512; huge file; incore 512");
    });
}

#[test]
fn truncated_below_a_copy() {
    private(|p| {
        p.write(PAGE + 3, 1);
        p.resize(2);
        // The copy goes too.
        assert_eq!(
            (p.seen(UNIT).as_str(), p.load(PAGE + 3)),
            ("tables 1; 512 none; incore 2", None)
        );
    });
}
