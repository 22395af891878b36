//! Single-threaded stories of a monitor, after the kernel's uffd-unit-tests (kernel-semantics section 14.2).

use super::Mfill;
use crate::mm::khugepaged::Errno;
use crate::mm::memory::Signal;
use crate::mm::memory::tests::{M0, Scene, check, read, tell, write};
use crate::mm::types::{FileId, Pte, Vaddr};
use crate::mm::vma::VmFlags;
use crate::mm::{Kernel, PagemapEntry};
use crate::sync::Cpu;

const F0: FileId = FileId(0);
const HPN: u32 = 4;
const MISSING: VmFlags = VmFlags::UFFD_MISSING;
const WP: VmFlags = VmFlags::UFFD_WP;
const MINOR: VmFlags = VmFlags::UFFD_MINOR;

fn all(pages: u32) -> (Vaddr, Vaddr) {
    (Vaddr(0), Vaddr(pages))
}

fn anon(s: &mut Scene) {
    s.map(M0, 0, HPN, None, false);
}

/// A file with all pages in the cache, mapped twice.
fn twice(s: &mut Scene) {
    s.file(HPN);
    s.map(M0, 0, HPN, Some(F0), true);
    s.map(M0, HPN, HPN, Some(F0), true);
}

fn register(k: &Kernel, cpu: &Cpu<'_>, range: (Vaddr, Vaddr), modes: VmFlags) {
    assert_eq!(k.userfaultfd_register(cpu, M0, range, modes), Errno::Ok);
}

fn protect(k: &Kernel, cpu: &Cpu<'_>, page: u32, on: bool) -> Errno {
    k.mwriteprotect_range(cpu, M0, (Vaddr(page), Vaddr(page + 1)), on)
}

fn fill(k: &Kernel, cpu: &Cpu<'_>, page: u32, what: Mfill) -> Errno {
    let errno = k.mfill_atomic(cpu, M0, Vaddr(page), what);
    check(k, cpu);
    errno
}

fn entry(k: &Kernel, page: u32) -> Pte {
    let table = k.peek_pmd(M0, Vaddr(page)).pgtable().expect("a table");
    Pte(k.tables.get(table).entry(page).peek())
}

#[test]
fn a_missing_page_is_copied_once() {
    tell(anon, |k, cpu| {
        assert_eq!(fill(k, cpu, 1, Mfill::Copy(7)), Errno::Enoent, "not registered");
        register(k, cpu, all(HPN), MISSING);
        assert_eq!(fill(k, cpu, 1, Mfill::Copy(7)), Errno::Ok);
        assert_eq!(fill(k, cpu, 1, Mfill::Copy(8)), Errno::Eexist);
        assert_eq!(fill(k, cpu, 1, Mfill::Zeropage), Errno::Eexist);
        assert_eq!(fill(k, cpu, 2, Mfill::Zeropage), Errno::Ok);
        assert_eq!([read(k, cpu, M0, 1), read(k, cpu, M0, 2)], [Ok(7), Ok(0)]);
        assert!(write(k, cpu, M0, 2, 9).is_ok(), "a copy of the zero page");
        assert_eq!(fill(k, cpu, 1, Mfill::Continue), Errno::Einval, "no page cache");
    });
}

#[test]
fn a_hole_of_a_file_is_filled_for_everybody() {
    tell(twice, |k, cpu| {
        register(k, cpu, (Vaddr(HPN), Vaddr(2 * HPN)), MISSING);
        assert_eq!(fill(k, cpu, HPN, Mfill::Copy(5)), Errno::Ok);
        assert_eq!(fill(k, cpu, HPN + 1, Mfill::Zeropage), Errno::Ok);
        assert_eq!([read(k, cpu, M0, 0), read(k, cpu, M0, 1)], [Ok(5), Ok(0)]);
        // What somebody else has put into the cache cannot be copied over, and is not missing.
        assert!(write(k, cpu, M0, 2, 6).is_ok());
        assert_eq!(fill(k, cpu, HPN + 2, Mfill::Copy(1)), Errno::Eexist);
        assert_eq!(read(k, cpu, M0, HPN + 2), Ok(6));
        // Behind the end of the file there is nothing.
        k.shmem_setattr(cpu, F0, 3);
        assert_eq!(fill(k, cpu, HPN + 3, Mfill::Copy(1)), Errno::Efault);
    });
}

