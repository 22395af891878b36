//! Stories of MADV_FREE, MADV_COLD and MADV_PAGEOUT, and of the migration and reclaim of pages of a file.

use super::unmap::{map_by_ptes, tell_huge};
use super::{FILE, HPN, MM, PAGE, assert_reads, audit, entry, folio_at, tell, write};
use crate::mm::filemap::Slot;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::tlb::UserAccess::{Read, Write};
use crate::mm::types::{FolioId, Pfn, Vaddr};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

fn is_anon(k: &Kernel) -> bool {
    k.vma(super::VMA).spec().file.is_none()
}

fn free(k: &Kernel, cpu: &Cpu<'_>) {
    assert_eq!(k.madvise_free(cpu, MM, PAGE, 1), Errno::Ok);
    k.lru_add_drain_all(cpu);
}

#[test]
fn a_page_that_was_freed_lazily_is_zero_after_reclaim() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        if !is_anon(k) {
            assert_eq!(k.madvise_free(cpu, MM, PAGE, 1), Errno::Einval);
            return;
        }
        k.lru_add_drain(cpu);
        free(k, cpu);
        // Until then it is there.
        assert_reads(k, cpu, 7);
        audit(k, cpu);
        assert!(!entry(k, PAGE).is_dirty());
        assert!(k.pageout(cpu, MM, PAGE));
        assert!(entry(k, PAGE).is_none());
        assert_reads(k, cpu, 0);
    });
}

#[test]
fn a_write_brings_a_page_back_that_was_freed_lazily() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        k.lru_add_drain(cpu);
        if is_anon(k) {
            free(k, cpu);
            write(k, cpu, 8);
            assert!(!k.pageout(cpu, MM, PAGE));
            assert!(k.folio(folio_at(k, PAGE)).has(flags::SWAPBACKED));
            assert_reads(k, cpu, 8);
        }
    });
}

#[test]
fn a_swap_entry_goes_with_madv_free() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        if is_anon(k) {
            assert!(k.pageout(cpu, MM, PAGE));
            free(k, cpu);
            assert!(entry(k, PAGE).is_none());
            audit(k, cpu);
            assert_reads(k, cpu, 0);
        }
    });
}

#[test]
fn pageout_swaps_a_range_out() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        assert_eq!(k.madvise_cold(cpu, MM, Vaddr(0), 2 * HPN, false), Errno::Ok);
        assert!(entry(k, PAGE).is_present());
        assert_eq!(k.madvise_cold(cpu, MM, Vaddr(0), 2 * HPN, true), Errno::Ok);
        assert!(entry(k, PAGE).swap_slot().is_some());
        audit(k, cpu);
        assert_reads(k, cpu, 7);
        // Behind the mapping there is nothing.
        assert_eq!(k.madvise_cold(cpu, MM, Vaddr(0), 2 * HPN + 1, true), Errno::Enomem);
        k.vma(super::VMA).change_flags(cpu, VmFlags::LOCKED, VmFlags::default());
        assert_eq!(k.madvise_cold(cpu, MM, Vaddr(0), 2 * HPN, true), Errno::Einval);
    });
}

/// The whole file goes, so that the books of `tell_huge` have nothing small to count.
fn forget(k: &Kernel, cpu: &Cpu<'_>, huge: FolioId) {
    assert!(cpu.debts.is_settled(), "{:?}", cpu.debts.open());
    k.shmem_setattr(cpu, FILE, 0);
    k.lru_add_drain_all(cpu);
    assert!(k.folios.touched().all(|folio| !k.folio(folio).is_allocated()));
    let again = (0..8).filter_map(|_| k.folio_alloc(cpu, true)).find(|&folio| folio == huge);
    assert!(k.filemap_add_folio(cpu, FILE, HPN, again.expect("the slot is free")));
    k.folio_put(cpu, huge);
    cpu.debts.clear();
}

#[test]
fn a_huge_page_of_a_file_is_split_and_its_clean_pages_are_reclaimed() {
    tell_huge(|k, cpu, huge| {
        k.folio(huge).flags.poke_bits(flags::LRU, 0);
        map_by_ptes(k, cpu);
        assert!(k.pageout(cpu, MM, PAGE));
        assert!((HPN..2 * HPN).all(|index| k.mapping(FILE).peek(index).is_none()));
        assert!(k.user_access(cpu, MM, PAGE, Read).is_ok());
        forget(k, cpu, huge);
    });
}

#[test]
fn dirty_pages_of_shmem_are_swapped_out_and_come_back() {
    tell_huge(|k, cpu, huge| {
        k.folio(huge).flags.poke_bits(flags::LRU | flags::DIRTY, 0);
        k.mapping(FILE).alloced.poke(u64::from(HPN));
        (0..HPN).for_each(|page| k.page(Pfn(huge.0 + page)).content.poke(u64::from(100 + page)));
        map_by_ptes(k, cpu);
        assert!(k.pageout(cpu, MM, PAGE));
        let in_swap = |index| matches!(k.mapping(FILE).slot(index), Slot::Value(_));
        assert!((HPN..2 * HPN).all(in_swap));
        assert!((HPN..2 * HPN).all(|page| entry(k, Vaddr(page)).is_none()));
        assert_eq!(k.mapping(FILE).swapped.peek(), u64::from(HPN));
        assert_eq!(k.mapping(FILE).nrpages.peek(), 0);
        assert_eq!(k.user_access(cpu, MM, PAGE, Read), Ok(101));
        assert!(!in_swap(PAGE.0));
        let page = k.mapping(FILE).peek(PAGE.0).expect("it was swapped in");
        assert!(k.folio(page).has(flags::DIRTY) && !k.folio(page).has(flags::SWAPCACHE));
        assert_eq!(k.mapping(FILE).swapped.peek(), u64::from(HPN) - 1);
        // What is in swap goes with the file.
        forget(k, cpu, huge);
        assert_eq!(k.mapping(FILE).swapped.peek(), 0);
        assert!(k.swap.touched().all(|(_, slot)| slot.count.peek() == 0 && slot.cache.peek() == 0));
    });
}

#[test]
fn a_page_of_a_file_moves() {
    tell_huge(|k, cpu, huge| {
        assert!(k.user_access(cpu, MM, Vaddr(0), Read).is_ok());
        let page = k.mapping(FILE).peek(0).expect("it was faulted in");
        k.page(k.folios.head(page)).content.poke(9);
        k.folio(page).flags.poke_bits(flags::DIRTY, 0);
        assert!(k.migrate_page(cpu, MM, Vaddr(0)));
        let moved = k.mapping(FILE).peek(0).expect("it is still in the file");
        assert_ne!(page, moved);
        assert!(!k.folio(page).is_allocated());
        assert_eq!(folio_at(k, Vaddr(0)), moved);
        assert!(k.folio(moved).has(flags::DIRTY) && k.folio(moved).has(flags::UPTODATE));
        assert_eq!(k.user_access(cpu, MM, Vaddr(0), Read), Ok(9));
        // A private copy is anonymous, and moves too.
        assert_eq!(k.user_access(cpu, MM, Vaddr(0), Write(5)), Ok(5));
        k.lru_add_drain(cpu);
        assert!(k.migrate_page(cpu, MM, Vaddr(0)));
        assert_eq!(k.user_access(cpu, MM, Vaddr(0), Read), Ok(5));
        forget(k, cpu, huge);
    });
}
