//! Single-threaded stories of collapses: what comes of small pages and holes, why a collapse gives up, and that nothing
//! is lost when it does.

use super::{Errno, ScanResult};
use crate::mm::Signal;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::memory::tests::{Scene, read, tell, write};
use crate::mm::steps::Era;
use crate::mm::tunables::MaxPtes;
use crate::mm::types::{FileId, FolioId, MmId, Pmd, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

const HPN: u32 = 4;
const M0: MmId = MmId(0);
const M1: MmId = MmId(1);
const F0: FileId = FileId(0);
/// Where M0 maps the file, and M1.
const HERE: Vaddr = Vaddr(HPN);
const THERE: Vaddr = Vaddr(2 * HPN);

fn shared(scene: &mut Scene) {
    scene.file(HPN);
    scene.map(M0, HERE.0, HPN, Some(F0), true);
}

fn in_two_mms(scene: &mut Scene) {
    shared(scene);
    scene.map(M1, THERE.0, HPN, Some(F0), true);
}

fn regular(scene: &mut Scene) {
    scene.0.files[0].regular = true;
    scene.file(HPN);
    let vma = scene.map(M0, HERE.0, HPN, Some(F0), false);
    let flags = VmFlags::READ.with(VmFlags::EXEC);
    scene.0.vma(vma).change_flags(&Cpu::free(3, &scene.0.smp), flags, VmFlags::WRITE);
}

/// A program that has written to pages 0 and 2, some time ago.
fn two_pages(k: &Kernel, cpu: &Cpu<'_>) {
    for page in [0, 2] {
        assert_eq!(
            write(k, cpu, M0, HERE.0 + page, 100 + u64::from(page)),
            Ok(100 + u64::from(page))
        );
    }
    k.lru_add_drain(cpu);
}

fn madvise(k: &Kernel, cpu: &Cpu<'_>) -> Errno {
    k.do_madvise_collapse(cpu, M0, HERE, Vaddr(HERE.0 + HPN))
}

fn scan(k: &Kernel, cpu: &Cpu<'_>, is_khugepaged: bool) -> ScanResult {
    k.hpage_collapse_scan_file(cpu, (M0, HERE), F0, 0, is_khugepaged)
}

fn folio(k: &Kernel, index: u32) -> FolioId {
    k.mapping(F0).peek(index).expect("a page of the cache")
}

fn is_huge(k: &Kernel, mm: MmId, addr: Vaddr) -> bool {
    Pmd(k.pmdp(mm, addr).peek()).is_trans_huge()
}

/// What the file counts: pages in the cache, pages it is charged for, huge pages.
fn counts(k: &Kernel) -> [u64; 3] {
    let file = k.mapping(F0);
    [&file.nrpages, &file.alloced, &file.nr_thps].map(|word| word.peek())
}

#[test]
fn small_pages_and_holes_become_a_huge_page() {
    tell(shared, |k, cpu| {
        two_pages(k, cpu);
        assert_eq!(counts(k), [2, 2, 0]);
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert!(is_huge(k, M0, HERE));
        assert_eq!(counts(k), [4, 4, 0]);
        let contents = [0, 1, 2, 3].map(|page| read(k, cpu, M0, HERE.0 + page));
        assert_eq!(contents, [Ok(100), Ok(0), Ok(102), Ok(0)]);
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert_eq!(k.mm(M0).nr_ptes.peek(), 0);
    });
}

#[test]
fn khugepaged_leaves_the_mapping_to_the_next_fault() {
    tell(shared, |k, cpu| {
        two_pages(k, cpu);
        assert_eq!(scan(k, cpu, true), ScanResult::Succeed);
        assert_eq!(k.mm(M0).nr_ptes.peek(), 0);
        assert!(!is_huge(k, M0, HERE));
        assert_eq!(read(k, cpu, M0, HERE.0 + 2), Ok(102));
        assert!(is_huge(k, M0, HERE));
        assert_eq!(scan(k, cpu, true), ScanResult::PteMappedHugepage);
    });
}

#[test]
fn tables_go_in_every_mm_but_for_those_with_copies() {
    tell(in_two_mms, |k, cpu| {
        two_pages(k, cpu);
        assert_eq!(read(k, cpu, M1, THERE.0 + 2), Ok(102));
        assert_eq!((k.mm(M0).nr_ptes.peek(), k.mm(M1).nr_ptes.peek()), (1, 1));
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert_eq!((k.mm(M0).nr_ptes.peek(), k.mm(M1).nr_ptes.peek()), (0, 0));
    });
    let private_there = |scene: &mut Scene| {
        shared(scene);
        scene.map(M1, THERE.0, HPN, Some(F0), false);
    };
    tell(private_there, |k, cpu| {
        two_pages(k, cpu);
        assert_eq!(write(k, cpu, M1, THERE.0 + 1, 7), Ok(7));
        k.lru_add_drain(cpu);
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert_eq!((k.mm(M0).nr_ptes.peek(), k.mm(M1).nr_ptes.peek()), (0, 1));
        assert_eq!(read(k, cpu, M1, THERE.0 + 1), Ok(7));
    });
}

#[test]
fn an_empty_range_is_truncated() {
    tell(shared, |k, cpu| {
        assert_eq!(scan(k, cpu, true), ScanResult::ExceedNonePte);
        assert_eq!(scan(k, cpu, false), ScanResult::Truncated);
        assert_eq!(madvise(k, cpu), Errno::Einval);
        assert_eq!(counts(k), [0; 3]);
    });
}

#[test]
fn khugepaged_fills_as_many_holes_as_it_may() {
    let strict = |scene: &mut Scene| {
        shared(scene);
        scene.0.config.max_ptes_none = MaxPtes::Zero;
    };
    tell(strict, |k, cpu| {
        two_pages(k, cpu);
        assert_eq!(scan(k, cpu, true), ScanResult::ExceedNonePte);
        assert_eq!(madvise(k, cpu), Errno::Ok);
    });
}

#[test]
fn a_page_that_is_pinned_or_not_on_the_lru_stands_in_the_way() {
    tell(shared, |k, cpu| {
        two_pages(k, cpu);
        let pinned = folio(k, 2);
        k.folio_get(cpu, pinned);
        assert_eq!(madvise(k, cpu), Errno::Eagain);
        assert_eq!(scan(k, cpu, false), ScanResult::PageCount);
        // Pinned after the scan: the pages that were gathered before it come back.
        let direct = k.collapse_file(cpu, (M0, HERE), F0, 0, false);
        assert_eq!((direct, counts(k)), (ScanResult::PageCount, [2, 2, 0]));
        k.folio_put(cpu, pinned);
        k.lru_add_drain(cpu);
        assert!(k.folio_isolate_lru(cpu, pinned));
        assert_eq!(scan(k, cpu, false), ScanResult::PageLru);
        let direct = k.collapse_file(cpu, (M0, HERE), F0, 0, false);
        assert_eq!(direct, ScanResult::DelPageLru);
        k.folio_putback_lru(cpu, pinned);
        assert_eq!([0, 2].map(|page| read(k, cpu, M0, HERE.0 + page)), [Ok(100), Ok(102)]);
    });
}

#[test]
fn a_page_that_is_locked_stands_in_the_way() {
    tell(shared, |k, cpu| {
        two_pages(k, cpu);
        k.folio(folio(k, 2)).lock.lock(cpu);
        k.folio(folio(k, 2)).lock.forget(cpu);
        assert_eq!(scan(k, cpu, false), ScanResult::PageLock);
        k.folio(folio(k, 2)).lock.unlock_inherited(cpu);
        assert_eq!(madvise(k, cpu), Errno::Ok);
    });
}

#[test]
fn broken_memory_is_found_by_the_copy() {
    tell(shared, |k, cpu| {
        two_pages(k, cpu);
        let broken = folio(k, 2);
        k.poison_page(cpu, k.folios.head(broken));
        assert_eq!(madvise(k, cpu), Errno::Einval);
        k.lru_add_drain(cpu);
        assert_eq!(scan(k, cpu, false), ScanResult::CopyMc);
        assert_eq!(counts(k), [2, 2, 0]);
        assert_eq!(folio(k, 2), broken);
        assert_eq!(read(k, cpu, M0, HERE.0), Ok(100));
    });
}

#[test]
fn a_hole_that_userfaultfd_wants_to_hear_of_stays_one() {
    let armed = |scene: &mut Scene| {
        in_two_mms(scene);
        let cpu = Cpu::free(3, &scene.0.smp);
        scene.0.vma(VmaId(1)).change_flags(&cpu, VmFlags::UFFD_MISSING, VmFlags::default());
    };
    tell(armed, |k, cpu| {
        two_pages(k, cpu);
        assert_eq!(scan(k, cpu, false), ScanResult::ExceedNonePte);
        assert_eq!(madvise(k, cpu), Errno::Ebusy);
        assert_eq!(counts(k), [2, 2, 0]);
        assert!(k.mapping(F0).peek(1).is_none());
        for page in [1, 3] {
            assert_eq!(read(k, cpu, M0, HERE.0 + page), Ok(0));
        }
        k.lru_add_drain(cpu);
        assert_eq!(madvise(k, cpu), Errno::Ok);
    });
}

#[test]
fn write_protected_and_unwilling_vmas_keep_their_tables() {
    let with = |flag: VmFlags| {
        move |scene: &mut Scene| {
            shared(scene);
            scene.0.vma(VmaId(0)).change_flags(
                &Cpu::free(3, &scene.0.smp),
                flag,
                VmFlags::default(),
            );
        }
    };
    for flag in [VmFlags::UFFD_WP, VmFlags::NOHUGEPAGE] {
        tell(with(flag), |k, cpu| {
            two_pages(k, cpu);
            assert_eq!(madvise(k, cpu), Errno::Einval);
            assert_eq!(k.mm(M0).nr_ptes.peek(), 1);
            assert_eq!(read(k, cpu, M0, HERE.0 + 2), Ok(102));
        });
    }
}

#[test]
fn an_armed_private_mapping_is_collapsed_under_pml() {
    let armed = |scene: &mut Scene| {
        scene.file(HPN);
        let vma = scene.map(M0, HERE.0, HPN, Some(F0), false);
        let cpu = Cpu::free(3, &scene.0.smp);
        scene.0.vma(vma).change_flags(&cpu, VmFlags::UFFD_MISSING, VmFlags::default());
    };
    tell(armed, |k, cpu| {
        crate::mm::memory::tests::huge_page(k, cpu, 0);
        k.pte_alloc_under_mmap_lock(cpu, M0, HERE);
        assert_eq!(read(k, cpu, M0, HERE.0 + 1), Ok(101));
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert!(is_huge(k, M0, HERE));
    });
    tell(armed, |k, cpu| {
        crate::mm::memory::tests::huge_page(k, cpu, 0);
        k.pte_alloc_under_mmap_lock(cpu, M0, HERE);
        assert_eq!(write(k, cpu, M0, HERE.0 + 1, 7), Ok(7));
        assert_eq!(read(k, cpu, M0, HERE.0), Ok(100));
        assert_eq!(madvise(k, cpu), Errno::Einval);
        assert_eq!(read(k, cpu, M0, HERE.0 + 1), Ok(7));
    });
}

#[test]
fn what_a_regular_file_has_not_read_yet_is_read_in() {
    tell(regular, |k, cpu| {
        assert_eq!(read(k, cpu, M0, HERE.0), Ok(0));
        k.lru_add_drain(cpu);
        assert_eq!(scan(k, cpu, false), ScanResult::PteMappedHugepage);
        assert_eq!(counts(k), [4, 0, 1]);
        assert!(!k.folio(folio(k, 0)).has(flags::SWAPBACKED | flags::DIRTY));
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert!(is_huge(k, M0, HERE));
        k.shmem_setattr(cpu, F0, 0);
        assert_eq!(counts(k), [0; 3]);
        assert_eq!(read(k, cpu, M0, HERE.0), Err(Signal::Bus));
    });
}

#[test]
fn a_regular_file_that_is_written_to_gets_no_huge_pages() {
    tell(regular, |k, cpu| {
        assert_eq!(read(k, cpu, M0, HERE.0), Ok(0));
        k.lru_add_drain(cpu);
        k.folio(folio(k, 0)).flags.poke_bits(flags::DIRTY, 0);
        assert_eq!(scan(k, cpu, false), ScanResult::Fail);
        assert!(!k.folio(folio(k, 0)).has(flags::DIRTY), "it is written out");
        k.mapping(F0).i_writecount.poke(1);
        assert_eq!(scan(k, cpu, false), ScanResult::Fail);
        assert_eq!(counts(k)[2], 0);
        k.mapping(F0).i_writecount.poke(0);
        k.lru_add_drain(cpu);
        assert_eq!(scan(k, cpu, false), ScanResult::PteMappedHugepage);
    });
}

fn older(scene: impl Fn(&mut Scene)) -> impl Fn(&mut Scene) {
    move |machine| {
        scene(machine);
        machine.0.steps = Era::PreSeed.steps();
    }
}

#[test]
fn the_older_collapse_puts_everything_back() {
    tell(older(shared), |k, cpu| {
        two_pages(k, cpu);
        let pages = [0, 2].map(|index| folio(k, index));
        k.folio_get(cpu, pages[1]);
        let result = k.collapse_file(cpu, (M0, HERE), F0, 0, false);
        assert_eq!((result, counts(k)), (ScanResult::PageCount, [2, 2, 0]));
        assert_eq!([0, 2].map(|index| folio(k, index)), pages);
        assert!([1, 3].iter().all(|&hole| k.mapping(F0).peek(hole).is_none()));
        k.folio_put(cpu, pages[1]);
        assert_eq!([0, 2].map(|page| read(k, cpu, M0, HERE.0 + page)), [Ok(100), Ok(102)]);
    });
}

#[test]
fn the_older_collapse_maps_the_callers_range_at_once_and_leaves_others_to_khugepaged() {
    tell(older(in_two_mms), |k, cpu| {
        two_pages(k, cpu);
        assert_eq!(read(k, cpu, M1, THERE.0 + 2), Ok(102));
        assert_eq!(scan(k, cpu, false), ScanResult::Succeed);
        assert!(is_huge(k, M0, HERE));
        assert_eq!(counts(k), [4, 4, 0]);
        assert_eq!((k.mm(M0).nr_ptes.peek(), k.mm(M1).nr_ptes.peek()), (0, 1));
        k.khugepaged_collapse_pte_mapped_thps(cpu, M1);
        assert_eq!(k.mm(M1).nr_ptes.peek(), 0);
        assert_eq!(read(k, cpu, M1, THERE.0 + 2), Ok(102));
    });
}
