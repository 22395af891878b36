//! Stories of mremap, after the kernel's selftest: every kind of range moves with its content, and nothing stays behind.

use crate::mm::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::memory::Signal;
use crate::mm::memory::tests::{HPN, Scene, assert_nothing_left, check, leaves, read, tell, write};
use crate::mm::steps::MoveSteps;
use crate::mm::types::{FileId, MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

const M0: MmId = MmId(0);
const F0: FileId = FileId(0);

fn mremap(k: &Kernel, cpu: &Cpu<'_>, from: u32, pages: u32, to: u32) -> Errno {
    let errno = k.mremap(cpu, M0, (Vaddr(from), Vaddr(from + pages)), Vaddr(to), false);
    k.rcu_do_batch(cpu);
    errno
}

fn maps(k: &Kernel) -> Vec<(u32, u32)> {
    let vmas = k.vmas_in(M0, Vaddr(0), Vaddr(u32::MAX));
    vmas.iter().map(|&vma| k.vma(vma).spec()).map(|spec| (spec.start.0, spec.end.0)).collect()
}

fn written(k: &Kernel, cpu: &Cpu<'_>, pages: u32) {
    for page in 0..pages {
        assert!(write(k, cpu, M0, page, 100 + u64::from(page)).is_ok());
    }
}

fn anon(s: &mut Scene) {
    s.map(M0, 0, 2 * HPN, None, false);
}

#[test]
fn ranges_move_with_their_content_wherever_they_begin() {
    // Where from, how much, where to: entries; half a unit; a unit to entries, to half a unit, to a unit; two units.
    let cases = [
        (1, 2, 4 * HPN + 1),
        (1, 2, 5 * HPN - 1),
        (2, HPN / 2, 4 * HPN),
        (0, HPN, 4 * HPN + 1),
        (0, HPN, 4 * HPN + HPN / 2),
        (0, HPN, 4 * HPN),
        (HPN, HPN, 4 * HPN),
        (0, 2 * HPN, 4 * HPN),
        (0, 2 * HPN, 4 * HPN + 3),
        (3, 2 * HPN - 3, 4 * HPN + 3),
    ];
    for (from, pages, to) in cases {
        tell(anon, |k, cpu| {
            written(k, cpu, 2 * HPN);
            assert_eq!(mremap(k, cpu, from, pages, to), Errno::Ok);
            check(k, cpu);
            for page in 0..2 * HPN {
                let moved = (from..from + pages).contains(&page);
                let (at, gone) = if moved { (page - from + to, true) } else { (page, false) };
                assert_eq!(read(k, cpu, M0, at), Ok(100 + u64::from(page)), "{from} to {to}");
                assert_eq!(read(k, cpu, M0, page).is_err(), gone, "{from} to {to}");
            }
            // All of them are found by rmap.
            for page in to..to + pages {
                assert!(k.pageout(cpu, M0, Vaddr(page)), "page {page}");
                assert_eq!(read(k, cpu, M0, page), Ok(u64::from(100 + page - to + from)));
            }
            k.do_munmap(cpu, M0, Vaddr(0), Vaddr(8 * HPN));
            k.rcu_do_batch(cpu);
            assert_nothing_left(k);
        });
    }
}

#[test]
fn what_cannot_move_stays() {
    tell(anon, |k, cpu| {
        written(k, cpu, 2 * HPN);
        assert_eq!(mremap(k, cpu, 0, HPN, 1), Errno::Einval);
        assert_eq!(mremap(k, cpu, 1, HPN, 0), Errno::Einval);
        assert_eq!(mremap(k, cpu, 1, 0, 5 * HPN), Errno::Einval);
        assert_eq!(mremap(k, cpu, 3 * HPN, 1, 5 * HPN), Errno::Efault);
        assert_eq!(maps(k), [(0, 2 * HPN)]);
        // More than the VMA has: what was at the new address is gone already.
        assert_eq!(mremap(k, cpu, HPN + 1, HPN, 0), Errno::Efault);
        assert_eq!(maps(k), [(HPN, 2 * HPN)]);
        assert_eq!(read(k, cpu, M0, HPN), Ok(100 + u64::from(HPN)));
    });
}

#[test]
fn without_memory_for_a_table_everything_moves_back() {
    tell(anon, |k, cpu| {
        written(k, cpu, 2 * HPN);
        // The first unit has a table at the new address, the second one is to get none.
        k.do_munmap(cpu, M0, Vaddr(2 * HPN - 1), Vaddr(2 * HPN));
        let hoard: Vec<_> = std::iter::from_fn(|| k.pte_alloc_one(cpu)).collect();
        k.pte_free_now(cpu, hoard[0]);
        assert_eq!(mremap(k, cpu, 0, 2 * HPN - 1, 4 * HPN + 1), Errno::Enomem);
        for &table in &hoard[1..] {
            k.pte_free_now(cpu, table);
        }
        assert_eq!(maps(k), [(0, 2 * HPN - 1)]);
        for page in 0..2 * HPN - 1 {
            assert_eq!(read(k, cpu, M0, page), Ok(100 + u64::from(page)));
        }
        assert_eq!(mremap(k, cpu, 0, 2 * HPN - 1, 4 * HPN + 1), Errno::Ok);
    });
}

#[test]
fn dontunmap_leaves_an_empty_range() {
    tell(anon, |k, cpu| {
        written(k, cpu, 2 * HPN);
        let range = (Vaddr(0), Vaddr(2 * HPN));
        assert_eq!(k.mremap(cpu, M0, range, Vaddr(4 * HPN), true), Errno::Ok);
        assert_eq!(maps(k), [(0, 2 * HPN), (4 * HPN, 6 * HPN)]);
        check(k, cpu);
        assert_eq!(k.peek_anon_vma(VmaId(0)), None, "there is nothing for it to be found by");
        for page in 0..2 * HPN {
            assert_eq!(read(k, cpu, M0, page), Ok(0));
            assert_eq!(read(k, cpu, M0, page + 4 * HPN), Ok(100 + u64::from(page)));
        }
        assert!(write(k, cpu, M0, 1, 7).is_ok());
        assert!(k.peek_anon_vma(VmaId(0)).is_some());
        assert!(k.pageout(cpu, M0, Vaddr(4 * HPN + 1)) && k.pageout(cpu, M0, Vaddr(1)));
        assert_eq!([read(k, cpu, M0, 1), read(k, cpu, M0, 4 * HPN + 1)], [Ok(7), Ok(101)]);
    });
}

#[test]
fn dontunmap_of_a_part_keeps_the_anon_vma() {
    tell(anon, |k, cpu| {
        written(k, cpu, 2 * HPN);
        let range = (Vaddr(0), Vaddr(HPN));
        assert_eq!(k.mremap(cpu, M0, range, Vaddr(4 * HPN), true), Errno::Ok);
        assert!(k.peek_anon_vma(VmaId(0)).is_some());
        assert_eq!([read(k, cpu, M0, 0), read(k, cpu, M0, HPN)], [Ok(0), Ok(104)]);
    });
}

#[test]
fn swap_entries_move_too() {
    tell(anon, |k, cpu| {
        written(k, cpu, HPN);
        k.lru_add_drain_all(cpu);
        assert!(k.pageout(cpu, M0, Vaddr(1)) && k.pageout(cpu, M0, Vaddr(2)));
        assert_eq!(mremap(k, cpu, 1, 2, 4 * HPN), Errno::Ok);
        check(k, cpu);
        assert_eq!([read(k, cpu, M0, 4 * HPN), read(k, cpu, M0, 4 * HPN + 1)], [Ok(101), Ok(102)]);
        assert_eq!(read(k, cpu, M0, 1), Err(Signal::Segv));
    });
}

#[test]
fn a_whole_table_moves_as_it_is() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, 2 * HPN, Some(F0), true);
        },
        |k, cpu| {
            written(k, cpu, 2 * HPN);
            let tables = || [0, 1, 4, 5].map(|unit| k.peek_pmd(M0, Vaddr(unit * HPN)).pgtable());
            let before = tables();
            assert_eq!(mremap(k, cpu, 0, 2 * HPN, 4 * HPN), Errno::Ok);
            assert_eq!(tables(), [None, None, before[0], before[1]]);
            check(k, cpu);
            // The file finds them there.
            k.unmap_mapping_range(cpu, F0, 1, true);
            assert_eq!(leaves(k, M0).iter().map(|leaf| leaf.0.0).collect::<Vec<_>>(), [4 * HPN]);
            assert_eq!(read(k, cpu, M0, 5 * HPN), Ok(100 + u64::from(HPN)));
        },
    );
}

