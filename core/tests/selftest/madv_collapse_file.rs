//! MADV_COLLAPSE of shared memory, mapped shared or privately: the rows of the table.

use racewalk::mm::khugepaged::Errno::{Eagain, Einval, Ok};
use racewalk::mm::{Config, FollFlags, Kernel, Vaddr, VmFlags};

use super::program::{FILE, HPN, Program, RW, SHARED, run, run_with};

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
pub(super) fn full() {
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
pub(super) fn empty() {
    shared(|p| {
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        assert_eq!((p.seen(UNIT).as_str(), cached(p)), ("; none; incore 0", 0));
    });
}

#[test]
pub(super) fn one_page() {
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
pub(super) fn shorter_than_the_range() {
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
pub(super) fn in_two_processes() {
    shared(|p| {
        let other = p.other();
        other.mmap(THERE, 1, Some(0), SHARED);
        p.write(PAGE, HPN);
        other.read(THERE * HPN, HPN);
        assert_eq!(other.seen(THERE), "shmem 512 tables 1; 512 file; incore 512");
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        assert_eq!(other.seen(THERE), other.retracted());
        other.read(THERE * HPN, 1);
        let refaulted = if p.before_the_patch() {
            "shmem 16 tables 1; 16 file of thp, 496 none; incore 512"
        } else {
            "shmem 512; huge file; incore 512"
        };
        assert_eq!(other.seen(THERE), refaulted);
    });
}

#[test]
pub(super) fn private_without_copies() {
    private(|p| {
        p.read(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "shmem 512 tables 1; 512 file; incore 512");
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        assert_eq!(p.other().seen(THERE), p.retracted());
    });
}

#[test]
pub(super) fn private_with_a_copy() {
    private(|p| {
        p.read(PAGE, HPN);
        p.write(PAGE + 3, 1);
        let copied = "anon 1 shmem 511 tables 1; 3 file, 1 anon, 508 file; incore 512";
        assert_eq!(p.seen(UNIT), copied);
        // It fails, and yet the page cache has a huge page now, and what was mapped of the file is not.
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        let kept = "anon 1 tables 1; 3 none, 1 anon, 508 none; incore 512";
        assert_eq!((p.seen(UNIT).as_str(), p.k.meminfo().shmem_huge_pages), (kept, 2048));
        assert_eq!(p.other().seen(THERE), p.retracted());
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
pub(super) fn private_with_copies_only() {
    private(|p| {
        p.write(PAGE, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        assert_eq!(p.seen(UNIT), "anon 512 tables 1; 512 anon; incore 512");
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn a_table_that_is_partly_filled() {
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
pub(super) fn swapped_pages() {
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
pub(super) fn a_page_is_pinned() {
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
pub(super) fn misaligned() {
    run(Config::default(), |p| {
        p.resize(2 * HPN);
        p.mmap_pages(PAGE, HPN, Some(1), SHARED);
        p.write(PAGE, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Einval);
        assert_eq!(p.seen(UNIT), "shmem 512 tables 1; 512 file; incore 512");
    });
}

#[test]
pub(super) fn userfaultfd_waits_for_missing_pages_in_the_other_process() {
    shared(|p| {
        let other = p.other();
        other.mmap(THERE, 1, Some(0), SHARED);
        other.uffd_register(THERE * HPN, HPN, VmFlags::UFFD_MISSING);
        p.write(PAGE, HPN);
        other.read(THERE * HPN, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        assert_eq!(other.seen(THERE), other.retracted());
        assert_eq!(other.collapse(THERE * HPN, HPN), Ok);
        assert_eq!(other.seen(THERE), "shmem 512; huge file; incore 512");
        other.has_moved(p, PAGE, THERE * HPN, HPN);
    });
}

/// The other process maps the whole file too, and has write-protected two of its pages by userfaultfd.
fn write_protected(p: Program<'_>) -> Program<'_> {
    let other = p.other();
    other.mmap(THERE, 1, Some(0), SHARED);
    other.uffd_register(THERE * HPN, HPN, VmFlags::UFFD_WP);
    p.write(PAGE, HPN);
    other.read(THERE * HPN, HPN);
    other.uffd_wp(THERE * HPN + 5, 2, true);
    assert_eq!(other.seen(THERE), "shmem 512 tables 1; 512 file; incore 512");
    other
}

/// What is left of the table of the other process.
const MARKED: &str = "tables 1; 5 none, 2 marker, 505 none; incore 512";

#[test]
pub(super) fn userfaultfd_has_write_protected_pages_in_the_other_process() {
    shared(|p| {
        let other = write_protected(p);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        // The table stays for the sake of what the entries say.
        assert_eq!(other.seen(THERE), MARKED);
        let mut entries = [Default::default(); 8];
        other.k.pagemap(other.cpu, other.mm, Vaddr(THERE * HPN), &mut entries);
        let marked: Vec<_> =
            entries.iter().map(|entry| (entry.is_swapped(), entry.is_uffd_wp())).collect();
        let (none, wp) = ((false, false), (true, true));
        assert_eq!(marked, [none, none, none, none, none, wp, wp, none]);
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn where_userfaultfd_may_write_protect() {
    shared(|p| {
        let other = write_protected(p);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(other.collapse(THERE * HPN, HPN), Einval);
        assert_eq!(other.seen(THERE), MARKED);
        // Not that two pages are protected is the reason, but that pages may be.
        other.uffd_wp(THERE * HPN + 5, 2, false);
        assert_eq!(other.collapse(THERE * HPN, HPN), Einval);
        assert!(!other.seen(THERE).contains("huge"));
        other.uffd_unregister(THERE * HPN, HPN);
        assert_eq!(other.collapse(THERE * HPN, HPN), Ok);
        assert_eq!(other.seen(THERE), "shmem 512; huge file; incore 512");
        other.has_moved(p, PAGE, THERE * HPN, HPN);
    });
}

#[test]
pub(super) fn closed_while_pages_were_write_protected() {
    shared(|p| {
        let other = write_protected(p);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        other.uffd_unregister(THERE * HPN, HPN);
        assert_eq!(other.collapse(THERE * HPN, HPN), Ok);
        assert_eq!(other.seen(THERE), "shmem 512; huge file; incore 512");
    });
}

#[test]
pub(super) fn in_a_child() {
    shared(|p| {
        p.write(PAGE, HPN);
        let child = p.fork();
        // What can be faulted in again is not copied.
        assert_eq!(child.seen(UNIT), "; none; incore 512");
        child.read(PAGE, HPN);
        assert_eq!(p.seen(UNIT), "shmem 512 tables 1; 512 file; incore 512");
        assert_eq!(child.collapse(PAGE, HPN), Ok);
        assert_eq!(
            (child.seen(UNIT).as_str(), child.huge(UNIT, 1)),
            ("shmem 512; huge file; incore 512", 1)
        );
        assert_eq!((p.seen(UNIT).as_str(), p.huge(UNIT, 1)), (p.retracted(), 0));
        child.has_of(p, PAGE, HPN);
        child.exit();
        p.has_kept(PAGE, HPN);
        let refaulted = if p.before_the_patch() {
            "shmem 512 tables 1; 512 file of thp; incore 512"
        } else {
            "shmem 512; huge file; incore 512"
        };
        assert_eq!(p.seen(UNIT), refaulted);
    });
}

#[test]
pub(super) fn with_a_hole_in_what_was_huge() {
    shared(|p| {
        let other = p.other();
        other.mmap(THERE, 1, Some(0), SHARED);
        p.write(PAGE, HPN);
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        other.read(THERE * HPN, 1);
        assert_eq!(other.seen(THERE), "shmem 512; huge file; incore 512");
        p.k.punch_hole(p.cpu, FILE, (10, 20));
        let info = p.k.meminfo();
        assert_eq!((info.shmem_huge_pages, info.shmem_pmd_mapped, cached(p)), (0, 0, 502));
        for (program, unit) in [(p, UNIT), (other, THERE)] {
            assert_eq!(program.seen(unit), "; none; incore 502");
        }
        // Before the patch the caller needed a page table, or the huge page that was just made was not mapped.
        let collapsed = if p.before_the_patch() { Einval } else { Ok };
        assert_eq!(p.collapse(PAGE, HPN), collapsed);
        p.read(PAGE, 1);
        assert_eq!((p.seen(UNIT).as_str(), cached(p)), ("shmem 512; huge file; incore 512", 512));
        p.has_kept(PAGE, 10);
        assert!((10..20).all(|page| p.load(PAGE + page) == Some(0)));
        p.has_kept(PAGE + 20, HPN - 20);
    });
}

/// Without READ_ONLY_THP_FOR_FS no regular file has huge pages; with it, as here, text has, and nothing else.
#[test]
pub(super) fn a_regular_file_that_is_no_text() {
    for flags in [VmFlags::READ, RW, SHARED] {
        let regular = |kernel: &mut Kernel| kernel.files[usize::from(FILE.0)].regular = true;
        run_with(Config::default(), regular, |p| {
            p.k.do_truncate(p.cpu, FILE, HPN);
            p.mmap(UNIT, 1, Some(0), flags);
            p.read(PAGE, HPN);
            let before = p.seen(UNIT);
            assert_eq!(before, "file 512 tables 1; 512 file; incore 512");
            assert_eq!(p.collapse(PAGE, HPN), Einval);
            assert_eq!(p.seen(UNIT), before);
        });
    }
}

#[test]
pub(super) fn truncated_below_a_copy() {
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

/// A memfd of one huge page, mapped by a PMD entry.
fn one_huge_page(program: impl Fn(Program<'_>)) {
    shared(|p| {
        p.write(PAGE, HPN);
        p.drain();
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        program(p);
    });
}

#[test]
pub(super) fn truncated_inside_a_huge_page() {
    one_huge_page(|p| {
        p.resize(100);
        assert_eq!((p.seen(UNIT).as_str(), cached(p)), ("; none; incore 100", 100));
        // What is left of it are small pages.
        p.has_kept(PAGE, 100);
        assert!((PAGE..PAGE + 100).all(|page| !p.frame(page).1));
        assert_eq!((p.load(PAGE + 100), p.k.meminfo().shmem_huge_pages), (None, 0));
    });
}

#[test]
pub(super) fn a_huge_page_that_was_swapped_out() {
    one_huge_page(|p| {
        p.pageout(PAGE, HPN);
        assert_eq!((p.seen(UNIT).as_str(), cached(p)), ("; none; incore 0", 0));
        // One page comes back, and no more.
        assert_eq!(p.load(PAGE + 7), Some(p.tag(PAGE + 7)));
        let one = "shmem 1 tables 1; 7 none, 1 file, 504 none; incore 1";
        assert_eq!((p.seen(UNIT).as_str(), cached(p)), (one, 1));
        p.drain();
        assert_eq!(p.collapse(PAGE, HPN), Ok);
        assert_eq!(p.seen(UNIT), "shmem 512; huge file; incore 512");
        p.has_kept(PAGE, HPN);
    });
}

#[test]
pub(super) fn mapped_where_it_is_not_wanted() {
    one_huge_page(|p| {
        let other = p.other();
        other.mmap(THERE, 1, Some(0), SHARED.with(VmFlags::NOHUGEPAGE));
        assert_eq!(other.collapse(THERE * HPN, HPN), Einval);
        // There is a huge page, so a fault maps it whole: v6.6 does not ask the VMA.
        other.read(THERE * HPN, 1);
        assert_eq!(other.seen(THERE), "shmem 512; huge file; incore 512");
    });
}
