//! Stories of VMAs that are split, merged and replaced, and of those who look at them meanwhile.

use std::cell::Cell;

use crate::mm::khugepaged::Errno;
use crate::mm::memory::tests::{assert_nothing_left, check, huge_page, leaves, read, tell, write};
use crate::mm::types::{FileId, MmId, Vaddr, VmaId};
use crate::mm::vma::tests::{Meeting, meet, nothing, protects};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::mm::{FlagAdvice, Kernel, UserAccess};
use crate::sync::Cpu;

const M0: MmId = MmId(0);
const F0: FileId = FileId(0);
const HPN: u32 = 4;
const RW: VmFlags = VmFlags::READ.with(VmFlags::WRITE);

fn mmap(k: &Kernel, cpu: &Cpu<'_>, start: u32, pages: u32, file: Option<u32>, flags: VmFlags) {
    let (start, end) = (Vaddr(start), Vaddr(start + pages));
    let pgoff = file.unwrap_or(0);
    let spec = VmaSpec { mm: M0, start, end, pgoff, file: file.map(|_| F0), flags };
    assert_eq!(k.do_mmap(cpu, &spec), Errno::Ok);
    k.rcu_do_batch(cpu);
}

fn munmap(k: &Kernel, cpu: &Cpu<'_>, start: u32, pages: u32) {
    assert_eq!(k.do_munmap(cpu, M0, Vaddr(start), Vaddr(start + pages)), Errno::Ok);
    k.rcu_do_batch(cpu);
}

fn advise(k: &Kernel, cpu: &Cpu<'_>, start: u32, pages: u32, advice: FlagAdvice) -> Errno {
    k.madvise_vma_behavior(cpu, M0, (Vaddr(start), Vaddr(start + pages)), advice)
}

/// The VMAs: first page, page behind the last, whether VM_HUGEPAGE.
fn maps(k: &Kernel) -> Vec<(u32, u32, bool)> {
    let vmas = k.vmas_in(M0, Vaddr(0), Vaddr(u32::MAX));
    let specs = vmas.iter().map(|&vma| k.vma(vma).spec());
    specs.map(|s| (s.start.0, s.end.0, s.flags.has(VmFlags::HUGEPAGE))).collect()
}

#[test]
fn a_hole_is_cut_into_a_mapping() {
    tell(
        |s| _ = s.map(M0, 0, 16, None, false),
        |k, cpu| {
            for page in 0..16 {
                assert!(write(k, cpu, M0, page, u64::from(page) + 1).is_ok());
            }
            munmap(k, cpu, 6, 3);
            check(k, cpu);
            assert_eq!(maps(k), [(0, 6, false), (9, 16, false)]);
            assert_eq!(leaves(k, M0).len(), 13);
            // Whatever is left is found by rmap, on both sides of the hole.
            for page in [5, 9, 15] {
                assert!(k.pageout(cpu, M0, Vaddr(page)));
                assert_eq!(read(k, cpu, M0, page), Ok(u64::from(page) + 1));
            }
            assert!(read(k, cpu, M0, 7).is_err());
            munmap(k, cpu, 0, 32);
            assert_nothing_left(k);
            assert_eq!(k.vmas.iter().count() + k.anon_vmas.iter().count(), 0);
        },
    );
}

#[test]
fn a_hole_that_is_filled_again_is_no_hole() {
    tell(
        |s| _ = s.map(M0, 0, 16, None, false),
        |k, cpu| {
            assert!(write(k, cpu, M0, 1, 1).is_ok());
            munmap(k, cpu, 6, 3);
            mmap(k, cpu, 6, 3, None, VmFlags::WRITE);
            assert_eq!(maps(k), [(0, 16, false)]);
            assert!(write(k, cpu, M0, 7, 7).is_ok());
            // Other flags: a mapping of its own.
            mmap(k, cpu, 6, 3, None, RW);
            assert_eq!(maps(k), [(0, 6, false), (6, 9, false), (9, 16, false)]);
            assert_eq!(read(k, cpu, M0, 7), Ok(0));
            assert_eq!(read(k, cpu, M0, 1), Ok(1));
        },
    );
}

