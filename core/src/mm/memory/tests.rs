//! Single-threaded stories: whatever is mapped, copied, zapped or truncated, the books agree afterwards.

use std::cell::RefCell;

use super::Signal;
use crate::mm::folio::{COMPOUND_MAPPED, flags};
use crate::mm::khugepaged::Errno;
use crate::mm::steps::Era;
use crate::mm::tlb::UserAccess::{Read, Write};
use crate::mm::types::{FileId, FolioId, MmId, Pmd, Pte, Vaddr, VmaId};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::mm::{Config, Kernel, Ptlock};
use crate::sync::{Conductor, Cpu, Obj, Place, Splat, What};

pub(in crate::mm) const HPN: u32 = 4;
pub(in crate::mm) const M0: MmId = MmId(0);
const M1: MmId = MmId(1);
const F0: FileId = FileId(0);

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

/// A machine in the making.
pub(in crate::mm) struct Scene(pub(in crate::mm) Kernel);

impl Scene {
    fn new(ptlock: Ptlock) -> Scene {
        Scene(Kernel::new(HPN, Config { ptlock, ..Config::default() }, Era::V66.steps()))
    }

    pub(in crate::mm) fn map(
        &mut self,
        mm: MmId,
        start: u32,
        pages: u32,
        file: Option<FileId>,
        shared: bool,
    ) -> VmaId {
        let (start, end) = (Vaddr(start), Vaddr(start + pages));
        let flags = if shared { VmFlags::WRITE.with(VmFlags::SHARED) } else { VmFlags::WRITE };
        let vma =
            self.0.vmas.alloc(&VmaSpec { mm, start, end, pgoff: 0, file, flags }).expect("room");
        self.0.mm(mm).vma_tree.poke_bits(1 << vma.0, 0);
        if let Some(file) = file {
            self.0.mapping(file).i_mmap.poke_bits(1 << vma.0, 0);
        }
        vma
    }

    pub(in crate::mm) fn file(&self, pages: u32) {
        self.0.mapping(F0).i_size.poke(u64::from(pages));
    }
}

