//! What `/proc`, mincore() and the counters say of the same page tables (kernel-semantics section 13.6).

use super::{PagemapEntry, Smaps};
use crate::mm::khugepaged::Errno;
use crate::mm::steps::Era;
use crate::mm::tlb::UserAccess::{Read, Write};
use crate::mm::types::{FileId, FolioId, MmId, Pfn, Pte, Vaddr};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::mm::{Config, Kernel, KpageFlags, Status};
use crate::sync::Cpu;

const M0: MmId = MmId(0);
const M1: MmId = MmId(1);
const FILE: FileId = FileId(0);

/// Two mms. Of both, the first huge unit maps a file that is one huge page: shared in the first mm, private in the other;
/// the second unit is anonymous.
fn machine(hpn: u32) -> Kernel {
    let k = Kernel::new(hpn, Config::default(), Era::V66.steps());
    let rw = VmFlags::READ.with(VmFlags::WRITE);
    let vmas = [
        (M0, 0, Some(FILE), rw.with(VmFlags::SHARED)),
        (M0, hpn, None, rw),
        (M1, 0, Some(FILE), rw),
        (M1, hpn, None, rw),
    ];
    for (mm, start, file, flags) in vmas {
        let (start, end) = (Vaddr(start), Vaddr(start + hpn));
        let vma = k.vmas.alloc(&VmaSpec { mm, start, end, pgoff: 0, file, flags }).expect("room");
        k.mm(mm).vma_tree.poke_bits(1 << vma.0, 0);
        if file.is_some() {
            k.mapping(FILE).i_mmap.poke_bits(1 << vma.0, 0);
        }
    }
    k.mapping(FILE).i_size.poke(u64::from(hpn));
    k
}

fn with_huge_page(hpn: u32) -> (Kernel, FolioId) {
    let k = machine(hpn);
    let cpu = Cpu::free(0, &k.smp);
    let folio = k.folio_alloc(&cpu, true).expect("memory");
    k.shmem_init_folio(folio);
    assert!(k.filemap_add_folio(&cpu, FILE, 0, folio));
    k.folio_put(&cpu, folio);
    (k, folio)
}

fn smaps(k: &Kernel, mm: MmId, page: u32) -> Smaps {
    k.smaps(&Cpu::free(0, &k.smp), mm, Vaddr(page)).expect("a VMA")
}

fn pagemap(k: &Kernel, mm: MmId, page: u32) -> Vec<PagemapEntry> {
    let mut entries = vec![PagemapEntry::default(); k.hpn as usize];
    k.pagemap(&Cpu::free(0, &k.smp), mm, Vaddr(page), &mut entries);
    entries
}

fn mincore(k: &Kernel, mm: MmId, page: u32) -> Vec<u8> {
    let mut vec = vec![9; k.hpn as usize];
    assert!(k.mincore(&Cpu::free(0, &k.smp), mm, Vaddr(page), &mut vec));
    vec
}

fn present(entries: &[PagemapEntry]) -> usize {
    entries.iter().filter(|entry| entry.is_present()).count()
}

