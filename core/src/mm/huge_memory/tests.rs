//! Single-threaded stories of huge anonymous pages. The books are checked by the scene of `memory/tests.rs`.

use super::eligible::Asks;
use crate::mm::Kernel;
use crate::mm::kernel::Width;
use crate::mm::memory::tests::{
    HPN, M0, Scene, assert_nothing_left, check, leaves, read, tell, write,
};
use crate::mm::steps::Era;
use crate::mm::tunables::{ShmemHuge, ThpEnabled};
use crate::mm::types::{FileId, FolioId, Pfn, Pmd, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// A VMA of anonymous memory, two huge units long, and huge pages for all.
fn huge_scene(s: &mut Scene) {
    s.0.config.thp = ThpEnabled::Always;
    s.map(M0, 0, 2 * HPN, None, false);
}

fn huge_folio(k: &Kernel, page: u32) -> FolioId {
    let pmd = k.peek_pmd(M0, Vaddr(page));
    k.pmd_folio(pmd).unwrap_or_else(|| panic!("{pmd:?} maps no huge page"))
}

fn ptes(k: &Kernel) -> Vec<Pte> {
    leaves(k, M0).into_iter().filter(|(_, (_, huge))| !huge).map(|(_, (pte, _))| pte).collect()
}

#[test]
fn a_write_fault_maps_a_huge_page_and_deposits_a_table() {
    tell(huge_scene, |k, cpu| {
        assert_eq!(write(k, cpu, M0, 1, 7), Ok(7));
        assert_eq!([0, 1, 3].map(|page| read(k, cpu, M0, page)), [Ok(0), Ok(7), Ok(0)]);
        assert!(k.page_anon_exclusive(k.folios.head(huge_folio(k, 0))));
        assert_eq!(k.deposited(M0).count(), 1);
        // A read fault does so too, while the huge zero page is not wanted.
        assert_eq!(read(k, cpu, M0, HPN + 2), Ok(0));
        assert_ne!(huge_folio(k, HPN), huge_folio(k, 0));
        assert_eq!(k.deposited(M0).count(), 2);
        check(k, cpu);
        k.do_munmap(cpu, M0, Vaddr(0), Vaddr(2 * HPN));
        assert_eq!(k.deposited(M0).count(), 0);
        assert_nothing_left(k);
    });
}

#[test]
fn only_who_may_have_huge_pages_gets_them() {
    let small = |s: &mut Scene, from: u32, pages: u32| {
        s.map(M0, from, pages, None, false);
    };
    let huge = |scene: &dyn Fn(&mut Scene)| {
        let mapped = std::cell::Cell::new(false);
        tell(scene, |k, cpu| {
            assert!(write(k, cpu, M0, HPN, 1).is_ok());
            mapped.set(k.peek_pmd(M0, Vaddr(HPN)).is_trans_huge());
        });
        mapped.get()
    };
    let all = |s: &mut Scene| s.0.config.thp = ThpEnabled::Always;
    assert!(huge(&|s| (all(s), small(s, 0, 2 * HPN)).1));
    assert!(!huge(&|s| small(s, 0, 2 * HPN)), "thp=madvise");
    assert!(!huge(&|s| (all(s), small(s, 0, 2 * HPN - 1)).1), "it sticks out at the end");
    assert!(!huge(&|s| (all(s), small(s, HPN, HPN - 1)).1), "and here");
}

#[test]
fn the_huge_zero_page_counts_nowhere_and_is_split_by_a_write() {
    let scene = |s: &mut Scene| {
        huge_scene(s);
        s.0.config.use_zero_page = true;
    };
    tell(scene, |k, cpu| {
        assert_eq!(read(k, cpu, M0, 1), Ok(0));
        assert!(k.is_huge_zero_pmd(k.peek_pmd(M0, Vaddr(0))));
        assert_eq!((leaves(k, M0).len(), k.deposited(M0).count()), (1, 1));
        check(k, cpu);
        assert_eq!(write(k, cpu, M0, 1, 5), Ok(5));
        let small = ptes(k);
        assert_eq!(small.iter().filter(|pte| **pte == Pte::zero_page()).count(), HPN as usize - 1);
        assert_eq!([0, 1].map(|page| read(k, cpu, M0, page)), [Ok(0), Ok(5)]);
        assert_eq!(k.deposited(M0).count(), 0);
        check(k, cpu);
        // And by a zap of nothing but itself.
        assert_eq!(read(k, cpu, M0, HPN), Ok(0));
        k.madvise_dontneed(cpu, M0, Vaddr(HPN), HPN);
        assert_eq!(k.deposited(M0).count(), 0);
    });
}

#[test]
fn a_zap_of_a_part_splits_and_the_rest_keeps_its_content() {
    tell(huge_scene, |k, cpu| {
        (0..HPN).for_each(|page| assert!(write(k, cpu, M0, page, 10 + u64::from(page)).is_ok()));
        let folio = huge_folio(k, 0);
        k.madvise_dontneed(cpu, M0, Vaddr(1), 1);
        check(k, cpu);
        assert!(ptes(k).iter().all(|pte| pte.is_write() && pte.is_dirty()));
        assert!(k.folios.pfns(folio).all(|pfn| k.page_anon_exclusive(pfn) || pfn.0 == folio.0 + 1));
        assert_eq!(k.folio_mapcount(folio), i64::from(HPN) - 1);
        assert_eq!([0, 1, 2].map(|page| read(k, cpu, M0, page)), [Ok(10), Ok(0), Ok(12)]);
        check(k, cpu);
    });
}

#[test]
fn a_split_keeps_what_the_huge_entry_said() {
    tell(huge_scene, |k, cpu| {
        assert!(write(k, cpu, M0, 0, 1).is_ok());
        let pml = k.pmd_lock(cpu, M0);
        let old = k.peek_pmd(M0, Vaddr(0));
        k.pmdp_huge_get_and_clear(cpu, M0, Vaddr(0));
        k.set_pmd_at(cpu, M0, Vaddr(0), old.mkold().mkclean().mkuffd_wp());
        k.flush_tlb_range(cpu, M0, Vaddr(0), HPN);
        k.lock(pml).unlock(cpu);
        split_pmd(k, cpu, 2, false, None);
        let is =
            |pte: &Pte| !pte.is_write() && !pte.is_dirty() && !pte.is_young() && pte.is_uffd_wp();
        assert!(ptes(k).len() == HPN as usize && ptes(k).iter().all(is));
        check(k, cpu);
        // Nothing huge is left to be split, or to be zapped.
        split_pmd(k, cpu, 2, false, None);
        assert!(k.pmd_trans_huge_lock(cpu, M0, Vaddr(0)).is_none());
    });
}

/// Splits the huge PMD around `addr`, with the VMA kept as it is.
fn split_pmd(k: &Kernel, cpu: &Cpu<'_>, addr: u32, freeze: bool, folio: Option<FolioId>) {
    // Those who are about a folio come by rmap; the story has none of its locks.
    k.mm(M0).mmap_lock.down_read_trylock(cpu);
    k.__split_huge_pmd_of(cpu, VmaId(0), Vaddr(addr), freeze, folio);
    k.mm(M0).mmap_lock.up_read(cpu);
}

/// Makes the huge page at 0 read-only and shared, as a fork would.
fn share(k: &Kernel, cpu: &Cpu<'_>) -> FolioId {
    assert!(write(k, cpu, M0, 0, 1).is_ok());
    k.lru_add_drain_all(cpu);
    let folio = huge_folio(k, 0);
    let pml = k.pmd_lock(cpu, M0);
    k.pmdp_set_wrprotect(cpu, M0, Vaddr(0));
    k.flush_tlb_range(cpu, M0, Vaddr(0), HPN);
    k.lock(pml).unlock(cpu);
    k.page(k.folios.head(folio)).anon_exclusive.poke(0);
    folio
}

#[test]
fn a_huge_page_that_nobody_else_has_is_written_in_place() {
    tell(huge_scene, |k, cpu| {
        let folio = share(k, cpu);
        assert_eq!(write(k, cpu, M0, 2, 3), Ok(3));
        assert_eq!(huge_folio(k, 2), folio);
        assert!(k.page_anon_exclusive(k.folios.head(folio)));
        assert!(!k.folio(folio).lock.is_locked());
    });
}

#[test]
fn a_huge_page_that_somebody_else_has_is_split_and_one_page_copied() {
    tell(huge_scene, |k, cpu| {
        let folio = share(k, cpu);
        k.folio_get(cpu, folio);
        assert_eq!(write(k, cpu, M0, 2, 3), Ok(3));
        let of_folio = |pte: &&Pte| k.folios.of(pte.pfn()) == folio;
        assert_eq!(ptes(k).iter().filter(of_folio).count(), HPN as usize - 1);
        assert_eq!([0, 2].map(|page| read(k, cpu, M0, page)), [Ok(1), Ok(3)]);
        k.folio_put(cpu, folio);
    });
}

#[test]
fn a_numa_fault_makes_the_page_accessible_as_it_was() {
    tell(huge_scene, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 9).is_ok());
        for exclusive in [1, 0] {
            let head = k.folios.head(huge_folio(k, 0));
            k.page(head).anon_exclusive.poke(exclusive);
            let pml = k.pmd_lock(cpu, M0);
            let old = k.pmdp_huge_clear_flush(cpu, M0, Vaddr(0));
            k.set_pmd_at(cpu, M0, Vaddr(0), old.mkprotnone());
            k.lock(pml).unlock(cpu);
            check(k, cpu);
            assert_eq!(read(k, cpu, M0, 1), Ok(9));
            assert_eq!(k.peek_pmd(M0, Vaddr(0)).is_write(), exclusive == 1);
        }
    });
}