/// Runs `story` with each kind of page-table locks, on a machine that `scene` has made.
#[track_caller]
pub(in crate::mm) fn tell(scene: impl Fn(&mut Scene), story: impl Fn(&Kernel, &Cpu<'_>)) {
    for ptlock in [Ptlock::Split, Ptlock::None] {
        let mut machine = Scene::new(ptlock);
        scene(&mut machine);
        let kernel = &machine.0;
        let alone = Alone::default();
        let cpu = Cpu::conducted(0, &kernel.smp, &alone, None, false);
        story(kernel, &cpu);
        check(kernel, &cpu);
        assert_eq!(alone.0.borrow().as_slice(), &[], "with {ptlock:?}");
    }
}

/// The books: every counter equals a recount, and nothing is owed or held.
#[track_caller]
pub(in crate::mm) fn check(k: &Kernel, cpu: &Cpu<'_>) {
    k.rcu_do_batch(cpu);
    k.lru_add_drain_all(cpu);
    assert_eq!(cpu.debts.open(), [], "debts");
    assert_eq!(cpu.debts.ranges(), []);
    assert_eq!(cpu.held().iter().count(), 0, "locks");
    assert!(!cpu.held().is_atomic());
    for mm in &k.mms {
        let (mut rss, mut tables) = ([0; 4], 0);
        for (addr, entry) in leaves(k, mm.id) {
            let pages = if entry.1 { i64::from(HPN) } else { 1 };
            let huge = entry.1.then(|| k.rss_of_pmd(Pmd(entry.0.0)));
            if let Some(which) = huge.unwrap_or_else(|| k.rss_of(entry.0)).0 {
                rss[which as usize] += pages;
            }
            assert!(
                k.vmas.iter().any(|(_, vma)| vma.spec().mm == mm.id && vma.spec().contains(addr)),
                "{addr:?}"
            );
        }
        tables += mm.pmds.iter().filter(|pmd| Pmd(pmd.peek()).is_table()).count() as u64;
        assert_eq!([0, 1, 2, 3].map(|i| mm.rss[i].peek() as i64), rss, "rss of {:?}", mm.id);
        tables += k.deposited(mm.id).count() as u64;
        assert_eq!(mm.nr_ptes.peek(), tables, "nr_ptes of {:?}", mm.id);
        assert_eq!(mm.tlb_flush_pending.peek(), 0, "tlb_flush_pending");
        assert_eq!(mm.notifier.active.peek(), 0, "invalidations");
    }
    for folio in k.folios.touched() {
        check_folio(k, folio);
    }
}

#[track_caller]
fn check_folio(k: &Kernel, folio: FolioId) {
    let all = || k.mms.iter().flat_map(|mm| leaves(k, mm.id)).map(|(_, entry)| entry);
    let of_folio = |entry: &(Pte, bool)| {
        entry.0.is_present() && !entry.0.is_special() && k.folios.of(entry.0.pfn()) == folio
    };
    let mapped: Vec<_> = all().filter(of_folio).collect();
    let cached = k
        .files
        .iter()
        .flat_map(|file| &file.i_pages)
        .filter(|slot| slot.peek() == u64::from(folio.0) + 1);
    let f = k.folio(folio);
    let swapped = k.swap.touched().filter(|(slot, _)| k.swap.cached(*slot) == Some(folio)).count();
    assert_eq!(
        f.refcount.peek() as usize,
        mapped.len() + cached.count() + swapped,
        "references to {folio:?}"
    );
    assert_eq!(f.is_allocated(), f.refcount.peek() != 0, "{folio:?}");
    let huge = mapped.iter().filter(|entry| entry.1).count() as i64;
    assert_eq!(f.entire_mapcount.peek() as i64 + 1, huge, "entire_mapcount of {folio:?}");
    let mut pages = if huge > 0 { COMPOUND_MAPPED } else { 0 };
    for pfn in k.folios.pfns(folio) {
        let ptes = mapped.iter().filter(|entry| !entry.1 && entry.0.pfn() == pfn).count() as i64;
        assert_eq!(k.page(pfn).mapcount.peek() as i64 + 1, ptes, "mapcount of {pfn:?}");
        pages += i64::from(ptes > 0);
    }
    if k.folios.is_large(folio) {
        assert_eq!(f.nr_pages_mapped.peek() as i64, pages, "nr_pages_mapped of {folio:?}");
    }
    let checked = mapped.iter().filter(|entry| entry.0.is_user_accessible());
    let checked: i64 = checked.map(|entry| if entry.1 { i64::from(HPN) } else { 1 }).sum();
    assert_eq!(k.ptc_of(folio), checked, "page_table_check of {folio:?}");
}

/// All entries of an mm that are not empty, and whether they are huge.
pub(in crate::mm) fn leaves(k: &Kernel, mm: MmId) -> Vec<(Vaddr, (Pte, bool))> {
    let mut found = Vec::new();
    for (unit, pmd) in (0..).zip(&k.mm(mm).pmds) {
        let pmd = Pmd(pmd.peek());
        if pmd.is_trans_huge() || pmd.is_migration() {
            found.push((Vaddr(unit * HPN), (Pte(pmd.0), true)));
        } else if let Some(table) = pmd.pgtable().filter(|_| pmd.is_table()) {
            let entries =
                (0..).zip(k.tables.get(table).entries()).map(|(i, entry)| (i, Pte(entry.peek())));
            let entries = entries.filter(|(_, entry)| !entry.is_none());
            found.extend(entries.map(|(i, entry)| (Vaddr(unit * HPN + i), (entry, false))));
        }
    }
    found
}

/// Puts a huge folio into the cache at the huge unit `unit`, with content 100 and on.
pub(in crate::mm) fn huge_page(k: &Kernel, cpu: &Cpu<'_>, unit: u32) -> FolioId {
    let folio = k.folio_alloc(cpu, true).expect("memory");
    k.folio(folio).lock.lock(cpu);
    k.shmem_init_folio(folio);
    assert!(k.filemap_add_folio(cpu, F0, unit * HPN, folio));
    for (i, pfn) in (0..).zip(k.folios.pfns(folio)) {
        k.page(pfn).content.poke(100 + i);
    }
    k.folio(folio).lock.unlock(cpu);
    k.folio_put(cpu, folio);
    folio
}

pub(in crate::mm) fn read(k: &Kernel, cpu: &Cpu<'_>, mm: MmId, page: u32) -> Result<u64, Signal> {
    k.user_access(cpu, mm, Vaddr(page), Read)
}

pub(in crate::mm) fn write(
    k: &Kernel,
    cpu: &Cpu<'_>,
    mm: MmId,
    page: u32,
    value: u64,
) -> Result<u64, Signal> {
    k.user_access(cpu, mm, Vaddr(page), Write(value))
}

#[track_caller]
pub(in crate::mm) fn assert_nothing_left(k: &Kernel) {
    assert!(k.folios.touched().all(|folio| !k.folio(folio).is_allocated()));
    assert!(k.mms.iter().all(|mm| mm.pmds.iter().all(|pmd| pmd.peek() == 0)));
}

#[test]
fn an_access_outside_of_every_mapping_is_refused() {
    tell(
        |s| _ = s.map(M0, 0, HPN, None, false),
        |k, cpu| {
            assert_eq!(read(k, cpu, M0, HPN), Err(Signal::Segv));
            assert_eq!(write(k, cpu, M1, 0, 1), Err(Signal::Segv));
        },
    );
}

#[test]
fn anonymous_memory_reads_zero_and_is_copied_from_the_zero_page() {
    tell(
        |s| _ = s.map(M0, 0, 2 * HPN, None, false),
        |k, cpu| {
            assert_eq!(read(k, cpu, M0, 1), Ok(0));
            check(k, cpu);
            assert_eq!(write(k, cpu, M0, 1, 7), Ok(7));
            assert_eq!(write(k, cpu, M0, 5, 8), Ok(8));
            assert_eq!(read(k, cpu, M0, 1), Ok(7));
            check(k, cpu);
            k.do_munmap(cpu, M0, Vaddr(0), Vaddr(8 * HPN));
            k.do_munmap(cpu, M0, Vaddr(0), Vaddr(8 * HPN));
            assert_eq!(read(k, cpu, M0, 1), Err(Signal::Segv));
            assert_nothing_left(k);
        },
    );
}

#[test]
fn a_private_copy_goes_with_dontneed() {
    tell(
        |s| {
            s.file(HPN);
            s.map(M0, 0, HPN, Some(F0), false);
            s.map(M1, 0, HPN, Some(F0), true);
        },
        |k, cpu| {
            assert_eq!(write(k, cpu, M1, 2, 5), Ok(5));
            assert_eq!(read(k, cpu, M0, 2), Ok(5));
            assert_eq!(write(k, cpu, M0, 2, 6), Ok(6));
            assert_eq!(write(k, cpu, M0, 3, 7), Ok(7));
            assert_eq!(read(k, cpu, M1, 2), Ok(5));
            check(k, cpu);
            assert_eq!(k.madvise_dontneed(cpu, M0, Vaddr(0), 99), Errno::Ok);
            check(k, cpu);
            assert_eq!([read(k, cpu, M0, 2), read(k, cpu, M0, 3)], [Ok(5), Ok(0)]);
            assert_eq!(k.madvise_dontneed(cpu, M0, Vaddr(HPN), 1), Errno::Einval);
        },
    );
}

#[test]
fn truncate_takes_pages_and_private_copies() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, 2 * HPN, Some(F0), true);
            s.map(M1, 4, 2 * HPN, Some(F0), false);
        },
        |k, cpu| {
            for page in 0..2 * HPN {
                assert!(write(k, cpu, M0, page, 10).is_ok());
                assert!(write(k, cpu, M1, page + 4, 20).is_ok());
            }
            check(k, cpu);
            k.shmem_setattr(cpu, F0, 3);
            check(k, cpu);
            assert_eq!(read(k, cpu, M0, 3), Err(Signal::Bus));
            assert_eq!(read(k, cpu, M1, 7), Err(Signal::Bus));
            assert_eq!([read(k, cpu, M0, 2), read(k, cpu, M1, 6)], [Ok(10), Ok(20)]);
            k.shmem_setattr(cpu, F0, 99);
            assert_eq!([read(k, cpu, M0, 3), read(k, cpu, M1, 7)], [Ok(0), Ok(0)]);
            k.shmem_setattr(cpu, F0, 0);
            k.lru_add_drain_all(cpu);
            assert!(k.folios.touched().all(|folio| !k.folio(folio).is_allocated()));
        },
    );
}