/// The lines of section 13.6, one after the other, with tables of `hpn` entries.
#[track_caller]
fn state_table(hpn: u32) {
    let (k, folio) = with_huge_page(hpn);
    let cpu = Cpu::free(0, &k.smp);
    let (all, huge) = (hpn as usize, u64::from(hpn) * 4);
    // No table, the huge page in the cache.
    assert_eq!(k.status(M0), Status::default());
    assert_eq!((smaps(&k, M0, 0).rss, present(&pagemap(&k, M0, 0))), (0, 0));
    assert_eq!(mincore(&k, M0, 0), vec![1; all]);
    assert_eq!(k.meminfo().shmem_huge_pages as u64, huge);
    // A huge PMD.
    k.user_access(&cpu, M0, Vaddr(1), Read).expect("a page");
    let (status, s) = (k.status(M0), smaps(&k, M0, 1));
    assert_eq!((status.rss_shmem as u64, status.vm_pte), (huge, 0));
    assert_eq!((s.rss, s.shmem_pmd_mapped, s.huge()), (huge, huge, huge));
    assert_eq!((s.pss_kb(), s.private_clean + s.private_dirty), (huge, huge));
    let entries = pagemap(&k, M0, 0);
    let frames: Vec<_> = entries.iter().filter_map(|entry| entry.pfn()).collect();
    assert_eq!(frames, k.folios.pfns(folio).collect::<Vec<_>>());
    assert!(entries.iter().all(|entry| entry.is_file() && entry.is_exclusive()));
    assert_eq!(k.meminfo().shmem_pmd_mapped as u64, huge);
    assert_eq!(k.kpagecount(k.folios.head(folio)), 1);
    let tail = k.kpageflags(Pfn(k.folios.head(folio).0 + 1));
    assert!(tail.has(KpageFlags::THP | KpageFlags::COMPOUND_TAIL | KpageFlags::SWAPBACKED));
    // Zapped: the cache has it all the same.
    assert_eq!(k.madvise_dontneed(&cpu, M0, Vaddr(0), hpn), Errno::Ok);
    assert_eq!((smaps(&k, M0, 0).rss, present(&pagemap(&k, M0, 0))), (0, 0));
    assert_eq!(mincore(&k, M0, 0), vec![1; all]);
    // A table with PTEs of the huge page, then one of them copied by a private mapping.
    k.pte_alloc_under_mmap_lock(&cpu, M1, Vaddr(0));
    for page in 0..hpn {
        k.user_access(&cpu, M1, Vaddr(page), Read).expect("a page");
    }
    let (status, s) = (k.status(M1), smaps(&k, M1, 0));
    assert_eq!((status.rss_shmem as u64, status.vm_pte), (huge, 4));
    assert_eq!((s.rss, s.huge(), s.anonymous), (huge, 0, 0));
    k.user_access(&cpu, M1, Vaddr(2), Write(7)).expect("memory");
    let (status, s) = (k.status(M1), smaps(&k, M1, 0));
    assert_eq!((status.rss_shmem as u64, status.rss_anon), (huge - 4, 4));
    assert_eq!((s.rss, s.anonymous, s.private_dirty), (huge, 4, 4));
    let file: Vec<bool> = pagemap(&k, M1, 0).iter().map(|entry| entry.is_file()).collect();
    assert_eq!(file.iter().filter(|&&file| !file).count(), 1);
    assert!(!file[2]);
    // Both mms map it: each has half a share of the pages that both map.
    k.user_access(&cpu, M0, Vaddr(1), Read).expect("a page");
    assert_eq!(smaps(&k, M0, 0).pss_kb(), (huge - 4) / 2 + 4);
    assert_eq!(smaps(&k, M0, 0).shared_clean + smaps(&k, M0, 0).shared_dirty, huge - 4);
    // ... and v6.6 asks the head page only, for all of a huge PMD.
    assert!(pagemap(&k, M0, 0).iter().all(|entry| !entry.is_exclusive()));
    assert_eq!(k.kpagecount(Pfn(k.folios.head(folio).0 + 2)), 1);
}

#[test]
fn the_table_of_states_and_observables() {
    state_table(4);
    state_table(8);
}

#[test]
fn the_table_of_states_and_observables_with_real_tables() {
    state_table(512);
}

#[test]
fn anonymous_memory_is_in_memory_where_it_is_mapped() {
    let k = machine(4);
    let cpu = Cpu::free(0, &k.smp);
    assert_eq!(mincore(&k, M0, 4), [0; 4]);
    k.user_access(&cpu, M0, Vaddr(5), Read).expect("the zero page");
    k.user_access(&cpu, M0, Vaddr(6), Write(7)).expect("memory");
    assert_eq!(mincore(&k, M0, 4), [0, 1, 1, 0]);
    let entries = pagemap(&k, M0, 4);
    assert_eq!(
        entries.iter().map(|e| e.is_present()).collect::<Vec<_>>(),
        [false, true, true, false]
    );
    assert!(!entries[1].is_exclusive() && entries[2].is_exclusive());
    let s = smaps(&k, M0, 5);
    assert_eq!((s.rss, s.anonymous, s.size), (4, 4, 16));
    // Swapped out: not in memory, but known.
    k.lru_add_drain_all(&cpu);
    assert!(k.pageout(&cpu, M0, Vaddr(6)));
    assert_eq!(mincore(&k, M0, 4), [0, 1, 0, 0]);
    let entry = pagemap(&k, M0, 4)[2];
    assert!(entry.is_swapped() && !entry.is_present() && entry.pfn().is_none(), "{entry:?}");
    assert_eq!(entry.swap_offset(), Some(0));
    let s = smaps(&k, M0, 5);
    assert_eq!((s.rss, s.swap, s.swap_pss >> 12, k.status(M0).vm_swap), (0, 4, 4, 4));
}