/// Replaces the huge entry at 0 by a migration entry, as `try_to_migrate` does.
fn begin_migration(k: &Kernel, cpu: &Cpu<'_>) -> (FolioId, Pmd) {
    let folio = huge_folio(k, 0);
    k.folio(folio).lock.lock(cpu);
    k.folio_get(cpu, folio);
    let pml = k.pmd_lock(cpu, M0);
    let old = k.pmdp_invalidate(cpu, M0, Vaddr(0));
    let entry = Pmd::migration(old.pfn(), old.is_write(), true).mkyoung();
    k.set_pmd_at(cpu, M0, Vaddr(0), entry);
    k.folio_remove_rmap_pmd(cpu, folio);
    k.folio_put(cpu, folio);
    k.lock(pml).unlock(cpu);
    (folio, entry)
}

#[test]
fn a_migration_entry_of_a_huge_page_can_be_zapped() {
    tell(huge_scene, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 9).is_ok());
        let (folio, _) = begin_migration(k, cpu);
        assert_eq!(k.mm(M0).rss[1].peek(), u64::from(HPN), "the counter goes on to count it");
        // Whoever migrates it is another CPU: it keeps the lock, and lockdep looks away.
        k.folio(folio).lock.forget(cpu);
        k.madvise_dontneed(cpu, M0, Vaddr(0), HPN);
        k.folio(folio).lock.unlock_inherited(cpu);
        k.folio_put(cpu, folio);
        assert_eq!((k.mm(M0).rss[1].peek(), k.deposited(M0).count()), (0, 0));
        k.lru_add_drain_all(cpu);
        assert!(!k.folio(folio).is_allocated());
    });
}

