//! Stories of split_huge_page(): what the small folios have of the huge one, and who makes it fail.

use super::unmap::{map_by_ptes, tell_huge};
use super::{FILE, HPN, MM, PAGE, entry};
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::tlb::UserAccess::{Read, Write};
use crate::mm::types::{FolioId, Pfn, Vaddr};
use crate::sync::Cpu;

/// Every page of the file's second unit is a small folio of its own in the page cache, and nobody else's.
#[track_caller]
fn assert_split(k: &Kernel, cpu: &Cpu<'_>, huge: FolioId) {
    k.lru_add_drain_all(cpu);
    for offset in 0..HPN {
        let folio = FolioId(huge.0 + offset);
        let f = k.folio(folio);
        assert_eq!(k.mapping(FILE).peek(HPN + offset), Some(folio));
        assert_eq!(k.folios.of(Pfn(folio.0)), folio);
        assert_eq!((k.folios.nr_pages(folio), f.index()), (1, HPN + offset));
        assert_eq!(f.peek_mapping(), Mapping::File(FILE));
        assert!(f.has(flags::UPTODATE) && f.has(flags::SWAPBACKED));
        assert_eq!(f.refcount.peek() as i64, 1 + k.folio_mapcount(folio), "{folio:?}");
        assert!(!f.lock.is_locked());
    }
}

fn split(k: &Kernel, cpu: &Cpu<'_>, huge: FolioId) -> bool {
    k.folio_get(cpu, huge);
    k.folio(huge).lock.lock(cpu);
    let split = k.split_folio(cpu, huge);
    k.folio(huge).lock.unlock(cpu);
    k.folio_put(cpu, huge);
    split
}

/// The books of `tell_huge` are those of a folio that is huge: the small ones of a split go before they are audited.
fn truncate_all(k: &Kernel, cpu: &Cpu<'_>, huge: FolioId) {
    assert!(cpu.debts.is_settled(), "{:?}", cpu.debts.open());
    k.shmem_setattr(cpu, FILE, 0);
    k.lru_add_drain_all(cpu);
    assert!((0..HPN).all(|offset| !k.folio(FolioId(huge.0 + offset)).is_allocated()));
    // The slot is a huge folio again.
    let again = (0..8).filter_map(|_| k.folio_alloc(cpu, true)).find(|&folio| folio == huge);
    assert_eq!(again, Some(huge));
    assert_eq!(k.folios.nr_pages(huge), HPN);
    assert!(k.filemap_add_folio(cpu, FILE, HPN, huge));
    k.folio_put(cpu, huge);
    cpu.debts.clear();
}

#[test]
fn a_folio_that_a_pmd_maps_is_split() {
    tell_huge(|k, cpu, huge| {
        assert!(k.user_access(cpu, MM, PAGE, Read).is_ok());
        assert!(k.split_huge_page_at(cpu, MM, PAGE));
        assert_split(k, cpu, huge);
        assert!(k.user_access(cpu, MM, PAGE, Read).is_ok());
        assert_eq!(entry(k, PAGE).pfn(), Pfn(huge.0 + 1));
        assert_split(k, cpu, huge);
        // There is nothing to split any longer.
        assert!(!k.split_huge_page_at(cpu, MM, PAGE));
        truncate_all(k, cpu, huge);
    });
}

#[test]
fn contents_stay_where_they_are() {
    tell_huge(|k, cpu, huge| {
        for offset in 0..HPN {
            k.page(Pfn(huge.0 + offset)).content.poke(u64::from(100 + offset));
        }
        map_by_ptes(k, cpu);
        assert!(k.split_huge_page_at(cpu, MM, PAGE));
        for offset in 0..HPN {
            let read = k.user_access(cpu, MM, Vaddr(HPN + offset), Read);
            assert_eq!(read, Ok(u64::from(100 + offset)));
        }
        assert_split(k, cpu, huge);
        truncate_all(k, cpu, huge);
    });
}

#[test]
fn somebody_who_holds_the_folio_keeps_it_whole() {
    tell_huge(|k, cpu, huge| {
        map_by_ptes(k, cpu);
        k.folio_get(cpu, huge);
        assert!(!split(k, cpu, huge));
        assert!(!k.split_huge_page_at(cpu, MM, PAGE));
        k.folio_put(cpu, huge);
        // The guess comes before anything is unmapped.
        assert_eq!(k.folio_mapcount(huge), i64::from(HPN));
        assert_eq!(k.folios.nr_pages(huge), HPN);
    });
}

#[test]
fn what_was_truncated_cannot_be_split() {
    tell_huge(|k, cpu, huge| {
        k.folio_get(cpu, huge);
        k.folio(huge).lock.lock(cpu);
        assert!(k.truncate_inode_folio(cpu, FILE, huge));
        assert!(!k.split_folio(cpu, huge));
        assert!(k.filemap_add_folio(cpu, FILE, HPN, huge));
        k.folio(huge).lock.unlock(cpu);
        k.folio_put(cpu, huge);
    });
}

#[test]
fn truncate_splits_the_folio_around_the_new_end_of_the_file() {
    tell_huge(|k, cpu, huge| {
        assert!(k.user_access(cpu, MM, PAGE, Read).is_ok());
        assert!(k.user_access(cpu, MM, PAGE, Write(7)).is_ok());
        k.shmem_setattr(cpu, FILE, HPN + 2);
        k.lru_add_drain_all(cpu);
        let cached = |offset| k.mapping(FILE).peek(HPN + offset).is_some();
        assert_eq!([0, 1, 2, 3].map(cached), [true, true, false, false]);
        assert!(!k.folio(FolioId(huge.0 + 2)).is_allocated());
        assert!(k.user_access(cpu, MM, Vaddr(HPN + 1), Read).is_ok());
        assert!(k.user_access(cpu, MM, Vaddr(HPN + 2), Read).is_err());
        truncate_all(k, cpu, huge);
    });
}

#[test]
fn an_isolated_folio_is_split_to_a_list() {
    tell_huge(|k, cpu, huge| {
        k.folio_get(cpu, huge);
        k.folio(huge).lock.lock(cpu);
        let mut list = Vec::new();
        assert!(k.split_huge_page_to_list(cpu, huge, Some(&mut list)));
        k.folio(huge).lock.unlock(cpu);
        assert_eq!(list, [3, 2, 1].map(|offset| FolioId(huge.0 + offset)));
        for folio in list.into_iter().chain([huge]) {
            assert!(!k.folio(folio).has(flags::LRU));
            k.folio_putback_lru(cpu, folio);
        }
        assert_split(k, cpu, huge);
        truncate_all(k, cpu, huge);
    });
}