fn huge(s: &mut Scene) {
    let vma = s.map(M0, 0, 2 * HPN, None, false);
    let cpu = Cpu::free(0, &s.0.smp);
    s.0.vma(vma).change_flags(&cpu, VmFlags::HUGEPAGE, VmFlags::default());
}

#[test]
fn a_huge_page_moves_whole_or_is_split() {
    for (to, stays_huge) in [(4 * HPN, true), (4 * HPN + 1, false)] {
        tell(huge, |k, cpu| {
            written(k, cpu, HPN);
            assert!(k.peek_pmd(M0, Vaddr(0)).is_trans_huge());
            assert_eq!(mremap(k, cpu, 0, HPN, to), Errno::Ok);
            check(k, cpu);
            assert_eq!(k.peek_pmd(M0, Vaddr(to)).is_trans_huge(), stays_huge);
            assert_eq!(k.deposited(M0).count(), usize::from(stays_huge));
            for page in 0..HPN {
                assert_eq!(read(k, cpu, M0, to + page), Ok(100 + u64::from(page)));
            }
            assert!(write(k, cpu, M0, to, 1).is_ok());
            k.do_munmap(cpu, M0, Vaddr(0), Vaddr(8 * HPN));
            k.rcu_do_batch(cpu);
            assert_nothing_left(k);
        });
    }
}

