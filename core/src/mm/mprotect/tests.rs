//! Stories of protections: what a range permits, its entries permit, and no more.

use super::CpFlags;
use crate::mm::khugepaged::Errno;
use crate::mm::memory::Signal;
use crate::mm::memory::tests::{HPN, M0, Scene, check, huge_page, leaves, read, tell, write};
use crate::mm::types::{FileId, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::mm::{FollFlags, Kernel};
use crate::sync::Cpu;

const F0: FileId = FileId(0);
const NONE: VmFlags = VmFlags(0);
const RO: VmFlags = VmFlags::READ;
const RW: VmFlags = VmFlags::READ.with(VmFlags::WRITE);

fn mprotect(k: &Kernel, cpu: &Cpu<'_>, start: u32, pages: u32, prot: VmFlags) -> Errno {
    k.mprotect(cpu, M0, (Vaddr(start), Vaddr(start + pages)), prot)
}

fn pte(k: &Kernel, page: u32) -> Pte {
    leaves(k, M0).iter().find(|leaf| leaf.0 == Vaddr(page)).map_or(Pte::NONE, |leaf| leaf.1.0)
}

fn anon(s: &mut Scene) {
    s.map(M0, 0, 2 * HPN, None, false);
}

fn huge(s: &mut Scene) {
    let vma = s.map(M0, 0, 2 * HPN, None, false);
    let cpu = Cpu::free(0, &s.0.smp);
    s.0.vma(vma).change_flags(&cpu, VmFlags::HUGEPAGE, VmFlags::default());
}

#[test]
fn what_is_read_only_is_not_written() {
    tell(anon, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        assert_eq!(mprotect(k, cpu, 0, 2 * HPN, RO), Errno::Ok);
        check(k, cpu);
        assert_eq!(write(k, cpu, M0, 1, 6), Err(Signal::Segv));
        assert_eq!([read(k, cpu, M0, 1), read(k, cpu, M0, 2)], [Ok(5), Ok(0)]);
        assert_eq!(mprotect(k, cpu, 0, 2 * HPN, RW), Errno::Ok);
        // Nobody else has the page, so no fault is needed; the zero page must be copied.
        assert!(pte(k, 1).is_write() && !pte(k, 2).is_write());
        assert_eq!([write(k, cpu, M0, 1, 6), write(k, cpu, M0, 2, 7)], [Ok(6), Ok(7)]);
    });
}

#[test]
fn what_permits_nothing_is_out_of_reach_and_not_lost() {
    tell(anon, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok() && write(k, cpu, M0, 2, 6).is_ok());
        k.lru_add_drain_all(cpu);
        assert_eq!(mprotect(k, cpu, 0, 2 * HPN, NONE), Errno::Ok);
        check(k, cpu);
        assert!(pte(k, 1).is_protnone() && !pte(k, 1).is_write() && pte(k, 1).is_dirty());
        assert_eq!(k.ptc_of(k.folios.of(pte(k, 1).pfn())), 0, "the checker does not count it");
        assert_eq!([read(k, cpu, M0, 1), write(k, cpu, M0, 3, 1)], [Err(Signal::Segv); 2]);
        assert_eq!(k.madvise_populate(cpu, M0, Vaddr(0), 1, false), Errno::Einval);
        // Reclaim and migration work as always, and what comes back is out of reach too.
        assert!(k.pageout(cpu, M0, Vaddr(1)));
        assert!(k.migrate_page(cpu, M0, Vaddr(2)));
        assert!(pte(k, 2).is_protnone());
        check(k, cpu);
        assert_eq!(mprotect(k, cpu, 0, 2 * HPN, RW), Errno::Ok);
        assert_eq!([read(k, cpu, M0, 1), read(k, cpu, M0, 2)], [Ok(5), Ok(6)]);
    });
}

