//! Single-threaded stories: whatever is swapped out, swapped in, moved or mirrored, the books agree afterwards.

mod madvise;
mod split;
mod unmap;

use std::cell::RefCell;

use crate::mm::folio::flags;
use crate::mm::gup::FollFlags;
use crate::mm::memory::Signal;
use crate::mm::steps::Era;
use crate::mm::tlb::UserAccess::{Read, Write};
use crate::mm::types::{FileId, FolioId, MmId, Pfn, Pmd, Pte, Rss, SwapId, Vaddr, VmaId};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::mm::{Config, Kernel, Ptlock};
use crate::sync::{Conductor, Cpu, Obj, Place, Splat, What};

const HPN: u32 = 4;
const MM: MmId = MmId(0);
const VMA: VmaId = VmaId(0);
const FILE: FileId = FileId(0);
/// The page that the stories are about: in the second huge unit.
const PAGE: Vaddr = Vaddr(5);

/// Lets the one CPU run on, and remembers what it complains about.
#[derive(Default)]
struct Alone(RefCell<Vec<Splat>>);

impl Conductor for Alone {
    fn turn(&self, cpu: &Cpu<'_>) {
        cpu.grant(1 << 16, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, on: Obj) {
        panic!("nobody will ever release {on:?}");
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        if let What::Splat(splat) = what {
            self.0.borrow_mut().push(splat);
        }
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {}
}

/// A machine with one private mapping of two huge units, of a file or of nothing.
fn machine(ptlock: Ptlock, file: Option<FileId>) -> Kernel {
    let kernel = Kernel::new(HPN, Config { ptlock, ..Config::default() }, Era::V66.steps());
    let (start, end) = (Vaddr(0), Vaddr(2 * HPN));
    let spec =
        VmaSpec { mm: MM, start, end, pgoff: 0, file, flags: VmFlags::READ.with(VmFlags::WRITE) };
    assert_eq!(kernel.vmas.alloc(&spec), Some(VMA));
    kernel.mm(MM).vma_tree.poke(1);
    if let Some(file) = file {
        kernel.mapping(file).i_mmap.poke(1);
        kernel.mapping(file).i_size.poke(u64::from(2 * HPN));
    }
    kernel
}

/// Runs a story with each kind of page-table locks and of mapping, and audits the books at its end.
#[track_caller]
fn tell(story: impl Fn(&Kernel, &Cpu<'_>)) {
    for ptlock in [Ptlock::Split, Ptlock::None] {
        for file in [None, Some(FILE)] {
            let kernel = machine(ptlock, file);
            let alone = Alone::default();
            let cpu = Cpu::conducted(0, &kernel.smp, &alone, None, false);
            story(&kernel, &cpu);
            audit(&kernel, &cpu);
            assert_eq!(alone.0.borrow().as_slice(), &[], "with {ptlock:?}, {file:?}");
        }
    }
}

/// Every counter equals a recount, and nothing is owed or held.
#[track_caller]
fn audit(k: &Kernel, cpu: &Cpu<'_>) {
    k.rcu_do_batch(cpu);
    k.lru_add_drain_all(cpu);
    assert!(cpu.debts.is_settled(), "{:?}", cpu.debts.open());
    assert_eq!(cpu.debts.ranges(), []);
    assert_eq!(cpu.held().iter().count(), 0, "locks");
    assert!(!cpu.held().is_atomic());
    let entries: Vec<Pte> = (0..2 * HPN).map(|page| entry(k, Vaddr(page))).collect();
    let rss =
        |which| entries.iter().filter(|&&entry| k.rss_of(entry).0 == Some(which)).count() as u64;
    for which in [Rss::File, Rss::Anon, Rss::Swap, Rss::Shmem] {
        assert_eq!(k.mm(MM).rss[which as usize].peek(), rss(which), "{which:?}");
    }
    for (slot, words) in k.swap.touched() {
        let named = entries.iter().filter(|entry| entry.swap_slot() == Some(slot)).count() as u64;
        assert_eq!(words.count.peek(), named, "{slot:?}");
        assert!(
            k.swap.cached(slot).is_none_or(|folio| k.folio(folio).has(flags::SWAPCACHE)),
            "{slot:?}"
        );
    }
    for folio in k.folios.touched() {
        let pfn = k.folios.head(folio);
        let maps =
            entries.iter().filter(|entry| entry.is_present() && entry.pfn() == pfn).count() as u64;
        let in_cache = |word: u64| u64::from(word == u64::from(folio.0) + 1);
        let cached: u64 = k.mapping(FILE).i_pages.iter().map(|slot| in_cache(slot.peek())).sum();
        let swapped: u64 = k.swap.touched().map(|(_, slot)| in_cache(slot.cache.peek())).sum();
        assert_eq!(
            k.folio(folio).refcount.peek(),
            maps + cached + swapped,
            "references to {folio:?}"
        );
        assert_eq!(k.page(pfn).mapcount.peek().wrapping_add(1), maps, "mapcount of {folio:?}");
        assert_eq!(k.ptc_of(folio) as u64, maps, "page_table_check of {folio:?}");
        assert_eq!(k.folio(folio).is_allocated(), maps + cached + swapped != 0, "{folio:?}");
        assert_eq!(k.folio(folio).has(flags::SWAPCACHE), swapped != 0, "{folio:?}");
    }
}

/// The entry at an address.
fn entry(k: &Kernel, addr: Vaddr) -> Pte {
    let pmd = Pmd(k.pmdp(MM, addr).peek());
    let table = pmd.pgtable().filter(|_| pmd.is_table());
    table.map_or(Pte::NONE, |table| Pte(k.tables.get(table).entry(addr.0).peek()))
}

fn folio_at(k: &Kernel, addr: Vaddr) -> FolioId {
    assert!(entry(k, addr).is_present());
    k.folios.of(entry(k, addr).pfn())
}

#[track_caller]
fn write(k: &Kernel, cpu: &Cpu<'_>, value: u64) {
    assert_eq!(k.user_access(cpu, MM, PAGE, Write(value)), Ok(value));
}

#[track_caller]
fn assert_reads(k: &Kernel, cpu: &Cpu<'_>, value: u64) {
    assert_eq!(k.user_access(cpu, MM, PAGE, Read), Ok(value));
}

#[test]
fn swap_out_and_in() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        let folio = folio_at(k, PAGE);
        assert!(k.pageout(cpu, MM, PAGE));
        assert!(!k.folio(folio).is_allocated());
        assert_eq!(entry(k, PAGE), Pte::swap(SwapId(0), true));
        audit(k, cpu);
        assert_reads(k, cpu, 7);
        // Read in: still in the swap cache, exclusive, read-only.
        let folio = folio_at(k, PAGE);
        assert!(
            k.folio(folio).has(flags::SWAPCACHE) && k.page_anon_exclusive(k.folios.head(folio))
        );
        assert!(!entry(k, PAGE).is_write());
        audit(k, cpu);
        // Clean: it is dropped without being written out again.
        assert!(k.pageout(cpu, MM, PAGE));
        assert_reads(k, cpu, 7);
        write(k, cpu, 8);
        assert!(k.pageout(cpu, MM, PAGE));
        audit(k, cpu);
        assert_reads(k, cpu, 8);
    });
}