#[test]
fn what_was_never_touched_merges_with_its_new_neighbour() {
    tell(
        |s| {
            s.map(M0, 0, HPN, None, false);
            s.map(M0, 4 * HPN, HPN, None, false);
            let cpu = Cpu::free(0, &s.0.smp);
            let spec = s.0.vma(VmaId(1)).spec();
            s.0.vma(VmaId(1)).set_range(&cpu, &crate::mm::VmaSpec { pgoff: 4 * HPN, ..spec });
        },
        |k, cpu| {
            assert!(write(k, cpu, M0, 4 * HPN, 9).is_ok());
            assert_eq!(mremap(k, cpu, 0, HPN, 5 * HPN), Errno::Ok);
            assert_eq!(maps(k), [(4 * HPN, 6 * HPN)]);
            assert!(write(k, cpu, M0, 5 * HPN, 8).is_ok());
            assert_eq!([read(k, cpu, M0, 4 * HPN), read(k, cpu, M0, 5 * HPN)], [Ok(9), Ok(8)]);
        },
    );
}

#[test]
fn what_returns_merges_with_what_it_was_torn_from() {
    // The second half goes and comes back: the first one is before it in the trees, under the rmap locks.
    tell(anon, |k, cpu| {
        written(k, cpu, 2 * HPN);
        assert_eq!(mremap(k, cpu, HPN, HPN, 4 * HPN), Errno::Ok);
        assert_eq!(maps(k), [(0, HPN), (4 * HPN, 5 * HPN)]);
        assert_eq!(mremap(k, cpu, 4 * HPN, HPN, HPN), Errno::Ok);
        assert_eq!(maps(k), [(0, 2 * HPN)]);
        for page in 0..2 * HPN {
            assert!(k.pageout(cpu, M0, Vaddr(page)));
            assert_eq!(read(k, cpu, M0, page), Ok(100 + u64::from(page)));
        }
    });
}

#[test]
fn whoever_loses_userfaultfd_loses_its_protections_too() {
    for fixed in [false, true] {
        tell(
            |s| {
                s.file(HPN);
                let vma = s.map(M0, 0, HPN, Some(F0), true);
                let cpu = Cpu::free(0, &s.0.smp);
                s.0.vma(vma).change_flags(&cpu, VmFlags::UFFD_WP, VmFlags::default());
                if fixed {
                    s.0.steps.moves = MoveSteps::FIXED;
                }
            },
            |k, cpu| {
                assert!(write(k, cpu, M0, 1, 5).is_ok());
                let range = (Vaddr(0), Vaddr(HPN));
                assert_eq!(k.mwriteprotect_range(cpu, M0, range, true), Errno::Ok);
                assert_eq!(mremap(k, cpu, 0, HPN, 4 * HPN), Errno::Ok);
                check(k, cpu);
                let left = leaves(k, M0);
                let marked = left.iter().any(|leaf| leaf.1.0.is_uffd_wp_marker());
                let protected = left.iter().any(|leaf| leaf.1.0.is_uffd_wp());
                // v6.6 leaves them.
                assert_eq!((marked, protected), (!fixed, !fixed));
                assert_eq!(write(k, cpu, M0, 4 * HPN + 1, 6), Ok(6));
            },
        );
    }
}