#[test]
fn a_migration_entry_of_a_huge_page_can_be_split() {
    tell(huge_scene, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 9).is_ok());
        let (folio, entry) = begin_migration(k, cpu);
        split_pmd(k, cpu, 0, false, None);
        let wanted = |i: u32| Pte::migration(Pfn(entry.pfn().0 + i), true, false).mkyoung();
        assert_eq!(ptes(k), (0..HPN).map(wanted).collect::<Vec<_>>());
        assert_eq!(k.folio_mapcount(folio), 0);
        // Whoever migrates it is another CPU: it keeps the lock, and lockdep looks away.
        k.folio(folio).lock.forget(cpu);
        k.madvise_dontneed(cpu, M0, Vaddr(0), HPN);
        k.folio(folio).lock.unlock_inherited(cpu);
        k.folio_put(cpu, folio);
    });
}

#[test]
fn a_split_for_a_migration_leaves_migration_entries_unless_the_page_is_pinned() {
    for pins in [0, 1] {
        tell(huge_scene, |k, cpu| {
            assert!(write(k, cpu, M0, 1, 9).is_ok());
            let folio = huge_folio(k, 0);
            k.folio(folio).lock.lock(cpu);
            k.folio_get(cpu, folio);
            k.folio(folio).pincount.poke(pins);
            split_pmd(k, cpu, 0, true, Some(folio));
            k.folio(folio).pincount.poke(0);
            assert_eq!(ptes(k).iter().all(|pte| pte.is_writable_migration()), pins == 0);
            assert_eq!(ptes(k).iter().all(|pte| pte.is_present()), pins == 1);
            // Whoever migrates it is another CPU: it keeps the lock, and lockdep looks away.
            k.folio(folio).lock.forget(cpu);
            k.madvise_dontneed(cpu, M0, Vaddr(0), HPN);
            k.folio(folio).lock.unlock_inherited(cpu);
            k.folio_put(cpu, folio);
        });
    }
}

#[test]
fn a_split_that_is_about_another_folio_leaves_the_entry_alone() {
    tell(huge_scene, |k, cpu| {
        assert!(write(k, cpu, M0, 0, 1).is_ok() && write(k, cpu, M0, HPN, 2).is_ok());
        let other = huge_folio(k, HPN);
        k.folio(other).lock.lock(cpu);
        split_pmd(k, cpu, 0, false, Some(other));
        k.folio(other).lock.unlock(cpu);
        assert!(k.peek_pmd(M0, Vaddr(0)).is_trans_huge());
    });
}