#[test]
fn each_part_of_a_file_is_where_it_was() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 4, 8, Some(F0), true);
        },
        |k, cpu| {
            for page in 0..8 {
                assert!(write(k, cpu, M0, 4 + page, 10 + u64::from(page)).is_ok());
            }
            munmap(k, cpu, 7, 2);
            for page in [4, 5, 6, 9, 10, 11] {
                assert_eq!(read(k, cpu, M0, page), Ok(u64::from(page) + 6));
            }
            // The same pages of the file again, and then others.
            mmap(k, cpu, 7, 2, Some(3), VmFlags::WRITE.with(VmFlags::SHARED));
            assert_eq!(maps(k), [(4, 12, false)]);
            mmap(k, cpu, 7, 2, Some(0), VmFlags::WRITE.with(VmFlags::SHARED));
            assert_eq!(maps(k), [(4, 7, false), (7, 9, false), (9, 12, false)]);
            assert_eq!([read(k, cpu, M0, 7), read(k, cpu, M0, 8)], [Ok(10), Ok(11)]);
            // All three are found by the file.
            k.unmap_mapping_range(cpu, F0, 0, true);
            assert_eq!(leaves(k, M0).len(), 0);
        },
    );
}

#[test]
fn all_cases_of_a_merge() {
    use FlagAdvice::{Hugepage as On, Nohugepage as Off};
    // What is done after the first eight pages were told apart from the others, and what is there then.
    type Case = (u32, u32, FlagAdvice, &'static [(u32, u32, bool)]);
    let cases: [Case; 7] = [
        // 4: the end of the first becomes the beginning of the second.
        (4, 4, Off, &[(0, 4, true), (4, 16, false)]),
        // 5: the beginning of the second becomes the end of the first.
        (8, 4, On, &[(0, 12, true), (12, 16, false)]),
        // 7: the second becomes the end of the first.
        (8, 8, On, &[(0, 16, true)]),
        // 8: the first becomes the beginning of the second.
        (0, 8, Off, &[(0, 16, false)]),
        // None of them: a split in three, in two, and nothing at all.
        (2, 4, Off, &[(0, 2, true), (2, 6, false), (6, 8, true), (8, 16, false)]),
        (0, 4, Off, &[(0, 4, false), (4, 8, true), (8, 16, false)]),
        (2, 4, On, &[(0, 8, true), (8, 16, false)]),
    ];
    for (start, pages, advice, expected) in cases {
        tell(
            |s| _ = s.map(M0, 0, 16, None, false),
            |k, cpu| {
                // Written before: all pieces have one anon_vma.
                for page in [0, 3, 7, 8, 15] {
                    assert!(write(k, cpu, M0, page, u64::from(page) + 1).is_ok());
                }
                assert_eq!(advise(k, cpu, 0, 16, Off), Errno::Ok);
                assert_eq!(advise(k, cpu, 0, 8, On), Errno::Ok);
                assert_eq!(advise(k, cpu, start, pages, advice), Errno::Ok);
                assert_eq!(maps(k), expected, "{start} {pages} {advice:?}");
                check(k, cpu);
                for page in [0, 3, 7, 8, 15] {
                    assert!(k.pageout(cpu, M0, Vaddr(page)), "page {page} is not found by rmap");
                    assert_eq!(read(k, cpu, M0, page), Ok(u64::from(page) + 1));
                }
            },
        );
    }
    // Pages of two anon_vmas stay apart.
    tell(
        |s| _ = s.map(M0, 0, 16, None, false),
        |k, cpu| {
            assert_eq!(advise(k, cpu, 0, 8, On), Errno::Ok);
            assert_eq!(advise(k, cpu, 8, 8, Off), Errno::Ok);
            assert!(write(k, cpu, M0, 7, 1).is_ok());
            assert!(write(k, cpu, M0, 8, 1).is_ok());
            assert_eq!(advise(k, cpu, 8, 8, On), Errno::Ok);
            assert_eq!(maps(k), [(0, 8, true), (8, 16, true)]);
        },
    );
    // 6: a piece between two of its kind.
    tell(
        |s| _ = s.map(M0, 0, 16, None, false),
        |k, cpu| {
            assert_eq!(advise(k, cpu, 0, 16, Off), Errno::Ok);
            assert_eq!(advise(k, cpu, 4, 4, On), Errno::Ok);
            assert_eq!(maps(k).len(), 3);
            assert_eq!(advise(k, cpu, 4, 4, Off), Errno::Ok);
            assert_eq!(maps(k), [(0, 16, false)]);
        },
    );
}

#[test]
fn a_huge_page_does_not_lie_across_a_bound() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, 2 * HPN, Some(F0), true);
        },
        |k, cpu| {
            huge_page(k, cpu, 0);
            assert_eq!(read(k, cpu, M0, 1), Ok(101));
            assert!(leaves(k, M0)[0].1.1, "the huge page is mapped by a PMD entry");
            munmap(k, cpu, 0, 2);
            assert_eq!(leaves(k, M0).len(), 0);
            check(k, cpu);
            assert_eq!([read(k, cpu, M0, 2), read(k, cpu, M0, 3)], [Ok(102), Ok(103)]);
            assert!(!leaves(k, M0)[0].1.1);
        },
    );
}