#[test]
fn parts_of_a_mapping_are_told_apart_and_merge_again() {
    let maps = |k: &Kernel| -> Vec<_> {
        let vmas = k.vmas_in(M0, Vaddr(0), Vaddr(u32::MAX));
        let specs = vmas.iter().map(|&vma| k.vma(vma).spec());
        specs.map(|spec| (spec.start.0, spec.end.0, spec.write())).collect()
    };
    tell(anon, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        assert_eq!(mprotect(k, cpu, 0, 2 * HPN, RW), Errno::Ok);
        assert_eq!(mprotect(k, cpu, 2, 3, RO), Errno::Ok);
        assert_eq!(maps(k), [(0, 2, true), (2, 5, false), (5, 8, true)]);
        assert_eq!(write(k, cpu, M0, 4, 1), Err(Signal::Segv));
        assert!(write(k, cpu, M0, 5, 1).is_ok());
        assert_eq!(mprotect(k, cpu, 0, 3, RW), Errno::Ok);
        assert_eq!(maps(k), [(0, 3, true), (3, 5, false), (5, 8, true)]);
        assert_eq!(mprotect(k, cpu, 3, 2, RW), Errno::Ok);
        assert_eq!(maps(k), [(0, 8, true)]);
        // Up to the hole.
        assert_eq!(mprotect(k, cpu, 6, 4, RO), Errno::Enomem);
        assert_eq!(maps(k), [(0, 6, true), (6, 8, false)]);
        assert_eq!(mprotect(k, cpu, 9, 1, RO), Errno::Enomem);
    });
}

#[test]
fn a_shared_mapping_is_writable_at_once() {
    tell(
        |s| {
            s.file(HPN);
            s.map(M0, 0, HPN, Some(F0), true);
        },
        |k, cpu| {
            assert_eq!(mprotect(k, cpu, 0, HPN, RO), Errno::Ok);
            huge_page(k, cpu, 0);
            assert_eq!(read(k, cpu, M0, 1), Ok(101));
            assert!(!pte(k, 0).is_write());
            assert_eq!(mprotect(k, cpu, 0, HPN, RW), Errno::Ok);
            assert!(k.peek_pmd(M0, Vaddr(0)).is_write());
            assert!(write(k, cpu, M0, 1, 3).is_ok());
            // In part: of a file's huge page nothing is left but what is read again.
            assert_eq!(mprotect(k, cpu, 1, 1, NONE), Errno::Ok);
            assert!(k.peek_pmd(M0, Vaddr(0)).is_none());
            assert_eq!([read(k, cpu, M0, 0), read(k, cpu, M0, 1)], [Ok(100), Err(Signal::Segv)]);
            assert_eq!(mprotect(k, cpu, 0, HPN, RW), Errno::Ok);
            assert_eq!(read(k, cpu, M0, 1), Ok(3));
        },
    );
}

#[test]
fn nobody_writes_to_a_file_that_was_opened_for_reading() {
    tell(
        |s| {
            s.file(HPN);
            s.0.files[0].regular = true;
            s.map(M0, 0, HPN, Some(F0), true);
        },
        |k, cpu| {
            assert_eq!(mprotect(k, cpu, 0, HPN, RO), Errno::Ok);
            assert_eq!(mprotect(k, cpu, 0, HPN, RW), Errno::Eacces);
            k.mapping(F0).i_writecount.poke_add(1);
            assert_eq!(mprotect(k, cpu, 0, HPN, RW), Errno::Ok);
        },
    );
}

#[test]
fn a_huge_page_is_protected_whole_or_is_split() {
    tell(huge, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        for (prot, protnone, writable) in
            [(NONE, true, false), (RO, false, false), (RW, false, true)]
        {
            assert_eq!(mprotect(k, cpu, 0, HPN, prot), Errno::Ok);
            check(k, cpu);
            let pmd = k.peek_pmd(M0, Vaddr(0));
            assert!(pmd.is_trans_huge());
            assert_eq!((pmd.is_protnone(), pmd.is_write()), (protnone, writable));
        }
        assert_eq!(mprotect(k, cpu, 0, 1, NONE), Errno::Ok);
        assert!(pte(k, 0).is_protnone() && pte(k, 1).is_write());
        assert_eq!(read(k, cpu, M0, 1), Ok(5));
        check(k, cpu);
    });
}