#[test]
fn no_memory_for_the_table_is_no_memory_for_the_page() {
    tell(huge_scene, |k, cpu| {
        let mut tables = Vec::new();
        while let Some(table) = k.pte_alloc_one(cpu) {
            tables.push(table);
        }
        assert!(write(k, cpu, M0, 0, 1).is_err());
        assert!(k.folios.touched().all(|folio| !k.folio(folio).is_allocated()));
        tables.into_iter().for_each(|table| k.pte_free_now(cpu, table));
        // Without a huge page small ones do.
        let mut folios = Vec::new();
        while let Some(folio) = k.folio_alloc(cpu, true) {
            folios.push(folio);
        }
        assert_eq!(write(k, cpu, M0, 1, 1), Ok(1));
        assert_eq!(ptes(k).len(), 1);
        folios.into_iter().for_each(|folio| k.folio_put(cpu, folio));
    });
}

#[test]
fn eligibility_goes_by_who_asks() {
    let check = |k: &Kernel, vma: u8, flags: VmFlags| {
        let asks = [Asks::FAULT, Asks::KHUGEPAGED, Asks::MADV_COLLAPSE, Asks::SMAPS];
        asks.map(|who| k.hugepage_vma_check(VmaId(vma), flags, who))
    };
    let (none, advised) = (VmFlags::default(), VmFlags::HUGEPAGE);
    let mut scene = Scene(Kernel::new(HPN, crate::mm::Config::default(), Era::V66.steps()));
    scene.map(M0, 0, HPN, None, false);
    scene.map(M0, HPN, HPN, Some(FileId(0)), true);
    scene.map(M0, 2 * HPN + 1, HPN, Some(FileId(1)), false);
    scene.map(M0, 4 * HPN, HPN - 1, None, false);
    let mut k = scene.0;
    k.files[1].regular = true;
    // Anonymous memory: khugepaged and MADV_COLLAPSE find nothing without an anon_vma.
    assert_eq!(check(&k, 0, none), [false; 4]);
    assert_eq!(check(&k, 0, advised), [true, false, false, true]);
    k.vma(VmaId(0)).anon_vma.poke(1);
    assert_eq!(
        check(&k, 0, none),
        [false, false, true, false],
        "MADV_COLLAPSE is not asked for leave"
    );
    assert_eq!(check(&k, 0, advised), [true; 4]);
    assert_eq!(check(&k, 0, advised.with(VmFlags::NOHUGEPAGE)), [false; 4]);
    // shmem goes by its own switches, and faults never make a huge PMD of it from nothing.
    assert_eq!(check(&k, 1, none), [false, false, true, false]);
    assert_eq!(check(&k, 1, advised), [false, true, true, true]);
    let with = |huge, flags| {
        let mut k = Kernel::new(HPN, crate::mm::Config::default(), Era::V66.steps());
        k.config.shmem_huge = huge;
        k.mapping(FileId(0)).i_size.poke(u64::from(HPN));
        [0, HPN].map(|index| k.shmem_is_huge(FileId(0), index, false, flags))
    };
    assert_eq!(with(ShmemHuge::WithinSize, None), [true, false]);
    assert_eq!(with(ShmemHuge::WithinSize, Some(advised)), [true, true]);
    assert_eq!(with(ShmemHuge::Never, Some(advised)), [false; 2]);
    assert_eq!(with(ShmemHuge::Always, Some(VmFlags::NOHUGEPAGE)), [false; 2]);
    assert_eq!(with(ShmemHuge::Force, None), [true; 2]);
    k.config.shmem_huge = ShmemHuge::Deny;
    assert_eq!(check(&k, 1, advised), [false; 4]);
    // A regular file: text, and aligned.
    assert_eq!(check(&k, 2, VmFlags::EXEC.with(advised)), [false; 4], "it is not aligned");
    k.config.thp = ThpEnabled::Never;
    assert_eq!(check(&k, 0, advised), [false, false, true, false]);
    k.config.thp = ThpEnabled::Always;
    assert_eq!(
        check(&k, 3, advised),
        [true, false, false, false],
        "it is too short; a fault looks at its place"
    );
}

#[test]
fn pae_has_no_migration_entries_of_huge_pages() {
    let mut scene = Scene(Kernel::new(HPN, crate::mm::Config::default(), Era::V66.steps()));
    assert!(scene.0.thp_migration_supported());
    scene.0.config.width = Width::Pae;
    assert!(!scene.0.thp_migration_supported());
}