#[test]
fn markers_and_migration_entries_are_shown_as_swapped() {
    let k = machine(4);
    let cpu = Cpu::free(0, &k.smp);
    k.user_access(&cpu, M0, Vaddr(4), Write(7)).expect("memory");
    let (pte, ptl) = k.pte_offset_map_lock(&cpu, M0, Vaddr(4)).expect("a table");
    let old = k.ptep_get(&cpu, pte, Vaddr(4));
    let entry = |page: u32, value: Pte| k.tables.get(pte.table).entry(page).poke(value.0);
    entry(4, Pte::migration(old.pfn(), true, true));
    entry(5, Pte::uffd_wp_marker());
    entry(6, Pte::hwpoison(old.pfn()));
    k.pte_unmap_unlock(&cpu, ptl);
    let entries = pagemap(&k, M0, 4);
    assert!(entries[..3].iter().all(|entry| entry.is_swapped() && !entry.is_present()));
    assert!(!entries[0].is_exclusive() && entries[1].is_uffd_wp() && !entries[0].is_uffd_wp());
    assert_eq!(entries[0].swap_offset(), Some(u64::from(old.pfn().0)));
    assert_eq!(mincore(&k, M0, 4), [1, 0, 1, 0]);
    let s = smaps(&k, M0, 4);
    assert_eq!((s.rss, s.swap, s.private_dirty + s.private_clean), (4, 0, 4));
}

#[test]
fn what_is_not_mapped_is_refused_or_empty() {
    let k = machine(4);
    let cpu = Cpu::free(0, &k.smp);
    let mut vec = [9; 4];
    assert!(!k.mincore(&cpu, M0, Vaddr(6), &mut vec));
    assert_eq!(vec, [0, 0, 9, 9]);
    assert_eq!(k.smaps(&cpu, M0, Vaddr(8)), None);
    let mut entries = [PagemapEntry(1); 6];
    k.pagemap(&cpu, M0, Vaddr(6), &mut entries);
    assert_eq!(entries, [PagemapEntry(0); 6]);
}

/// After any operations, what smaps adds up is what the counters say, and pagemap and mincore agree with it.
#[test]
fn all_views_agree_after_random_operations() {
    for seed in 1..200_u64 {
        let (k, _) = with_huge_page(4);
        let cpu = Cpu::free(0, &k.smp);
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for tag in 1..24 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let (mm, page) = (MmId((state >> 60 & 1) as u8), Vaddr((state >> 50) as u32 % 8));
            match state >> 40 & 7 {
                0 | 1 => _ = k.user_access(&cpu, mm, page, Read),
                2 | 3 => _ = k.user_access(&cpu, mm, page, Write(tag)),
                4 => _ = k.madvise_dontneed(&cpu, mm, page, 1 + (state >> 30 & 3) as u32),
                5 => _ = k.pageout(&cpu, mm, page),
                6 => _ = k.do_madvise_collapse(&cpu, mm, Vaddr(0), Vaddr(4)),
                _ => k.pte_alloc_under_mmap_lock(&cpu, mm, page),
            }
            k.lru_add_drain_all(&cpu);
            k.rcu_do_batch(&cpu);
            [M0, M1].into_iter().for_each(|mm| views_agree(&k, mm));
        }
    }
}

#[track_caller]
fn views_agree(k: &Kernel, mm: MmId) {
    let (status, vmas) = (k.status(mm), [smaps(k, mm, 0), smaps(k, mm, k.hpn)]);
    let sum = |column: fn(&Smaps) -> u64| vmas.iter().map(column).sum::<u64>() as i64;
    assert_eq!(sum(|s| s.rss), status.vm_rss());
    assert_eq!(sum(|s| s.anonymous), status.rss_anon);
    assert_eq!(sum(|s| s.swap), status.vm_swap);
    assert_eq!(
        sum(|s| s.shared_clean + s.shared_dirty + s.private_clean + s.private_dirty),
        status.vm_rss()
    );
    assert!(sum(Smaps::pss_kb) <= status.vm_rss());
    for page in [0, k.hpn] {
        let (entries, in_core, s) =
            (pagemap(k, mm, page), mincore(k, mm, page), smaps(k, mm, page));
        let is_page = |entry: &&PagemapEntry| entry.pfn().is_some_and(|pfn| pfn != Pfn(1));
        assert_eq!(entries.iter().filter(is_page).count() as u64 * 4, s.rss);
        assert_eq!(entries.iter().filter(|e| e.is_swapped()).count() as u64 * 4, s.swap);
        assert!(
            entries.iter().zip(&in_core).all(|(entry, &byte)| byte == 1 || !entry.is_present())
        );
        assert!(s.huge() == 0 || present(&entries) == k.hpn as usize);
    }
}
