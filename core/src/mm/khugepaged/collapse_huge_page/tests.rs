//! Single-threaded stories of anonymous memory: what becomes a huge page, why it does not, and that nothing is lost then.

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::{Errno, ScanResult};
use crate::mm::memory::tests::{HPN, M0, Scene, check, read, tell, write};
use crate::mm::pgtable::PteMap;
use crate::mm::tunables::MaxPtes;
use crate::mm::types::{FolioId, Pmd, Pte, Rss, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

const HERE: Vaddr = Vaddr(HPN);

/// A mapping of one huge unit that may be huge, in an mm that khugepaged knows.
fn anon(scene: &mut Scene) {
    of_units(scene, 1);
}

fn of_units(scene: &mut Scene, units: u32) {
    let vma = scene.map(M0, HERE.0, units * HPN, None, false);
    let flags = VmFlags::READ.with(VmFlags::HUGEPAGE);
    scene.0.vma(vma).change_flags(&Cpu::free(3, &scene.0.smp), flags, VmFlags::default());
    scene.0.init_khugepaged_slot(M0);
}

fn strict(max: MaxPtes) -> impl Fn(&mut Scene) {
    move |scene| {
        anon(scene);
        scene.0.config.max_ptes_none = max;
        scene.0.config.max_ptes_swap = max;
    }
}

/// Small pages: a table is there already when they are written. They have left the CPU's batch.
fn fill(k: &Kernel, cpu: &Cpu<'_>, haddr: Vaddr, pages: &[u32]) {
    k.pte_alloc_under_mmap_lock(cpu, M0, haddr);
    for &page in pages {
        let tag = 100 + u64::from(page);
        assert_eq!(write(k, cpu, M0, haddr.0 + page, tag), Ok(tag));
    }
    k.lru_add_drain(cpu);
}

fn madvise(k: &Kernel, cpu: &Cpu<'_>) -> Errno {
    k.do_madvise_collapse(cpu, M0, HERE, Vaddr(HERE.0 + HPN))
}

fn scan(k: &Kernel, cpu: &Cpu<'_>, is_khugepaged: bool) -> ScanResult {
    let mut mmap_locked = true;
    k.mmap_read_lock(cpu, M0);
    let result = k.hpage_collapse_scan_pmd(cpu, (VmaId(0), HERE), &mut mmap_locked, is_khugepaged);
    if mmap_locked {
        k.mmap_read_unlock(cpu, M0);
    }
    result
}

fn is_huge(k: &Kernel, haddr: Vaddr) -> bool {
    Pmd(k.pmdp(M0, haddr).peek()).is_trans_huge()
}

fn pte(k: &Kernel, page: u32) -> Pte {
    let table = Pmd(k.pmdp(M0, HERE).peek()).pgtable().expect("a table");
    Pte(k.tables.get(table).entry(HERE.0 + page).peek())
}

fn folio(k: &Kernel, page: u32) -> FolioId {
    k.folios.of(pte(k, page).pfn())
}

fn rss(k: &Kernel) -> [u64; 2] {
    [Rss::Anon, Rss::Swap].map(|which| k.mm(M0).rss[which as usize].peek())
}

#[track_caller]
fn holds(k: &Kernel, cpu: &Cpu<'_>, contents: [u64; HPN as usize]) {
    for (page, content) in (HERE.0..).zip(contents) {
        assert_eq!(read(k, cpu, M0, page), Ok(content), "page {page}");
    }
}

#[test]
fn pages_and_holes_become_a_huge_page() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[0, 2]);
        assert_eq!((rss(k), k.mm(M0).nr_ptes.peek()), ([2, 0], 1));
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert!(is_huge(k, HERE));
        // The table was deposited.
        assert_eq!((rss(k), k.mm(M0).nr_ptes.peek()), ([4, 0], 1));
        check(k, cpu);
        holds(k, cpu, [100, 0, 102, 0]);
        assert_eq!(write(k, cpu, M0, HERE.0 + 1, 7), Ok(7));
        assert_eq!(madvise(k, cpu), Errno::Ok);
        holds(k, cpu, [100, 7, 102, 0]);
    });
}

#[test]
fn zero_pages_are_counted_now() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[3]);
        assert_eq!([0, 1].map(|page| read(k, cpu, M0, HERE.0 + page)), [Ok(0), Ok(0)]);
        assert_eq!(rss(k), [1, 0]);
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert_eq!(rss(k), [4, 0]);
        holds(k, cpu, [0, 0, 0, 103]);
    });
}