#[test]
fn a_huge_page_is_mapped_whole_and_split_by_a_write_to_a_private_mapping() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, 2 * HPN, Some(F0), true);
            s.map(M1, 4, 2 * HPN, Some(F0), false);
        },
        |k, cpu| {
            huge_page(k, cpu, 1);
            assert_eq!(read(k, cpu, M0, HPN + 1), Ok(101));
            assert_eq!(write(k, cpu, M0, HPN + 2, 9), Ok(9));
            assert!(Pmd(k.pmdp(M0, Vaddr(HPN)).peek()).is_trans_huge());
            assert_eq!(read(k, cpu, M1, 2 * HPN + 2), Ok(9));
            check(k, cpu);
            assert_eq!(write(k, cpu, M1, 2 * HPN + 2, 8), Ok(8));
            assert!(Pmd(k.pmdp(M1, Vaddr(2 * HPN)).peek()).is_table());
            assert_eq!(
                [read(k, cpu, M1, 2 * HPN + 3), read(k, cpu, M0, HPN + 2)],
                [Ok(103), Ok(9)]
            );
            check(k, cpu);
            k.madvise_dontneed(cpu, M0, Vaddr(HPN), 1);
            assert!(k.pmdp_get_lockless(cpu, M0, Vaddr(HPN)).is_none());
            check(k, cpu);
            assert_eq!(k.madvise_populate(cpu, M0, Vaddr(HPN + 1), 1, false), Errno::Ok);
            k.madvise_dontneed(cpu, M0, Vaddr(HPN), HPN);
            check(k, cpu);
            k.do_munmap(cpu, M0, Vaddr(0), Vaddr(8 * HPN));
            k.do_munmap(cpu, M1, Vaddr(0), Vaddr(8 * HPN));
        },
    );
}