#[test]
fn a_huge_page_out_of_reach_is_split_into_pages_out_of_reach() {
    tell(huge, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        assert_eq!(mprotect(k, cpu, 0, HPN, NONE), Errno::Ok);
        k.mm(M0).mmap_lock.down_read(cpu);
        k.__split_huge_pmd(cpu, VmaId(0), Vaddr(0));
        k.mm(M0).mmap_lock.up_read(cpu);
        assert!((0..HPN).all(|page| pte(k, page).is_protnone()));
        check(k, cpu);
        assert_eq!(mprotect(k, cpu, 0, HPN, RW), Errno::Ok);
        assert_eq!(read(k, cpu, M0, 1), Ok(5));
    });
}

#[test]
fn a_page_that_is_being_migrated_comes_back_read_only() {
    tell(anon, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        let folio = k.folios.of(pte(k, 1).pfn());
        k.folio(folio).lock.lock(cpu);
        k.folio_get(cpu, folio);
        k.try_to_migrate(cpu, folio, Default::default());
        assert!(pte(k, 1).is_writable_migration());
        // The part of mprotect that another CPU would play.
        let mut tlb = k.tlb_gather_mmu(cpu, M0);
        k.vma(VmaId(0)).change_flags(cpu, RO, VmFlags::WRITE);
        k.change_protection(cpu, &mut tlb, VmaId(0), Vaddr(0), Vaddr(HPN), CpFlags::NONE);
        k.tlb_finish_mmu(cpu, tlb);
        assert!(pte(k, 1).is_migration() && !pte(k, 1).is_writable_migration());
        assert!(pte(k, 1).is_exclusive_entry(), "nobody else has it");
        k.remove_migration_ptes(cpu, folio, folio, false);
        k.folio(folio).lock.unlock(cpu);
        k.folio_put(cpu, folio);
        assert!(pte(k, 1).is_present() && !pte(k, 1).is_write());
        assert_eq!(mprotect(k, cpu, 0, HPN, RW), Errno::Ok);
        assert!(pte(k, 1).is_write());
    });
}

#[test]
fn a_numa_fault_tells_and_restores() {
    tell(anon, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        k.lru_add_drain_all(cpu);
        assert_eq!(read(k, cpu, M0, 2), Ok(0));
        let numa = || k.task_numa_work(cpu, M0, (Vaddr(0), Vaddr(2 * HPN)));
        numa();
        check(k, cpu);
        assert!(pte(k, 1).is_protnone());
        assert!(!pte(k, 2).is_protnone(), "the zero page has no place");
        numa();
        assert_eq!(read(k, cpu, M0, 1), Ok(5));
        assert!(pte(k, 1).is_write() && pte(k, 1).is_young());
        // Shared with the swap cache or with a fork: it would have to be copied first.
        let folio = k.folios.of(pte(k, 1).pfn());
        k.folio_get(cpu, folio);
        numa();
        assert!(!pte(k, 1).is_protnone());
        k.folio_put(cpu, folio);
        // Without access nobody could tell a hint from a prohibition.
        assert_eq!(mprotect(k, cpu, 0, 2 * HPN, NONE), Errno::Ok);
        numa();
        assert_eq!(read(k, cpu, M0, 1), Err(Signal::Segv));
    });
}

#[test]
fn a_hint_is_for_those_who_map_the_page() {
    for scene in [anon, huge] {
        tell(scene, |k, cpu| {
            assert!(write(k, cpu, M0, 1, 5).is_ok());
            k.lru_add_drain_all(cpu);
            assert_eq!(mprotect(k, cpu, 0, 2 * HPN, RW), Errno::Ok);
            k.task_numa_work(cpu, M0, (Vaddr(0), Vaddr(HPN)));
            let hinted = || leaves(k, M0).iter().any(|leaf| leaf.1.0.is_protnone());
            let get = |flags| {
                let page = k.get_user_page(cpu, M0, Vaddr(1), flags).expect("it is there");
                k.put_user_page(cpu, page);
            };
            get(FollFlags::GET);
            assert!(hinted());
            get(FollFlags::WRITE);
            assert!(!hinted());
            k.task_numa_work(cpu, M0, (Vaddr(0), Vaddr(HPN)));
            assert!(hinted());
            get(FollFlags::MAPPING);
            assert!(!hinted());
        });
    }
}