#[test]
fn memory_that_was_never_written_is_refused() {
    tell(anon, |k, cpu| {
        assert_eq!(madvise(k, cpu), Errno::Einval);
        k.pte_alloc_under_mmap_lock(cpu, M0, HERE);
        assert_eq!(read(k, cpu, M0, HERE.0), Ok(0));
        // There is no anon_vma.
        assert_eq!(madvise(k, cpu), Errno::Einval);
        assert_eq!(scan(k, cpu, false), ScanResult::PageRo);
    });
}

#[test]
fn what_is_swapped_out_comes_in() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[0, 1, 2]);
        assert!(k.pageout(cpu, M0, Vaddr(HERE.0 + 1)));
        assert_eq!(rss(k), [2, 1]);
        assert_eq!(scan(k, cpu, true), ScanResult::ExceedSwapPte);
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert_eq!(rss(k), [4, 0]);
        holds(k, cpu, [100, 101, 102, 0]);
    });
    // With nothing else there is no entry that permits writes.
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[1]);
        assert!(k.pageout(cpu, M0, Vaddr(HERE.0 + 1)));
        assert_eq!(scan(k, cpu, false), ScanResult::PageRo);
        assert_eq!(madvise(k, cpu), Errno::Einval);
        assert_eq!(rss(k), [0, 1]);
    });
}

#[test]
fn khugepaged_swaps_in_as_much_as_it_may() {
    tell(strict(MaxPtes::Half), |k, cpu| {
        fill(k, cpu, HERE, &[0, 1, 2, 3]);
        for page in [0, 1] {
            assert!(k.pageout(cpu, M0, Vaddr(HERE.0 + page)));
        }
        assert_eq!(scan(k, cpu, true), ScanResult::Succeed);
        holds(k, cpu, [100, 101, 102, 103]);
    });
}

#[test]
fn khugepaged_fills_as_many_holes_as_it_may() {
    tell(strict(MaxPtes::Zero), |k, cpu| {
        fill(k, cpu, HERE, &[0, 1, 2]);
        assert_eq!(scan(k, cpu, true), ScanResult::ExceedNonePte);
        fill(k, cpu, HERE, &[3]);
        assert_eq!(scan(k, cpu, true), ScanResult::Succeed);
    });
}

#[test]
fn khugepaged_leaves_alone_what_nobody_uses() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[0, 1]);
        let table = Pmd(k.pmdp(M0, HERE).peek()).pgtable().expect("a table");
        for page in [0, 1] {
            let pte = PteMap { table };
            assert!(k.ptep_test_and_clear_young(cpu, pte, Vaddr(HERE.0 + page)));
        }
        assert_eq!(scan(k, cpu, true), ScanResult::LackReferencedPage);
        assert_eq!(madvise(k, cpu), Errno::Ok);
    });
}

#[test]
fn a_page_that_is_held_or_locked_or_not_on_the_lru_stands_in_the_way() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[0, 2]);
        let page = folio(k, 2);
        k.folio_get(cpu, page);
        assert_eq!((scan(k, cpu, false), madvise(k, cpu)), (ScanResult::PageCount, Errno::Eagain));
        k.folio_put(cpu, page);
        k.folio(page).lock.lock(cpu);
        k.folio(page).lock.forget(cpu);
        assert_eq!((scan(k, cpu, false), madvise(k, cpu)), (ScanResult::PageLock, Errno::Eagain));
        k.folio(page).lock.unlock_inherited(cpu);
        assert!(k.folio_isolate_lru(cpu, page));
        assert_eq!((scan(k, cpu, false), madvise(k, cpu)), (ScanResult::PageLru, Errno::Eagain));
        k.folio_putback_lru(cpu, page);
        holds(k, cpu, [100, 0, 102, 0]);
        assert_eq!(madvise(k, cpu), Errno::Ok);
    });
}

/// Without the scan, which would have seen it: as if it came between the two.
fn collapse(k: &Kernel, cpu: &Cpu<'_>, is_khugepaged: bool) -> ScanResult {
    k.mmap_read_lock(cpu, M0);
    k.collapse_huge_page(cpu, (M0, HERE), 1, is_khugepaged)
}

