//! Stories of try_to_unmap() and of the LRU: what is unmapped, what stays, and when it is flushed.

use super::{Alone, FILE, HPN, MM, PAGE, VMA, audit, entry, folio_at, machine, tell, write};
use crate::mm::folio::flags;
use crate::mm::rmap::{GUP_PIN_COUNTING_BIAS, TtuFlags};
use crate::mm::tlb::UserAccess::Read;
use crate::mm::types::{FolioId, Pmd, Pte, Rss, Vaddr};
use crate::mm::vma::VmFlags;
use crate::mm::{Kernel, Ptlock};
use crate::sync::Cpu;

const HADDR: Vaddr = Vaddr(HPN);
const HUGE: TtuFlags = TtuFlags {
    split_huge_pmd: true,
    ignore_mlock: false,
    sync: false,
    batch_flush: false,
    rmap_locked: false,
};

/// Tells a story about a huge folio of the file's second unit.
#[track_caller]
pub(super) fn tell_huge(story: impl Fn(&Kernel, &Cpu<'_>, FolioId)) {
    for ptlock in [Ptlock::Split, Ptlock::None] {
        let kernel = machine(ptlock, Some(FILE));
        let (k, alone) = (&kernel, Alone::default());
        let cpu = &Cpu::conducted(0, &k.smp, &alone, None, false);
        let huge = k.folio_alloc(cpu, true).expect("memory");
        k.shmem_init_folio(huge);
        assert!(k.filemap_add_folio(cpu, FILE, HPN, huge));
        k.folio_put(cpu, huge);
        story(k, cpu, huge);
        assert!(cpu.debts.is_settled(), "{:?}", cpu.debts.open());
        let maps = k.folio_mapcount(huge);
        assert_eq!(k.folio(huge).refcount.peek() as i64, i64::from(HPN) + maps);
        assert_eq!(k.mm(MM).rss[Rss::Shmem as usize].peek() as i64, maps);
        assert_eq!(alone.0.borrow().as_slice(), &[], "with {ptlock:?}");
    }
}

pub(super) fn map_by_ptes(k: &Kernel, cpu: &Cpu<'_>) {
    k.pte_alloc_under_mmap_lock(cpu, MM, HADDR);
    for page in HPN..2 * HPN {
        assert!(k.user_access(cpu, MM, Vaddr(page), Read).is_ok());
    }
}

fn unmap(k: &Kernel, cpu: &Cpu<'_>, folio: FolioId, how: TtuFlags) -> bool {
    k.folio(folio).lock.lock(cpu);
    k.try_to_unmap(cpu, folio, how);
    k.folio(folio).lock.unlock(cpu);
    !k.folio_mapped(folio)
}

#[test]
fn a_huge_folio_loses_every_pte() {
    tell_huge(|k, cpu, huge| {
        map_by_ptes(k, cpu);
        assert_eq!(k.folio_mapcount(huge), i64::from(HPN));
        assert!(unmap(k, cpu, huge, TtuFlags::default()));
        assert!((HPN..2 * HPN).all(|page| entry(k, Vaddr(page)).is_none()));
    });
}

#[test]
fn a_huge_folio_loses_what_is_left_of_its_ptes() {
    tell_huge(|k, cpu, huge| {
        map_by_ptes(k, cpu);
        k.madvise_dontneed(cpu, MM, HADDR, 2);
        assert!(unmap(k, cpu, huge, TtuFlags { sync: true, ..TtuFlags::default() }));
    });
}

#[test]
fn a_huge_folio_loses_its_pmd() {
    tell_huge(|k, cpu, huge| {
        assert!(k.user_access(cpu, MM, PAGE, Read).is_ok());
        assert!(Pmd(k.pmdp(MM, PAGE).peek()).is_trans_huge());
        assert!(unmap(k, cpu, huge, HUGE));
        assert!(Pmd(k.pmdp(MM, PAGE).peek()).is_none());
    });
}

#[test]
fn a_locked_vma_keeps_its_pages_unless_told_otherwise() {
    tell_huge(|k, cpu, huge| {
        map_by_ptes(k, cpu);
        k.vma(VMA).change_flags(cpu, VmFlags::LOCKED, VmFlags::default());
        assert!(!unmap(k, cpu, huge, TtuFlags::default()));
        assert_eq!(k.folio_mapcount(huge), i64::from(HPN));
        assert!(unmap(k, cpu, huge, TtuFlags { ignore_mlock: true, ..TtuFlags::default() }));
    });
}

#[test]
fn a_flush_is_put_off_only_if_another_cpu_must_be_interrupted() {
    tell_huge(|k, cpu, huge| {
        let batched = TtuFlags { batch_flush: true, ..HUGE };
        map_by_ptes(k, cpu);
        assert!(unmap(k, cpu, huge, batched));
        assert!(!k.tlb_ubcs[0].flush_required());
        map_by_ptes(k, cpu);
        k.mm(MM).cpumask.poke(0b11);
        assert!(unmap(k, cpu, huge, batched));
        // This CPU can still reach the pages, and nobody has written to them.
        assert!(k.tlb_ubcs[0].flush_required());
        assert!(k.tlbs[0].lookup(MM, PAGE, HPN).is_some());
        k.try_to_unmap_flush_dirty(cpu);
        assert!(k.tlb_ubcs[0].flush_required());
        k.try_to_unmap_flush(cpu);
        assert!(!k.tlb_ubcs[0].flush_required());
        assert!(k.tlbs[0].lookup(MM, PAGE, HPN).is_none());
    });
}

#[test]
fn a_zap_flushes_what_a_reclaim_has_put_off() {
    tell_huge(|k, cpu, huge| {
        map_by_ptes(k, cpu);
        k.mm(MM).cpumask.poke(0b11);
        assert!(unmap(k, cpu, huge, TtuFlags { batch_flush: true, ..HUGE }));
        assert!(k.tlbs[0].lookup(MM, PAGE, HPN).is_some());
        k.madvise_dontneed(cpu, MM, HADDR, 1);
        assert!(k.tlbs[0].lookup(MM, PAGE, HPN).is_none());
        let batched = k.mm(MM).tlb_flush_batched.peek();
        assert_eq!(batched & 0xffff, batched >> 16);
        k.try_to_unmap_flush(cpu);
    });
}

#[test]
fn a_page_that_may_be_pinned_keeps_its_entry() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        let (folio, before) = (folio_at(k, PAGE), entry(k, PAGE));
        k.lru_add_drain(cpu);
        k.folio_ref_add(cpu, folio, GUP_PIN_COUNTING_BIAS);
        assert!(!k.pageout(cpu, MM, PAGE));
        assert!(!k.migrate_page(cpu, MM, PAGE));
        assert_eq!(entry(k, PAGE), Pte(before.0));
        assert!(k.page_anon_exclusive(before.pfn()));
        k.folio_ref_add(cpu, folio, -GUP_PIN_COUNTING_BIAS);
        assert!(k.migrate_page(cpu, MM, PAGE));
    });
}