#[test]
fn without_room_for_a_vma_nothing_is_unmapped() {
    tell(
        |s| {
            for page in 0..30 {
                s.map(MmId(1), page, 1, None, false);
            }
            s.map(M0, 0, 16, None, false);
        },
        |k, cpu| {
            assert!(write(k, cpu, M0, 5, 5).is_ok());
            // One piece more there would be room for, not two.
            let (start, end) = (Vaddr(4), Vaddr(8));
            assert_eq!(k.do_munmap(cpu, M0, start, end), Errno::Enomem);
            check(k, cpu);
            assert_eq!(maps(k), [(0, 4, false), (4, 16, false)]);
            assert_eq!(read(k, cpu, M0, 5), Ok(5));
        },
    );
}

#[test]
fn an_advice_stops_at_what_it_does_not_fit() {
    tell(
        |s| {
            s.map(M0, 0, 4, None, false);
            s.map(M0, 8, 4, Some(F0), false);
        },
        |k, cpu| {
            // A hole is an error, but what lies behind it is not left out.
            assert_eq!(advise(k, cpu, 0, 12, FlagAdvice::Hugepage), Errno::Enomem);
            assert_eq!(maps(k), [(0, 4, true), (8, 12, true)]);
            assert_eq!(advise(k, cpu, 8, 4, FlagAdvice::Wipeonfork), Errno::Einval);
            assert_eq!(advise(k, cpu, 20, 4, FlagAdvice::Hugepage), Errno::Enomem);
            assert_eq!(k.mm(M0).flags.peek(), crate::mm::mmf::VM_HUGEPAGE);
        },
    );
}

/// A page, as a history without VMAs has it: pgoff, file, flags.
type Page = Option<(u32, bool, u32)>;

#[test]
fn random_histories_agree_with_a_map_of_pages() {
    for seed in 0..300_u32 {
        tell(|s| s.file(2 * HPN), |k, cpu| history(k, cpu, seed));
    }
}