#[test]
fn a_private_mapping_gets_a_page_of_its_own_and_the_file_none() {
    let scene = |s: &mut Scene| {
        s.file(HPN);
        s.map(M0, 0, HPN, Some(F0), false);
    };
    tell(scene, |k, cpu| {
        register(k, cpu, all(HPN), MISSING);
        assert_eq!(fill(k, cpu, 1, Mfill::Copy(3)), Errno::Ok);
        assert_eq!(read(k, cpu, M0, 1), Ok(3));
        assert_eq!(k.mapping(F0).peek(1), None);
    });
}

#[test]
fn write_protection_of_what_is_there_and_of_what_is_not() {
    tell(twice, |k, cpu| {
        assert!(write(k, cpu, M0, 0, 1).is_ok());
        assert_eq!(protect(k, cpu, 0, true), Errno::Enoent);
        register(k, cpu, all(HPN), WP);
        // A page that is mapped, and one that is not: a marker keeps it.
        assert_eq!([protect(k, cpu, 0, true), protect(k, cpu, 1, true)], [Errno::Ok, Errno::Ok]);
        assert!(entry(k, 0).is_uffd_wp() && !entry(k, 0).is_write());
        assert!(entry(k, 1).is_uffd_wp_marker());
        let mut seen = vec![PagemapEntry::default(); HPN as usize];
        k.pagemap(cpu, M0, Vaddr(0), &mut seen);
        assert_eq!(seen.map_wp(), [true, true, false, false]);
        // The page cache has the one and not the other, whatever the entries say.
        let mut vec = [9; 2];
        k.mincore(cpu, M0, Vaddr(0), &mut vec);
        assert_eq!(vec, [1, 0]);
        // Read, and it is there and protected.
        assert_eq!(read(k, cpu, M0, 1), Ok(0));
        assert!(entry(k, 1).is_uffd_wp() && !entry(k, 1).is_write());
        // Dropped, a marker stays; lifted, none.
        k.madvise_dontneed(cpu, M0, Vaddr(0), 2);
        assert!(entry(k, 0).is_uffd_wp_marker());
        assert_eq!(protect(k, cpu, 0, false), Errno::Ok);
        assert!(entry(k, 0).is_none());
        assert!(write(k, cpu, M0, 0, 2).is_ok());
        check(k, cpu);
    });
}

#[test]
fn protection_of_anonymous_memory_goes_with_its_page() {
    tell(anon, |k, cpu| {
        assert!(write(k, cpu, M0, 0, 1).is_ok());
        register(k, cpu, all(HPN), WP);
        assert_eq!([protect(k, cpu, 0, true), protect(k, cpu, 1, true)], [Errno::Ok, Errno::Ok]);
        assert!(entry(k, 1).is_none(), "no markers here");
        // Swapped out and in, it is protected still.
        assert!(k.pageout(cpu, M0, Vaddr(0)));
        assert!(entry(k, 0).is_swp_uffd_wp());
        assert_eq!(read(k, cpu, M0, 0), Ok(1));
        assert!(entry(k, 0).is_uffd_wp());
        assert_eq!(protect(k, cpu, 0, false), Errno::Ok);
        assert!(write(k, cpu, M0, 0, 2).is_ok());
        protect(k, cpu, 0, true);
        k.madvise_dontneed(cpu, M0, Vaddr(0), 1);
        assert!(write(k, cpu, M0, 0, 3).is_ok());
    });
}

#[test]
fn unregistering_lifts_all() {
    tell(twice, |k, cpu| {
        assert!(write(k, cpu, M0, 0, 1).is_ok());
        register(k, cpu, all(HPN), WP);
        protect(k, cpu, 0, true);
        protect(k, cpu, 1, true);
        assert_eq!(k.userfaultfd_unregister(cpu, M0, all(HPN)), Errno::Ok);
        assert!(!entry(k, 0).is_uffd_wp() && entry(k, 1).is_none());
        assert!(write(k, cpu, M0, 0, 2).is_ok());
    });
}