#[test]
fn a_lazyfree_page_is_thrown_away_if_nobody_holds_it_or_wrote_to_it() {
    tell(|k, cpu| {
        let forget = |folio: FolioId, how| {
            k.lru_add_drain(cpu);
            assert!(k.folio_isolate_lru(cpu, folio));
            k.folio(folio).flags.poke_bits(0, flags::SWAPBACKED | flags::DIRTY);
            let gone = unmap(k, cpu, folio, how);
            k.folio_putback_lru(cpu, folio);
            gone
        };
        // The entry is dirty.
        write(k, cpu, 7);
        assert!(!forget(folio_at(k, PAGE), TtuFlags::default()));
        assert!(k.folio(folio_at(k, PAGE)).has(flags::SWAPBACKED));
        audit(k, cpu);
        let table = Pmd(k.pmdp(MM, PAGE).peek()).pgtable().expect("a table");
        k.tables.get(table).entry(PAGE.0).poke_bits(0, Pte::DIRTY_BIT);
        let folio = folio_at(k, PAGE);
        k.folio_get(cpu, folio);
        assert!(!forget(folio, TtuFlags::default()));
        k.folio_put(cpu, folio);
        assert!(forget(folio, TtuFlags::default()));
        assert!(entry(k, PAGE).is_none());
    });
}