fn history(k: &Kernel, cpu: &Cpu<'_>, seed: u32) {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut draw = |bound: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % bound
    };
    let mut pages: Vec<Page> = vec![None; 32];
    for _ in 0..25 {
        let start = draw(24);
        let len = 1 + draw(8);
        let range = start as usize..(start + len) as usize;
        match draw(6) {
            0 => {
                munmap(k, cpu, start, len);
                pages[range].fill(None);
            }
            kind @ (1 | 2) => {
                let file = (kind == 2 && len <= HPN).then(|| draw(HPN));
                mmap(k, cpu, start, len, file, RW);
                let first = file.unwrap_or(start);
                for (i, page) in (0..).zip(&mut pages[range]) {
                    *page = Some((first + i, file.is_some(), RW.0));
                }
            }
            3 => {
                let advice =
                    if draw(2) == 0 { FlagAdvice::Hugepage } else { FlagAdvice::Nohugepage };
                advise(k, cpu, start, len, advice);
                let (on, off) = if advice == FlagAdvice::Hugepage {
                    (VmFlags::HUGEPAGE, VmFlags::NOHUGEPAGE)
                } else {
                    (VmFlags::NOHUGEPAGE, VmFlags::HUGEPAGE)
                };
                for page in pages[range].iter_mut().flatten() {
                    page.2 = VmFlags(page.2).without(off).with(on).0;
                }
            }
            4 => {
                let written = k.user_access(cpu, M0, Vaddr(start), UserAccess::Write(7)).is_ok();
                assert_eq!(written, pages[start as usize].is_some(), "seed {seed}");
            }
            _ => _ = k.pageout(cpu, M0, Vaddr(start)),
        }
        compare(k, &pages, seed);
    }
    check(k, cpu);
}

#[track_caller]
fn compare(k: &Kernel, pages: &[Page], seed: u32) {
    for (addr, page) in (0..).map(Vaddr).zip(pages) {
        let vma = k.peek_vma(M0, addr);
        let found = vma.map(|vma| {
            let spec = k.vma(vma).spec();
            (spec.pgoff_of(addr), spec.file.is_some(), spec.flags.0)
        });
        assert_eq!(found, *page, "seed {seed}, {addr:?}");
    }
    for (addr, (entry, _)) in leaves(k, M0) {
        let Some(vma) = k.peek_vma(M0, addr) else { panic!("seed {seed}: {addr:?}") };
        let folio = k.vm_normal_page(entry).filter(|_| entry.is_present()).map(|p| k.folio_of(p));
        if let Some(folio) = folio.filter(|folio| folio.is_anon()) {
            let crate::mm::Mapping::Anon(id) = folio.peek_mapping() else { panic!() };
            assert!(k.anon_vma(id).tree.has(vma), "seed {seed}: rmap does not find {addr:?}");
            assert_eq!(folio.index(), k.vma(vma).spec().pgoff_of(addr), "seed {seed}");
        }
    }
}

/// The guest holds the lock of the VMA around page 1, and the VMA changes under it.
fn changes_under_reader(
    without: Option<&'static str>,
    host: impl Fn(&Kernel, &Cpu<'_>),
    page: u32,
) -> usize {
    let (reading, moved) = (Cell::new(None), Cell::new(false));
    let read = |k: &Kernel, cpu: &Cpu<'_>| {
        let vma = k.lock_vma_under_rcu(cpu, M0, Vaddr(page));
        reading.set(vma.map(|vma| (vma, k.vma(vma).spec())));
    };
    let same = |k: &Kernel, (vma, spec): (VmaId, VmaSpec)| k.vma(vma).spec() == spec;
    let leave = |k: &Kernel, cpu: &Cpu<'_>| {
        let held = reading.take().expect("only a reader is waited for");
        moved.set(moved.get() || !same(k, held));
        k.vma_end_read(cpu, held.0);
    };
    meet(without, host, read, leave, |met| {
        let kept = reading.take().is_none_or(|held| same(met.kernel, held));
        moved.take() || !kept
    })
}

#[test]
fn a_vma_is_not_split_under_its_reader() {
    protects("split_start_write", |without| {
        changes_under_reader(without, |k, cpu| _ = advise(k, cpu, 4, 4, FlagAdvice::Hugepage), 1)
    });
}

#[test]
fn a_vma_is_not_merged_under_its_reader() {
    let host = |k: &Kernel, cpu: &Cpu<'_>| mmap(k, cpu, 8, 4, None, RW);
    protects("merge_start_write", |without| changes_under_reader(without, host, 1));
}