#[test]
fn a_part_of_a_mapping_is_registered() {
    tell(anon, |k, cpu| {
        register(k, cpu, (Vaddr(1), Vaddr(2)), MISSING);
        assert_eq!(k.vmas_in(M0, Vaddr(0), Vaddr(HPN)).len(), 3);
        k.userfaultfd_unregister(cpu, M0, all(HPN));
        assert_eq!(k.vmas_in(M0, Vaddr(0), Vaddr(HPN)).len(), 1, "merged again");
        register(k, cpu, (Vaddr(1), Vaddr(2)), MISSING);
        assert!(write(k, cpu, M0, 0, 1).is_ok());
        assert_eq!(fill(k, cpu, 0, Mfill::Copy(2)), Errno::Enoent);
        assert_eq!(fill(k, cpu, 1, Mfill::Copy(2)), Errno::Ok);
        assert_eq!(k.userfaultfd_register(cpu, M0, all(HPN), MINOR), Errno::Einval);
    });
}

#[test]
fn minor_faults_are_told_to_go_on() {
    tell(twice, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 4).is_ok());
        let second = (Vaddr(HPN), Vaddr(2 * HPN));
        register(k, cpu, second, MINOR.with(WP));
        assert_eq!(fill(k, cpu, HPN + 2, Mfill::Continue), Errno::Efault, "a hole");
        assert_eq!(fill(k, cpu, HPN + 1, Mfill::Continue), Errno::Ok);
        assert_eq!(read(k, cpu, M0, HPN + 1), Ok(4));
        // minor-wp: what was let through can be protected.
        assert_eq!(protect(k, cpu, HPN + 1, true), Errno::Ok);
        assert!(entry(k, HPN + 1).is_uffd_wp());
    });
}

#[test]
fn minor_faults_come_after_a_collapse_too() {
    tell(twice, |k, cpu| {
        for page in 0..HPN {
            assert!(write(k, cpu, M0, page, u64::from(page) + 1).is_ok());
        }
        register(k, cpu, (Vaddr(HPN), Vaddr(2 * HPN)), MINOR);
        assert_eq!(fill(k, cpu, HPN, Mfill::Continue), Errno::Ok);
        k.lru_add_drain(cpu);
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(0), Vaddr(HPN)), Errno::Ok);
        assert!(k.peek_pmd(M0, Vaddr(0)).is_trans_huge());
        for page in 0..HPN {
            assert_eq!(fill(k, cpu, HPN + page, Mfill::Continue), Errno::Ok);
            assert_eq!(read(k, cpu, M0, HPN + page), Ok(u64::from(page) + 1));
        }
    });
}

#[test]
fn a_poisoned_page_is_sigbus_until_it_goes() {
    tell(twice, |k, cpu| {
        register(k, cpu, all(HPN), MISSING);
        assert_eq!(fill(k, cpu, 1, Mfill::Poison), Errno::Ok);
        assert_eq!(fill(k, cpu, 1, Mfill::Poison), Errno::Eexist);
        assert_eq!(read(k, cpu, M0, 1), Err(Signal::Bus));
        // It is no copy of a page of the file, but goes with those.
        k.unmap_mapping_range(cpu, F0, 0, false);
        assert!(entry(k, 1).is_poisoned_marker());
        k.unmap_mapping_range(cpu, F0, 0, true);
        assert!(entry(k, 1).is_none());
        // A page may take its place.
        assert_eq!(fill(k, cpu, 1, Mfill::Poison), Errno::Ok);
        assert_eq!(fill(k, cpu, 1, Mfill::Copy(8)), Errno::Ok);
        assert_eq!(read(k, cpu, M0, 1), Ok(8));
    });
}

/// Which of the pages pagemap calls write-protected.
trait MapWp {
    fn map_wp(&self) -> Vec<bool>;
}

impl MapWp for [PagemapEntry] {
    fn map_wp(&self) -> Vec<bool> {
        self.iter().map(|entry| entry.is_uffd_wp()).collect()
    }
}