#[test]
fn a_folio_in_a_batch_cannot_be_isolated() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        let folio = folio_at(k, PAGE);
        assert_eq!(k.folio(folio).refcount.peek(), 2);
        assert!(!k.folio_isolate_lru(cpu, folio));
        k.lru_add_drain(cpu);
        assert_eq!(k.folio(folio).refcount.peek(), 1);
        assert!(k.folio_isolate_lru(cpu, folio));
        assert!(!k.folio_isolate_lru(cpu, folio));
        k.folio_putback_lru(cpu, folio);
        assert_eq!(k.folio(folio).refcount.peek(), 2);
    });
}

#[test]
fn a_full_batch_drains_itself() {
    tell(|k, cpu| {
        let folios: Vec<_> = (0..16).map(|_| k.folio_alloc(cpu, false).expect("memory")).collect();
        for &folio in &folios {
            k.folio_add_lru(cpu, folio);
        }
        let listed = folios.iter().filter(|&&folio| k.folio(folio).has(flags::LRU));
        assert_eq!(listed.count(), 15);
        assert_eq!(k.lru_batches[0].folios().collect::<Vec<_>>(), [folios[15]]);
        folios.iter().for_each(|&folio| k.folio_put(cpu, folio));
    });
}

#[test]
fn a_lazyfree_mark_waits_in_a_batch() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        let folio = folio_at(k, PAGE);
        // Not on the LRU yet: too early.
        k.folio_mark_lazyfree(cpu, folio);
        k.lru_add_drain(cpu);
        assert!(k.folio(folio).has(flags::SWAPBACKED));
        k.folio_mark_lazyfree(cpu, folio);
        assert!(k.folio(folio).has(flags::SWAPBACKED));
        assert_eq!(k.folio(folio).refcount.peek(), 2);
        k.lru_add_drain(cpu);
        assert!(!k.folio(folio).has(flags::SWAPBACKED));
        assert!(k.folio(folio).has(flags::LRU));
        assert_eq!(k.folio(folio).refcount.peek(), 1);
        // The entry is dirty: it was written to since, as far as reclaim can tell.
        assert!(!k.pageout(cpu, MM, PAGE));
        assert!(k.folio(folio).has(flags::SWAPBACKED));
        assert_eq!(folio_at(k, PAGE), folio);
    });
}

#[test]
fn a_huge_pmd_becomes_a_migration_entry_and_comes_back() {
    tell_huge(|k, cpu, huge| {
        assert!(k.user_access(cpu, MM, PAGE, Read).is_ok());
        let before = Pmd(k.pmdp(MM, PAGE).peek());
        k.folio(huge).lock.lock(cpu);
        k.try_to_migrate(cpu, huge, TtuFlags::default());
        let entry = Pmd(k.pmdp(MM, PAGE).peek());
        assert!(entry.is_migration() && entry.is_migration_young());
        assert_eq!(entry.pfn(), k.folios.head(huge));
        assert!(!k.folio_mapped(huge));
        assert!(k.tlbs[0].lookup(MM, PAGE, HPN).is_none());
        // rss goes on to count it.
        assert_eq!(k.mm(MM).rss[Rss::Shmem as usize].peek(), u64::from(HPN));
        k.remove_migration_ptes(cpu, huge, huge, false);
        assert_eq!(Pmd(k.pmdp(MM, PAGE).peek()), before);
        assert_eq!(k.folio_mapcount(huge), 1);
        k.folio(huge).lock.unlock(cpu);
        k.madvise_dontneed(cpu, MM, HADDR, HPN);
    });
}

#[test]
fn ptes_of_a_huge_folio_become_migration_entries_and_come_back() {
    tell_huge(|k, cpu, huge| {
        map_by_ptes(k, cpu);
        let before: Vec<_> = (HPN..2 * HPN).map(|page| entry(k, Vaddr(page))).collect();
        k.folio(huge).lock.lock(cpu);
        k.try_to_migrate(cpu, huge, TtuFlags::default());
        assert!((HPN..2 * HPN).all(|page| entry(k, Vaddr(page)).is_migration()));
        assert!(!k.folio_mapped(huge));
        // Another CPU zaps one of them meanwhile.
        let other = &Cpu::free(1, &k.smp);
        k.madvise_dontneed(other, MM, HADDR, 1);
        assert!(other.debts.is_settled());
        k.remove_migration_ptes(cpu, huge, huge, false);
        k.folio(huge).lock.unlock(cpu);
        assert!(entry(k, HADDR).is_none());
        assert!((1..HPN).all(|page| entry(k, Vaddr(HPN + page)) == before[page as usize]));
    });
}