#[test]
fn what_the_scan_could_not_see_brings_the_old_table_back() {
    let spoil = |spoil: &dyn Fn(&Kernel, &Cpu<'_>, FolioId),
                 mend: &dyn Fn(&Kernel, &Cpu<'_>, FolioId)| {
        tell(anon, |k, cpu| {
            fill(k, cpu, HERE, &[0, 2]);
            assert_eq!(read(k, cpu, M0, HERE.0 + 1), Ok(0));
            let page = folio(k, 2);
            spoil(k, cpu, page);
            let result = collapse(k, cpu, false);
            assert_ne!(result, ScanResult::Succeed);
            assert_eq!((folio(k, 2), rss(k)), (page, [2, 0]), "{result:?}");
            mend(k, cpu, page);
            check(k, cpu);
            holds(k, cpu, [100, 0, 102, 0]);
            assert_eq!(madvise(k, cpu), Errno::Ok);
        });
    };
    spoil(&|k, cpu, page| k.folio_get(cpu, page), &|k, cpu, page| k.folio_put(cpu, page));
    spoil(&|k, cpu, page| assert!(k.folio_isolate_lru(cpu, page)), &|k, cpu, page| {
        k.folio_putback_lru(cpu, page)
    });
    spoil(
        &|k, cpu, page| {
            k.folio(page).lock.lock(cpu);
            k.folio(page).lock.forget(cpu);
        },
        &|k, cpu, page| k.folio(page).lock.unlock_inherited(cpu),
    );
}

#[test]
fn broken_memory_is_found_by_the_copy() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[0, 1, 2, 3]);
        let page = folio(k, 2);
        k.poison_page(cpu, k.folios.head(page));
        assert_eq!(scan(k, cpu, false), ScanResult::CopyMc);
        assert_eq!((madvise(k, cpu), folio(k, 2), rss(k)), (Errno::Einval, page, [4, 0]));
        check(k, cpu);
        holds(k, cpu, [100, 101, 102, 103]);
    });
}

#[test]
fn holes_and_protected_pages_that_userfaultfd_watches_stay_as_they_are() {
    let armed = |scene: &mut Scene| {
        anon(scene);
        let cpu = Cpu::free(3, &scene.0.smp);
        scene.0.vma(VmaId(0)).change_flags(&cpu, VmFlags::UFFD_WP, VmFlags::default());
    };
    tell(armed, |k, cpu| {
        fill(k, cpu, HERE, &[0, 1, 2]);
        assert_eq!(
            (scan(k, cpu, false), madvise(k, cpu)),
            (ScanResult::ExceedNonePte, Errno::Ebusy)
        );
        fill(k, cpu, HERE, &[3]);
        let table = Pmd(k.pmdp(M0, HERE).peek()).pgtable().expect("a table");
        let word = k.tables.get(table).entry(HERE.0 + 1);
        let before = word.peek();
        word.poke(Pte(before).mkuffd_wp().0);
        assert_eq!((scan(k, cpu, false), madvise(k, cpu)), (ScanResult::PteUffdWp, Errno::Einval));
        assert_eq!(collapse(k, cpu, false), ScanResult::PteUffdWp);
        word.poke(before);
        assert_eq!(madvise(k, cpu), Errno::Ok);
    });
}

#[test]
fn a_huge_page_that_is_mapped_by_entries_is_copied_to_another() {
    tell(anon, |k, cpu| {
        assert_eq!(write(k, cpu, M0, HERE.0 + 1, 101), Ok(101));
        assert!(is_huge(k, HERE));
        assert_eq!(k.madvise_dontneed(cpu, M0, Vaddr(HERE.0 + 2), 1), Errno::Ok);
        assert!(!is_huge(k, HERE));
        k.lru_add_drain(cpu);
        let old = folio(k, 1);
        assert_eq!(write(k, cpu, M0, HERE.0 + 2, 102), Ok(102));
        assert_eq!(madvise(k, cpu), Errno::Ok);
        assert!(is_huge(k, HERE) && !k.folio(old).is_allocated());
        holds(k, cpu, [0, 101, 102, 0]);
    });
}

#[test]
fn several_ranges_are_collapsed_one_after_the_other() {
    let three = |scene: &mut Scene| of_units(scene, 3);
    tell(three, |k, cpu| {
        let units = [0, 1, 2].map(|unit| Vaddr(HERE.0 + unit * HPN));
        units.iter().for_each(|&haddr| fill(k, cpu, haddr, &[0, 1]));
        let collapse = |from: u32, to: u32| {
            k.do_madvise_collapse(cpu, M0, Vaddr(HERE.0 + from), Vaddr(HERE.0 + to))
        };
        // No whole huge page, or none at all; but one end must be aligned.
        assert_eq!([collapse(0, HPN - 1), collapse(1, HPN + 1), collapse(0, 0)], [Errno::Ok; 3]);
        assert_eq!(collapse(1, HPN - 1), Errno::Einval);
        assert_eq!(units.map(|haddr| is_huge(k, haddr)), [false; 3]);
        assert_eq!(collapse(1, 2 * HPN), Errno::Ok);
        assert_eq!(units.map(|haddr| is_huge(k, haddr)), [false, true, false]);
        // What fails in the middle, for the time being, does not keep the others from it.
        k.folio_get(cpu, folio(k, 0));
        assert_eq!(collapse(0, 3 * HPN), Errno::Eagain);
        assert_eq!(units.map(|haddr| is_huge(k, haddr)), [false, true, true]);
        k.folio_put(cpu, folio(k, 0));
    });
}