#[test]
fn a_new_vma_is_not_read_before_it_is_complete() {
    // Found in the tree, and not yet in i_mmap: a fault would map pages that a truncate does not find.
    let map = |k: &Kernel, cpu: &Cpu<'_>| mmap(k, cpu, 12, 4, Some(0), RW.with(VmFlags::SHARED));
    protects("mmap_start_write", |without| {
        let half = Cell::new(false);
        let read = |k: &Kernel, cpu: &Cpu<'_>| {
            let vma = k.lock_vma_under_rcu(cpu, M0, Vaddr(12));
            half.set(vma.is_some_and(|vma| !k.mapping(F0).i_mmap.has(vma)));
            if let Some(vma) = vma {
                k.vma_end_read(cpu, vma);
            }
        };
        meet(without, map, read, nothing, |_| half.take())
    });
}

#[test]
fn the_bounds_are_looked_at_under_the_lock() {
    let lock = |k: &Kernel, cpu: &Cpu<'_>| k.lock_vma_under_rcu(cpu, M0, Vaddr(5));
    let split = |k: &Kernel, cpu: &Cpu<'_>| _ = advise(k, cpu, 0, 4, FlagAdvice::Hugepage);
    protects("vma_lock_range_check", |without| {
        meet(without, lock, split, nothing, |met: &Meeting<'_, Option<VmaId>>| {
            let spec = met.result.map(|vma| met.kernel.vma(vma).spec());
            spec.is_some_and(|spec| !spec.contains(Vaddr(5)))
        })
    });
}

#[test]
fn flags_change_under_the_lock_of_the_vma() {
    protects("flags_start_write", |without| {
        meet(
            without,
            |k, cpu| _ = advise(k, cpu, 0, 8, FlagAdvice::Hugepage),
            nothing,
            nothing,
            |met: &Meeting<'_, ()>| !met.splats.is_empty(),
        )
    });
}

/// The second half of the first four pages goes over to the VMA behind them, which begins by two pages earlier then.
fn move_bound(k: &Kernel, cpu: &Cpu<'_>, start: u32) {
    advise(k, cpu, start, 8, FlagAdvice::Nohugepage);
    advise(k, cpu, start, 4, FlagAdvice::Hugepage);
    advise(k, cpu, start + 2, 2, FlagAdvice::Nohugepage);
}

#[test]
fn a_walk_of_the_file_finds_a_page_at_a_bound_that_moves() {
    let host = |k: &Kernel, cpu: &Cpu<'_>| move_bound(k, cpu, 6 * HPN);
    protects("vma_adjust_i_mmap_lock", |without| {
        let left = Cell::new(0);
        let guest = |k: &Kernel, cpu: &Cpu<'_>| {
            left.set(0);
            k.unmap_mapping_range(cpu, F0, 0, true);
            left.set(k.mm(M0).rss[3].peek());
        };
        meet(without, host, guest, nothing, |met| !met.blocked && left.get() != 0)
    });
}

#[test]
fn a_walk_of_the_anon_vma_finds_a_page_at_a_bound_that_moves() {
    let host = |k: &Kernel, cpu: &Cpu<'_>| move_bound(k, cpu, 0);
    protects("vma_adjust_anon_vma_lock", |without| {
        let found = Cell::new(true);
        let guest = |k: &Kernel, cpu: &Cpu<'_>| found.set(k.pageout(cpu, M0, Vaddr(2)));
        meet(without, host, guest, nothing, |met| !met.blocked && !found.get())
    });
}

#[test]
fn no_huge_pmd_lies_across_a_new_bound() {
    protects("vma_split_huge_pmd", |without| {
        let kernel = crate::mm::vma::tests::machine(without);
        let cpu = Cpu::free(0, &kernel.smp);
        kernel.shmem_setattr(&cpu, F0, 0);
        kernel.mapping(F0).i_size.poke(u64::from(HPN));
        huge_page(&kernel, &cpu, 0);
        mmap(&kernel, &cpu, 12, 4, Some(0), RW.with(VmFlags::SHARED));
        assert!(read(&kernel, &cpu, M0, 12).is_ok());
        assert!(leaves(&kernel, M0).iter().any(|&(_, (_, huge))| huge));
        assert_eq!(advise(&kernel, &cpu, 12, 2, FlagAdvice::Hugepage), Errno::Ok);
        leaves(&kernel, M0).iter().filter(|&&(_, (_, huge))| huge).count()
    });
}