#[test]
fn a_huge_page_that_cannot_be_split_is_kept_and_zeroed() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, 2 * HPN, Some(F0), true);
        },
        |k, cpu| {
            let folio = huge_page(k, cpu, 0);
            let other = huge_page(k, cpu, 1);
            assert_eq!([read(k, cpu, M0, 1), read(k, cpu, M0, 5)], [Ok(101), Ok(101)]);
            // Somebody holds it.
            k.folio_get(cpu, folio);
            k.shmem_setattr(cpu, F0, 2);
            k.folio_put(cpu, folio);
            check(k, cpu);
            assert!(k.folio(folio).is_allocated());
            assert!(!k.folio(other).is_allocated());
            // A write beyond i_size finds nothing; but a read is faulted around, and a huge PMD maps what was kept, as
            // it does in v6.6.
            assert_eq!(write(k, cpu, M0, 2, 1), Err(Signal::Bus));
            assert_eq!([read(k, cpu, M0, 1), read(k, cpu, M0, 2)], [Ok(101), Ok(0)]);
            k.shmem_setattr(cpu, F0, 0);
            assert!(!k.folio(folio).is_allocated());
        },
    );
}

#[test]
fn a_table_stays_while_another_mapping_lies_in_its_unit() {
    tell(
        |s| {
            s.map(M0, 1, 4, None, false);
            s.map(M0, 5, 2, None, false);
        },
        |k, cpu| {
            for page in 1..7 {
                assert!(write(k, cpu, M0, page, 3).is_ok());
            }
            k.do_munmap(cpu, M0, Vaddr(0), Vaddr(5));
            check(k, cpu);
            assert!(k.pmdp_get_lockless(cpu, M0, Vaddr(0)).is_none());
            assert!(k.pmdp_get_lockless(cpu, M0, Vaddr(4)).is_table());
            assert_eq!(read(k, cpu, M0, 5), Ok(3));
            k.do_munmap(cpu, M0, k.vma(VmaId(1)).spec().start, k.vma(VmaId(1)).spec().end);
            assert_nothing_left(k);
        },
    );
}