#[test]
fn a_range_that_fails_for_good_is_the_last() {
    let three = |scene: &mut Scene| of_units(scene, 3);
    tell(three, |k, cpu| {
        fill(k, cpu, HERE, &[0]);
        fill(k, cpu, Vaddr(HERE.0 + 2 * HPN), &[0]);
        // SCAN_PMD_NONE.
        assert_eq!(k.do_madvise_collapse(cpu, M0, HERE, Vaddr(HERE.0 + 3 * HPN)), Errno::Einval);
        assert_eq!([0, 2].map(|unit| is_huge(k, Vaddr(HERE.0 + unit * HPN))), [true, false]);
        // And there is something else behind the mapping, or nothing.
        let end = Vaddr(HERE.0 + 4 * HPN);
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(HERE.0 + 2 * HPN), end), Errno::Enomem);
        assert!(is_huge(k, Vaddr(HERE.0 + 2 * HPN)));
    });
}

#[test]
fn khugepaged_comes_again_for_the_rest() {
    let three = |scene: &mut Scene| of_units(scene, 3);
    tell(three, |k, cpu| {
        let units = [0, 1, 2].map(|unit| Vaddr(HERE.0 + unit * HPN));
        units.iter().for_each(|&haddr| fill(k, cpu, haddr, &[0]));
        k.khugepaged_scan_range(cpu, M0, Vaddr(HERE.0 + 1), Vaddr(HERE.0 + 3 * HPN));
        assert_eq!(units.map(|haddr| is_huge(k, haddr)), [false, true, true]);
    });
    // Not if somebody holds mmap_lock for write.
    tell(three, |k, cpu| {
        fill(k, cpu, HERE, &[0]);
        let other = Cpu::free(2, &k.smp);
        k.mmap_write_lock(&other, M0);
        k.khugepaged_scan_range(cpu, M0, HERE, Vaddr(HERE.0 + HPN));
        k.mmap_write_unlock(&other, M0);
        assert!(!is_huge(k, HERE));
    });
    // Nor where sysfs does not want it.
    let unwanted = |scene: &mut Scene| {
        anon(scene);
        let cpu = Cpu::free(3, &scene.0.smp);
        scene.0.vma(VmaId(0)).change_flags(&cpu, VmFlags::default(), VmFlags::HUGEPAGE);
    };
    tell(unwanted, |k, cpu| {
        fill(k, cpu, HERE, &[0]);
        k.khugepaged_scan_range(cpu, M0, HERE, Vaddr(HERE.0 + HPN));
        assert!(!is_huge(k, HERE));
        assert_eq!(madvise(k, cpu), Errno::Ok);
    });
}

#[test]
fn a_cgroup_that_is_full_and_a_node_that_is_far() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[0]);
        // The page is the first allocation, the charge the second.
        k.set_fail_alloc(cpu, 1);
        assert_eq!(scan(k, cpu, true), ScanResult::CgroupChargeFail);
        // MADV_COLLAPSE allocates what it collects first.
        k.set_fail_alloc(cpu, 2);
        assert_eq!(madvise(k, cpu), Errno::Ebusy);
    });
    let far = |scene: &mut Scene| {
        anon(scene);
        scene.0.steps.anon.scan_abort = |_, _, _| true;
    };
    tell(far, |k, cpu| {
        fill(k, cpu, HERE, &[0]);
        assert_eq!((scan(k, cpu, true), madvise(k, cpu)), (ScanResult::ScanAbort, Errno::Einval));
    });
}

#[test]
fn what_is_mapped_there_now_is_asked_for_again() {
    tell(anon, |k, cpu| {
        fill(k, cpu, HERE, &[0]);
        let again = |expect_anon| k.hugepage_vma_revalidate(cpu, (M0, HERE), expect_anon, true);
        assert_eq!(again(true), Ok(VmaId(0)));
        let vma = k.vma(VmaId(0));
        vma.change_flags(cpu, VmFlags::NOHUGEPAGE, VmFlags::default());
        assert_eq!(again(false), Err(ScanResult::VmaCheck));
        let beyond = |pages| k.hugepage_vma_revalidate(cpu, (M0, Vaddr(pages)), true, false);
        assert_eq!(beyond(0), Err(ScanResult::AddressRange));
        assert_eq!(beyond(2 * HPN), Err(ScanResult::VmaNull));
        // Nobody has got there without one.
        let anon_vma = vma.anon_vma.peek();
        vma.change_flags(cpu, VmFlags::default(), VmFlags::NOHUGEPAGE);
        vma.anon_vma.poke(0);
        assert_eq!(again(true), Err(ScanResult::VmaCheck));
        vma.anon_vma.poke(anon_vma);
        assert!(k.folio(folio(k, 0)).has(flags::LRU));
    });
}