#[test]
fn a_write_fault_takes_the_page_out_of_the_swap_cache() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        assert!(k.pageout(cpu, MM, PAGE));
        write(k, cpu, 8);
        assert!(entry(k, PAGE).is_write());
        assert!(!k.folio(folio_at(k, PAGE)).has(flags::SWAPCACHE));
        assert!(k.swap.touched().all(|(_, slot)| slot.count.peek() == 0 && slot.cache.peek() == 0));
    });
}

#[test]
fn a_page_that_somebody_holds_is_unmapped_but_kept() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        let folio = folio_at(k, PAGE);
        k.folio_get(cpu, folio);
        assert!(!k.pageout(cpu, MM, PAGE));
        assert!(entry(k, PAGE).swap_slot().is_some());
        assert!(k.folio(folio).has(flags::SWAPCACHE));
        assert!(k.folio(folio).has(flags::LRU));
        k.folio_put(cpu, folio);
        audit(k, cpu);
        assert_reads(k, cpu, 7);
        assert_eq!(folio_at(k, PAGE), folio);
    });
}

#[test]
fn what_is_locked_and_the_zero_page_are_left_alone() {
    tell(|k, cpu| {
        assert!(!k.pageout(cpu, MM, PAGE));
        assert!(k.user_access(cpu, MM, PAGE, Read).is_ok());
        // The zero page is nobody's.
        let zero = entry(k, PAGE).is_special();
        assert_eq!(k.migrate_page(cpu, MM, PAGE), !zero);
        assert_eq!(k.pageout(cpu, MM, PAGE), !zero);
        write(k, cpu, 7);
        let folio = folio_at(k, PAGE);
        k.folio(folio).lock.lock(cpu);
        assert!(!k.pageout(cpu, MM, PAGE));
        k.folio(folio).lock.unlock(cpu);
        assert!(entry(k, PAGE).is_write());
        assert!(k.folio(folio).has(flags::LRU));
    });
}

#[test]
fn swapped_out_pages_go_with_their_mapping() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        assert!(k.pageout(cpu, MM, PAGE));
        k.madvise_dontneed(cpu, MM, PAGE, 1);
        audit(k, cpu);
        // Once more, now with a page that is also in the swap cache; and once more with one that is only there.
        write(k, cpu, 8);
        assert!(k.pageout(cpu, MM, PAGE));
        assert_reads(k, cpu, 8);
        k.madvise_dontneed(cpu, MM, PAGE, 1);
        audit(k, cpu);
        write(k, cpu, 9);
        let folio = folio_at(k, PAGE);
        k.folio_get(cpu, folio);
        assert!(!k.pageout(cpu, MM, PAGE));
        k.folio_put(cpu, folio);
        k.do_munmap(cpu, MM, Vaddr(0), Vaddr(2 * HPN));
        assert!(!k.folio(folio).is_allocated());
        assert!(k.swap.touched().all(|(_, slot)| slot.count.peek() == 0 && slot.cache.peek() == 0));
    });
}