#[test]
fn populate_faults_pages_in_and_stops_at_the_end() {
    tell(
        |s| {
            s.file(3);
            s.map(M0, 0, 8, Some(F0), true);
            s.map(M0, 8, 24, None, false);
        },
        |k, cpu| {
            assert_eq!(k.madvise_populate(cpu, M0, Vaddr(0), 3, false), Errno::Ok);
            assert_eq!(k.madvise_populate(cpu, M0, Vaddr(0), 4, true), Errno::Einval);
            // More pages than a gather holds: the zap comes to the end all the same.
            assert_eq!(k.madvise_populate(cpu, M0, Vaddr(8), 24, true), Errno::Ok);
            check(k, cpu);
            k.madvise_dontneed(cpu, M0, Vaddr(8), 24);
            check(k, cpu);
            assert_eq!(leaves(k, M0).len(), 3);
        },
    );
}

#[test]
fn a_read_maps_what_the_cache_has_around_it() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, 2 * HPN, Some(F0), true);
            s.map(M1, 3, 2 * HPN, Some(F0), true);
        },
        |k, cpu| {
            for page in [0, 1, 3, HPN] {
                assert!(write(k, cpu, M0, page, 10).is_ok());
            }
            // Pages 0 and 1 of the file are at 3 and 4, in two tables; page 2 is a hole; page 3 is not up to date.
            let page_3 = k.mapping(F0).peek(3).expect("page 3 was written");
            k.folio(page_3).flags.poke_bits(0, flags::UPTODATE);
            assert_eq!(read(k, cpu, M1, 4), Ok(10));
            let mapped: Vec<u32> = leaves(k, M1).iter().map(|(addr, _)| addr.0).collect();
            assert_eq!(mapped, [4, 7]);
            k.folio(page_3).flags.poke_bits(flags::UPTODATE, 0);
            assert_eq!(read(k, cpu, M1, 6), Ok(10));
            let mapped: Vec<u32> = leaves(k, M1).iter().map(|(addr, _)| addr.0).collect();
            assert_eq!(mapped, [4, 6, 7]);
            check(k, cpu);
        },
    );
}

#[test]
fn a_huge_page_is_faulted_around_by_small_entries_where_a_table_is_in_the_way() {
    tell(
        |s| {
            s.file(HPN);
            s.map(M0, 0, HPN, Some(F0), false);
        },
        |k, cpu| {
            huge_page(k, cpu, 0);
            k.pte_alloc_under_mmap_lock(cpu, M0, Vaddr(0));
            assert_eq!(read(k, cpu, M0, 2), Ok(102));
            assert_eq!(leaves(k, M0).len() as u32, HPN);
            check(k, cpu);
            k.madvise_dontneed(cpu, M0, Vaddr(1), 2);
            assert_eq!(write(k, cpu, M0, 0, 7), Ok(7));
            assert_eq!([read(k, cpu, M0, 1), read(k, cpu, M0, 0)], [Ok(101), Ok(7)]);
            check(k, cpu);
        },
    );
}