#[test]
fn a_huge_page_is_hinted_whole() {
    tell(huge, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        k.task_numa_work(cpu, M0, (Vaddr(0), Vaddr(2 * HPN)));
        assert!(k.peek_pmd(M0, Vaddr(0)).is_protnone());
        check(k, cpu);
        assert_eq!(write(k, cpu, M0, 1, 6), Ok(6));
        k.task_numa_work(cpu, M0, (Vaddr(0), Vaddr(2 * HPN)));
        k.madvise_dontneed(cpu, M0, Vaddr(0), HPN);
        assert_eq!((read(k, cpu, M0, 1), k.deposited(M0).count()), (Ok(0), 1));
    });
}

/// What UFFDIO_WRITEPROTECT does, with mmap_lock.
fn uffd(k: &Kernel, cpu: &Cpu<'_>, cp_flags: CpFlags) -> Option<u32> {
    k.mmap_read_lock(cpu, M0);
    let mut tlb = k.tlb_gather_mmu(cpu, M0);
    let pages = k.change_protection(cpu, &mut tlb, VmaId(0), Vaddr(0), Vaddr(2 * HPN), cp_flags);
    k.tlb_finish_mmu(cpu, tlb);
    k.mmap_read_unlock(cpu, M0);
    pages
}

#[test]
fn userfaultfd_marks_what_is_not_there() {
    tell(
        |s| {
            s.file(2 * HPN);
            let vma = s.map(M0, 0, 2 * HPN, Some(F0), true);
            let cpu = Cpu::free(0, &s.0.smp);
            s.0.vma(vma).change_flags(&cpu, VmFlags::UFFD_WP, VmFlags::default());
        },
        |k, cpu| {
            // A huge page by a PMD entry, and nothing at all: markers need a table in both places.
            huge_page(k, cpu, 0);
            assert!(read(k, cpu, M0, 0).is_ok());
            assert!(k.peek_pmd(M0, Vaddr(0)).is_trans_huge());
            assert_eq!(uffd(k, cpu, CpFlags::UFFD_WP), Some(2 * HPN));
            assert!((0..2 * HPN).all(|page| pte(k, page) == Pte::uffd_wp_marker()));
            assert_eq!(uffd(k, cpu, CpFlags::UFFD_WP_RESOLVE), Some(2 * HPN));
            assert_eq!(leaves(k, M0), []);
            assert_eq!(read(k, cpu, M0, 1), Ok(101));
            assert_eq!(uffd(k, cpu, CpFlags::UFFD_WP), Some(2 * HPN));
            assert!(pte(k, 1).is_uffd_wp() && !pte(k, 1).is_write());
            assert_eq!(uffd(k, cpu, CpFlags::UFFD_WP_RESOLVE), Some(2 * HPN));
            assert!(!pte(k, 1).is_uffd_wp());
        },
    );
}

#[test]
fn userfaultfd_protects_anonymous_memory_where_it_is() {
    for scene in [anon, huge] {
        tell(
            |s| {
                scene(s);
                let cpu = Cpu::free(0, &s.0.smp);
                s.0.vma(VmaId(0)).change_flags(&cpu, VmFlags::UFFD_WP, VmFlags::default());
            },
            |k, cpu| {
                assert!(write(k, cpu, M0, 1, 5).is_ok());
                assert!(uffd(k, cpu, CpFlags::UFFD_WP).is_some());
                assert!(!leaves(k, M0).is_empty());
                assert!(
                    leaves(k, M0).iter().all(|(_, (pte, _))| pte.is_uffd_wp() && !pte.is_write())
                );
                assert_eq!(read(k, cpu, M0, 1), Ok(5));
                let resolve = CpFlags::UFFD_WP_RESOLVE.with(CpFlags::TRY_CHANGE_WRITABLE);
                assert!(uffd(k, cpu, resolve).is_some());
                assert!(leaves(k, M0).iter().any(|(_, (pte, _))| pte.is_write()));
                assert!(leaves(k, M0).iter().all(|(_, (pte, _))| !pte.is_uffd_wp()));
            },
        );
    }
}