#[test]
fn migration_moves_a_page() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        let src = folio_at(k, PAGE);
        assert!(k.migrate_page(cpu, MM, PAGE));
        let dst = folio_at(k, PAGE);
        assert_ne!(src, dst);
        assert!(!k.folio(src).is_allocated());
        assert!(k.folio(dst).has(flags::LRU));
        assert!(k.page_anon_exclusive(k.folios.head(dst)));
        assert!(entry(k, PAGE).is_write());
        audit(k, cpu);
        assert_reads(k, cpu, 7);
        // Where it is now it can be found again.
        assert!(k.pageout(cpu, MM, PAGE));
        assert_reads(k, cpu, 7);
    });
}

#[test]
fn migration_moves_a_page_in_the_swap_cache() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        assert!(k.pageout(cpu, MM, PAGE));
        assert_reads(k, cpu, 7);
        assert!(k.migrate_page(cpu, MM, PAGE));
        let dst = folio_at(k, PAGE);
        assert_eq!(k.folio_swap_slot(dst), Some(SwapId(0)));
        assert!(!entry(k, PAGE).is_write());
        audit(k, cpu);
        assert!(k.pageout(cpu, MM, PAGE));
        assert_reads(k, cpu, 7);
    });
}

#[test]
fn migration_of_a_page_that_somebody_holds_fails_and_restores_it() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        let (folio, before) = (folio_at(k, PAGE), entry(k, PAGE));
        k.folio_get(cpu, folio);
        assert!(!k.migrate_page(cpu, MM, PAGE));
        // The dirty bit has gone to the folio too.
        assert_eq!(entry(k, PAGE), before);
        assert!(k.folio(folio).has(flags::DIRTY));
        assert!(k.page_anon_exclusive(k.folios.head(folio)));
        k.lru_add_drain(cpu);
        assert!(k.folio(folio).has(flags::LRU));
        assert_eq!(k.folios.touched().filter(|&folio| k.folio(folio).is_anon()).count(), 1);
        k.folio_put(cpu, folio);
        audit(k, cpu);
        assert!(k.migrate_page(cpu, MM, PAGE));
        assert_reads(k, cpu, 7);
    });
}

#[test]
fn a_mirror_drops_what_is_taken_away() {
    tell(|k, cpu| {
        let shadow = || k.mm(MM).notifier.shadow_at(PAGE).map(|shadow| (shadow.pfn, shadow.write));
        let primary = || Some((entry(k, PAGE).pfn(), entry(k, PAGE).is_write()));
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, false), Ok(true));
        assert_eq!(shadow(), primary());
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, true), Ok(true));
        assert_eq!(shadow(), primary());
        assert_eq!(shadow().map(|(_, write)| write), Some(true));
        assert!(k.migrate_page(cpu, MM, PAGE));
        assert_eq!(shadow(), None);
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, false), Ok(true));
        assert_eq!(shadow(), primary());
        assert!(k.pageout(cpu, MM, PAGE));
        assert_eq!(shadow(), None);
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, true), Ok(true));
        assert_eq!(shadow(), primary());
        audit(k, cpu);
        assert_eq!(k.kvm_mmu_fault(cpu, MM, Vaddr(2 * HPN), false), Err(Signal::Segv));
    });
}

#[test]
fn a_mirror_of_a_range_that_is_being_invalidated_is_given_up() {
    tell(|k, cpu| {
        write(k, cpu, 7);
        k.mmu_notifier_invalidate_range_start(cpu, MM, Vaddr(HPN), HPN);
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, false), Ok(false));
        assert_eq!(k.kvm_mmu_fault(cpu, MM, Vaddr(0), true), Ok(true));
        k.mmu_notifier_invalidate_range_end(cpu, MM, Vaddr(HPN), HPN);
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, false), Ok(true));
    });
}

#[test]
fn a_huge_page_is_followed_to_the_right_subpage() {
    let kernel = machine(Ptlock::Split, Some(FILE));
    let (k, alone) = (&kernel, Alone::default());
    let cpu = &Cpu::conducted(0, &k.smp, &alone, None, false);
    let huge = k.folio_alloc(cpu, true).expect("memory");
    k.folio(huge).lock.lock(cpu);
    k.shmem_init_folio(huge);
    assert!(k.filemap_add_folio(cpu, FILE, HPN, huge));
    k.folio(huge).lock.unlock(cpu);
    k.folio_put(cpu, huge);
    let page = k.get_user_page(cpu, MM, PAGE, FollFlags::GET).expect("a page");
    assert_eq!(page.pfn, Pfn(k.folios.head(huge).0 + 1));
    assert!(!page.writable);
    assert!(Pmd(k.pmdp(MM, PAGE).peek()).is_trans_huge());
    k.put_user_page(cpu, page);
    let copy = k.get_user_page(cpu, MM, PAGE, FollFlags::WRITE).expect("a page");
    assert!(copy.writable);
    assert_ne!(copy.pfn, page.pfn);
    k.put_user_page(cpu, copy);
    assert!(cpu.debts.is_settled());
    assert_eq!(alone.0.borrow().as_slice(), &[]);
}
