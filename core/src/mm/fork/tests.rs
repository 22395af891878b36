//! Stories of parents and children.

use crate::mm::gup::FollFlags;
use crate::mm::khugepaged::Errno;
use crate::mm::memory::tests::{
    HPN, M0, Scene, assert_nothing_left, check, huge_page, leaves, read, tell, write,
};
use crate::mm::mm_struct::mmf;
use crate::mm::types::{FileId, MmId, Pfn, Pmd, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::mm::{Kernel, TtuFlags};
use crate::sync::Cpu;

const M1: MmId = MmId(1);
const M2: MmId = MmId(2);
const F0: FileId = FileId(0);

/// A machine with a VMA of two huge units in m0, whose children are not born.
fn family(s: &mut Scene, file: Option<FileId>, flags: VmFlags) -> VmaId {
    [M1, M2].iter().for_each(|&mm| s.0.mm(mm).init_unborn());
    s.file(2 * HPN);
    let vma = s.map(M0, 0, 2 * HPN, file, false);
    let cpu = Cpu::free(0, &s.0.smp);
    s.0.vma(vma).change_flags(&cpu, flags, VmFlags::default());
    vma
}

fn anon(s: &mut Scene) {
    family(s, None, VmFlags::default());
}

fn huge(s: &mut Scene) {
    family(s, None, VmFlags::HUGEPAGE);
}

#[track_caller]
fn fork(k: &Kernel, cpu: &Cpu<'_>, parent: MmId, child: MmId) {
    assert_eq!(k.copy_process(cpu, parent, child), Errno::Ok);
    check(k, cpu);
}

#[track_caller]
fn exit(k: &Kernel, cpu: &Cpu<'_>, mm: MmId) {
    assert!(k.do_group_exit(cpu, mm));
    check(k, cpu);
}

fn pte(k: &Kernel, mm: MmId, page: u32) -> Pte {
    let found = leaves(k, mm).into_iter().find(|(addr, _)| *addr == Vaddr(page));
    found.map_or(Pte::NONE, |(_, (pte, _))| pte)
}

#[test]
fn neither_sees_what_the_other_writes() {
    tell(anon, |k, cpu| {
        for page in [1, 2, 3, HPN] {
            assert!(write(k, cpu, M0, page, 10).is_ok());
        }
        assert!(read(k, cpu, M0, 5).is_ok());
        fork(k, cpu, M0, M1);
        assert_eq!(pte(k, M0, 1).pfn(), pte(k, M1, 1).pfn());
        assert!(!pte(k, M0, 1).is_write() && !pte(k, M1, 1).is_write());
        assert!(pte(k, M1, 5).is_special(), "the zero page is copied as it is");
        assert_eq!(k.mm(M1).rss[1].peek(), 4);
        assert_eq!(write(k, cpu, M0, 1, 11), Ok(11));
        assert_eq!(write(k, cpu, M1, 2, 12), Ok(12));
        let all = |mm| [1, 2, 3, HPN].map(|page| read(k, cpu, mm, page).expect("it is mapped"));
        assert_eq!((all(M0), all(M1)), ([11, 10, 10, 10], [10, 12, 10, 10]));
        exit(k, cpu, M1);
        assert_eq!(all(M0), [11, 10, 10, 10]);
        // Nobody else has the page any longer: it is not copied again.
        let before = pte(k, M0, 3).pfn();
        assert_eq!(write(k, cpu, M0, 3, 13), Ok(13));
        assert_eq!(pte(k, M0, 3).pfn(), before);
        exit(k, cpu, M0);
        assert_nothing_left(k);
        assert_eq!(k.vmas.iter().count() + k.anon_vmas.iter().count(), 0);
    });
}

#[test]
fn an_mm_is_born_once() {
    tell(anon, |k, cpu| {
        assert!(!k.thread_begin(M1) && !k.do_group_exit(cpu, M1) && !k.oom_reap_task_mm(cpu, M1));
        assert!(read(k, cpu, M1, 1).is_err());
        fork(k, cpu, M0, M1);
        assert_eq!(k.copy_process(cpu, M0, M1), Errno::Ebusy);
        assert_eq!(k.copy_process(cpu, M0, M0), Errno::Ebusy);
        assert!(k.thread_begin(M1));
        k.thread_end(cpu, M1);
        exit(k, cpu, M1);
        assert_eq!(k.copy_process(cpu, M0, M1), Errno::Ebusy, "not after its death, either");
        assert!(!k.thread_begin(M1));
    });
}

#[test]
fn generations() {
    tell(anon, |k, cpu| {
        assert_eq!(write(k, cpu, M0, 1, 1), Ok(1));
        fork(k, cpu, M0, M1);
        fork(k, cpu, M1, M2);
        exit(k, cpu, M1);
        assert_eq!(write(k, cpu, M0, 1, 2), Ok(2));
        assert_eq!(read(k, cpu, M2, 1), Ok(1));
        assert_eq!(write(k, cpu, M2, 1, 3), Ok(3));
        for mm in [M0, M2] {
            assert!(k.pageout(cpu, mm, Vaddr(1)), "rmap finds the page of {mm:?}");
        }
        assert_eq!((read(k, cpu, M0, 1), read(k, cpu, M2, 1)), (Ok(2), Ok(3)));
    });
}

#[test]
fn what_can_be_faulted_in_again_is_not_copied() {
    let file = |s: &mut Scene| _ = family(s, Some(F0), VmFlags::default());
    tell(file, |k, cpu| {
        for page in 0..HPN {
            assert!(read(k, cpu, M0, page).is_ok());
        }
        fork(k, cpu, M0, M1);
        assert_eq!(leaves(k, M1).len(), 0);
        assert!(read(k, cpu, M1, 1).is_ok());
        // The child's comes directly behind its parent's.
        let order = |k: &Kernel| k.i_mmap_vmas(cpu, F0).map(|id| k.vma(id).spec().mm).collect();
        assert_eq!(Vec::<MmId>::from_iter(Vec::clone(&order(k))), [M0, M1]);
        // Once there may be copies all of it is copied.
        assert_eq!(write(k, cpu, M0, 1, 9), Ok(9));
        fork(k, cpu, M0, M2);
        assert_eq!(leaves(k, M2).len(), HPN as usize);
        assert_eq!(order(k), [M0, M2, M1]);
        assert_eq!((k.mm(M2).rss[1].peek(), k.mm(M2).rss[3].peek()), (1, u64::from(HPN) - 1));
        k.shmem_setattr(cpu, F0, 0);
        assert_eq!(leaves(k, M2).len() + leaves(k, M1).len() + leaves(k, M0).len(), 0);
    });
}

#[test]
fn flags_say_what_the_child_gets() {
    for (flag, kept) in [
        (VmFlags::DONTCOPY, None),
        (VmFlags::WIPEONFORK, Some(VmFlags::WIPEONFORK)),
        (VmFlags::LOCKED, Some(VmFlags::default())),
        (VmFlags::UFFD_MISSING, Some(VmFlags::default())),
    ] {
        tell(anon, |k, cpu| {
            assert_eq!(write(k, cpu, M0, 1, 5), Ok(5));
            k.vma(VmaId(0)).change_flags(cpu, flag, VmFlags::default());
            fork(k, cpu, M0, M1);
            let vmas = k.vmas_in(M1, Vaddr(0), Vaddr(u32::MAX));
            let flags = vmas.first().map(|&id| k.vma(id).spec().flags);
            assert_eq!(flags, kept.map(|kept| kept.with(VmFlags::WRITE)));
            let content = match flag {
                VmFlags::DONTCOPY => None,
                VmFlags::WIPEONFORK => Some(0),
                _ => Some(5),
            };
            assert_eq!(read(k, cpu, M1, 1).ok(), content);
            k.vma(VmaId(0)).change_flags(cpu, VmFlags::default(), flag);
        });
    }
}

#[test]
fn a_page_that_is_pinned_is_copied_at_once() {
    tell(anon, |k, cpu| {
        for page in [1, 2] {
            assert_eq!(write(k, cpu, M0, page, 5), Ok(5));
        }
        let pinned = pte(k, M0, 1);
        assert!(k.gup_fast(cpu, M0, Vaddr(1), FollFlags::PIN.writing(true)));
        k.copy_process(cpu, M0, M1);
        assert_eq!(pte(k, M0, 1), pinned, "the parent's stays as it is");
        assert_ne!(pte(k, M1, 1).pfn(), pinned.pfn());
        assert!(pte(k, M1, 1).is_write());
        assert_eq!(pte(k, M0, 2).pfn(), pte(k, M1, 2).pfn());
        assert_eq!(write(k, cpu, M0, 1, 6), Ok(6));
        assert_eq!((read(k, cpu, M0, 1), read(k, cpu, M1, 1)), (Ok(6), Ok(5)));
        k.gup_put_all(cpu);
    });
}

#[test]
fn what_is_swapped_out_is_swapped_out_in_both() {
    tell(anon, |k, cpu| {
        assert_eq!(write(k, cpu, M0, 1, 5), Ok(5));
        assert!(k.pageout(cpu, M0, Vaddr(1)));
        assert!(pte(k, M0, 1).is_exclusive_entry());
        fork(k, cpu, M0, M1);
        let entry = pte(k, M0, 1);
        assert_eq!(entry, pte(k, M1, 1));
        assert!(!entry.is_exclusive_entry());
        let slot = entry.swap_slot().expect("it is swapped out");
        assert_eq!((k.swap.slot(slot).count.peek(), k.mm(M1).rss[2].peek()), (2, 1));
        // Whoever swaps it in first, rmap finds the page in both.
        assert_eq!((read(k, cpu, M1, 1), read(k, cpu, M0, 1)), (Ok(5), Ok(5)));
        assert!(k.pageout(cpu, M0, Vaddr(1)));
        assert!(pte(k, M0, 1).swap_slot().is_some() && pte(k, M1, 1).swap_slot().is_some());
        assert_eq!(write(k, cpu, M1, 1, 6), Ok(6));
        assert_eq!((read(k, cpu, M0, 1), read(k, cpu, M1, 1)), (Ok(5), Ok(6)));
    });
}

#[test]
fn a_migration_entry_is_readable_in_both() {
    tell(anon, |k, cpu| {
        assert_eq!(write(k, cpu, M0, 1, 5), Ok(5));
        k.lru_add_drain_all(cpu);
        let folio = k.folios.of(pte(k, M0, 1).pfn());
        let other = &Cpu::free(1, &k.smp);
        k.folio(folio).lock.lock(other);
        k.folio_get(other, folio);
        k.try_to_migrate(other, folio, TtuFlags::default());
        assert!(pte(k, M0, 1).is_writable_migration());
        assert_eq!(k.copy_process(cpu, M0, M1), Errno::Ok);
        let entry = pte(k, M0, 1);
        assert_eq!(entry, pte(k, M1, 1));
        assert!(!entry.is_writable_migration() && !entry.is_exclusive_entry());
        assert_eq!(k.mm(M1).rss[1].peek(), 1);
        k.remove_migration_ptes(other, folio, folio, false);
        k.folio(folio).lock.unlock(other);
        k.folio_put(other, folio);
        check(k, cpu);
        assert_eq!(write(k, cpu, M0, 1, 6), Ok(6));
        assert_eq!((read(k, cpu, M0, 1), read(k, cpu, M1, 1)), (Ok(6), Ok(5)));
    });
}

#[test]
fn a_huge_page_is_shared_until_somebody_writes() {
    tell(huge, |k, cpu| {
        for page in 0..HPN {
            assert!(write(k, cpu, M0, page, 10 + u64::from(page)).is_ok());
        }
        fork(k, cpu, M0, M1);
        let (old, new) = (k.peek_pmd(M0, Vaddr(0)), k.peek_pmd(M1, Vaddr(0)));
        assert!(new.is_trans_huge() && new.pfn() == old.pfn());
        assert!(!old.is_write() && !new.is_write());
        assert_eq!((k.deposited(M1).count(), k.mm(M1).rss[1].peek()), (1, u64::from(HPN)));
        assert_eq!(write(k, cpu, M1, 1, 5), Ok(5));
        assert!(k.peek_pmd(M1, Vaddr(0)).is_table() && k.peek_pmd(M0, Vaddr(0)).is_trans_huge());
        assert_eq!((read(k, cpu, M0, 1), read(k, cpu, M1, 1)), (Ok(11), Ok(5)));
        exit(k, cpu, M1);
        // The parent has it for itself again.
        assert_eq!(write(k, cpu, M0, 2, 7), Ok(7));
        assert!(k.peek_pmd(M0, Vaddr(0)).is_trans_huge());
    });
}

#[test]
fn a_huge_page_that_is_pinned_is_split() {
    tell(huge, |k, cpu| {
        assert_eq!(write(k, cpu, M0, 1, 5), Ok(5));
        let head = k.peek_pmd(M0, Vaddr(0)).pfn();
        assert!(k.gup_fast(cpu, M0, Vaddr(1), FollFlags::PIN.writing(true)));
        assert_eq!(k.copy_process(cpu, M0, M1), Errno::Ok);
        assert_eq!(k.deposited(M1).count(), 0);
        for page in 0..HPN {
            assert_eq!(pte(k, M0, page).pfn(), Pfn(head.0 + page));
            assert!(pte(k, M0, page).is_write());
            // Which of its pages is pinned is not known.
            assert_ne!(pte(k, M1, page).pfn(), Pfn(head.0 + page));
        }
        k.gup_put_all(cpu);
    });
}

#[test]
fn the_huge_zero_page_is_copied_with_a_table() {
    let zero = |s: &mut Scene| {
        huge(s);
        s.0.config.use_zero_page = true;
    };
    tell(zero, |k, cpu| {
        assert_eq!(read(k, cpu, M0, 1), Ok(0));
        assert!(k.is_huge_zero_pmd(k.peek_pmd(M0, Vaddr(0))));
        fork(k, cpu, M0, M1);
        assert!(k.is_huge_zero_pmd(k.peek_pmd(M1, Vaddr(0))));
        assert_eq!((k.deposited(M1).count(), k.mm(M1).rss[1].peek()), (1, 0));
        assert_eq!(write(k, cpu, M1, 1, 5), Ok(5));
        assert_eq!(read(k, cpu, M0, 1), Ok(0));
    });
}

#[test]
fn a_huge_migration_entry_is_readable_in_both() {
    tell(huge, |k, cpu| {
        assert_eq!(write(k, cpu, M0, 1, 5), Ok(5));
        let folio = k.folios.of(k.peek_pmd(M0, Vaddr(0)).pfn());
        k.lru_add_drain_all(cpu);
        let other = &Cpu::free(1, &k.smp);
        k.folio(folio).lock.lock(other);
        k.folio_get(other, folio);
        k.try_to_migrate(other, folio, TtuFlags::default());
        assert!(k.peek_pmd(M0, Vaddr(0)).is_writable_migration());
        assert_eq!(k.copy_process(cpu, M0, M1), Errno::Ok);
        for mm in [M0, M1] {
            let pmd: Pmd = k.peek_pmd(mm, Vaddr(0));
            assert!(pmd.is_migration() && !pmd.is_exclusive_migration());
        }
        k.remove_migration_ptes(other, folio, folio, false);
        k.folio(folio).lock.unlock(other);
        k.folio_put(other, folio);
        check(k, cpu);
        assert_eq!(write(k, cpu, M0, 1, 6), Ok(6));
        assert_eq!((read(k, cpu, M0, 1), read(k, cpu, M1, 1)), (Ok(6), Ok(5)));
    });
}

#[test]
fn a_huge_page_of_a_file_is_not_copied() {
    let file = |s: &mut Scene| _ = family(s, Some(F0), VmFlags::default());
    tell(file, |k, cpu| {
        huge_page(k, cpu, 0);
        assert!(read(k, cpu, M0, 0).is_ok());
        assert!(k.peek_pmd(M0, Vaddr(0)).is_trans_huge());
        assert_eq!(write(k, cpu, M0, HPN, 3), Ok(3));
        fork(k, cpu, M0, M1);
        assert!(k.peek_pmd(M1, Vaddr(0)).is_none());
        assert_eq!((read(k, cpu, M1, 0), read(k, cpu, M1, HPN)), (Ok(100), Ok(3)));
    });
}

#[test]
fn markers_are_copied_if_somebody_wants_them() {
    tell(anon, |k, cpu| {
        assert_eq!(write(k, cpu, M0, 0, 5), Ok(5));
        let (at, ptl) = k.pte_offset_map_lock(cpu, M0, Vaddr(0)).expect("a table");
        k.set_pte_at(cpu, M0, at, Vaddr(1), Pte::uffd_wp_marker());
        k.set_pte_at(cpu, M0, at, Vaddr(2), Pte::poisoned_marker());
        k.pte_unmap_unlock(cpu, ptl);
        fork(k, cpu, M0, M1);
        assert_eq!(pte(k, M1, 1), Pte::NONE);
        assert_eq!(pte(k, M1, 2), Pte::poisoned_marker());
        // As with UFFD_FEATURE_EVENT_FORK.
        k.mmap_write_lock(cpu, M0);
        assert!(k.mm(M2).init_forked());
        let spec = crate::mm::VmaSpec { mm: M2, ..k.vma(VmaId(0)).spec() };
        let flags = spec.flags.with(VmFlags::UFFD_WP);
        let spec = crate::mm::VmaSpec { flags, ..spec };
        let child = k.vm_area_dup(cpu, VmaId(0), &spec).expect("room");
        assert!(k.anon_vma_fork(cpu, child, VmaId(0)));
        k.mm(M2).vma_tree.poke_bits(1 << child.0, 0);
        assert!(k.copy_page_range(cpu, child, VmaId(0)));
        k.mmap_write_unlock(cpu, M0);
        assert_eq!(pte(k, M2, 1), Pte::uffd_wp_marker());
        k.mmput(cpu, M2);
        exit(k, cpu, M1);
        exit(k, cpu, M0);
        assert_nothing_left(k);
    });
}

#[test]
fn without_memory_there_is_no_child() {
    tell(
        |s| _ = family(s, None, VmFlags::default()),
        |k, cpu| {
            for page in [1, HPN] {
                assert!(write(k, cpu, M0, page, 5).is_ok());
            }
            k.mm(M0).flags.poke_bits(mmf::DISABLE_THP, 0);
            // One of the two tables that it takes.
            let mut tables: Vec<_> = std::iter::from_fn(|| k.pte_alloc_one(cpu)).collect();
            k.pte_free_now(cpu, tables.pop().expect("some"));
            assert_eq!(k.copy_process(cpu, M0, M1), Errno::Enomem);
            tables.into_iter().for_each(|table| k.pte_free_now(cpu, table));
            check(k, cpu);
            assert!(!k.mm(M1).is_alive() && !k.mm(M1).is_born());
            assert_eq!(k.mm(M1).mm_count.peek(), 0);
            assert!(leaves(k, M1).is_empty());
            assert_eq!(k.copy_process(cpu, M0, M1), Errno::Ebusy);
            // The next one has the parent's flags.
            fork(k, cpu, M0, M2);
            assert_eq!(k.mm(M2).flags.peek(), mmf::DISABLE_THP);
            assert_eq!(write(k, cpu, M0, 1, 6), Ok(6));
            assert_eq!(read(k, cpu, M2, 1), Ok(5));
        },
    );
}

#[test]
fn a_parent_that_was_killed_bears_nobody() {
    tell(anon, |k, cpu| {
        assert!(write(k, cpu, M0, 1, 5).is_ok());
        assert!(k.thread_begin(M0));
        exit(k, cpu, M0);
        assert_eq!(k.copy_process(cpu, M0, M1), Errno::Eintr);
        assert!(!k.mm(M1).is_alive());
        k.thread_end(cpu, M0);
        assert_nothing_left(k);
    });
}
