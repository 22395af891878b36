//! Stories of holes: what is punched reads as zeroes, whatever it was before; what is allocated is there.

use crate::mm::folio::flags;
use crate::mm::khugepaged::Errno;
use crate::mm::memory::tests::{M0, Scene, tell};
use crate::mm::tlb::UserAccess::{Read, Write};
use crate::mm::types::{FileId, Vaddr};

const F0: FileId = FileId(0);

fn shared(scene: &mut Scene) {
    scene.file(4);
    scene.map(M0, 4, 4, Some(F0), true);
}

#[test]
fn a_hole_reads_as_zeroes_and_its_neighbours_stay() {
    tell(shared, |k, cpu| {
        for page in 0..4 {
            k.user_access(cpu, M0, Vaddr(4 + page), Write(0x10 + u64::from(page))).expect("a page");
        }
        k.shmem_punch_hole(cpu, F0, (1, 3));
        assert_eq!(k.mapping(F0).nrpages.peek(), 2);
        assert_eq!(k.mapping(F0).alloced.peek(), 2);
        let read = |page: u32| k.user_access(cpu, M0, Vaddr(4 + page), Read).expect("a page");
        assert_eq!([0, 1, 2, 3].map(read), [0x10, 0, 0, 0x13]);
    });
}

#[test]
fn a_hole_in_a_huge_page_splits_it() {
    tell(shared, |k, cpu| {
        k.user_access(cpu, M0, Vaddr(4), Write(0x10)).expect("a page");
        k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8));
        k.user_access(cpu, M0, Vaddr(6), Write(0x12)).expect("a page");
        assert!(k.pmdp_get_lockless(cpu, M0, Vaddr(4)).is_trans_huge());
        k.shmem_punch_hole(cpu, F0, (2, 3));
        assert!(k.mapping(F0).peek(2).is_none());
        assert!(k.mapping(F0).peek(1).is_some_and(|folio| !k.folios.is_large(folio)));
        assert!(k.pmdp_get_lockless(cpu, M0, Vaddr(4)).is_none(), "unmapped everywhere");
        assert_eq!(k.user_access(cpu, M0, Vaddr(4), Read), Ok(0x10));
        assert_eq!(k.user_access(cpu, M0, Vaddr(6), Read), Ok(0));
        assert_eq!(
            k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8)),
            Errno::Ok,
            "fills the holes"
        );
    });
}

#[test]
fn a_huge_page_that_cannot_be_split_is_zeroed() {
    tell(shared, |k, cpu| {
        k.user_access(cpu, M0, Vaddr(4), Write(0x10)).expect("a page");
        k.user_access(cpu, M0, Vaddr(6), Write(0x12)).expect("a page");
        k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8));
        let folio = k.mapping(F0).peek(0).expect("a huge page");
        k.folio_get(cpu, folio);
        k.shmem_punch_hole(cpu, F0, (2, 4));
        assert_eq!(k.mapping(F0).peek(2), Some(folio), "somebody holds it");
        k.folio_put(cpu, folio);
        assert_eq!(k.user_access(cpu, M0, Vaddr(4), Read), Ok(0x10));
        assert_eq!(k.user_access(cpu, M0, Vaddr(6), Read), Ok(0));
    });
}

#[test]
fn a_private_copy_survives_a_hole_and_not_a_truncate() {
    let private = |scene: &mut Scene| {
        scene.file(4);
        scene.map(M0, 4, 4, Some(F0), false);
    };
    tell(private, |k, cpu| {
        k.user_access(cpu, M0, Vaddr(5), Write(0x11)).expect("a copy");
        k.shmem_punch_hole(cpu, F0, (0, 4));
        assert_eq!(k.user_access(cpu, M0, Vaddr(5), Read), Ok(0x11));
        k.shmem_setattr(cpu, F0, 1);
        assert!(k.user_access(cpu, M0, Vaddr(5), Read).is_err());
    });
}

#[test]
fn what_is_allocated_is_cleared_when_somebody_looks() {
    tell(shared, |k, cpu| {
        k.user_access(cpu, M0, Vaddr(4), Write(0x10)).expect("a page");
        assert_eq!(k.shmem_fallocate(cpu, F0, (0, 6)), Errno::Ok);
        assert_eq!((k.mapping(F0).nrpages.peek(), k.mapping(F0).i_size.peek()), (6, 6));
        let uptodate =
            |index| k.folio(k.mapping(F0).peek(index).expect("a page")).has(flags::UPTODATE);
        assert_eq!([0, 1, 5].map(uptodate), [true, false, false]);
        assert_eq!(k.user_access(cpu, M0, Vaddr(4), Read), Ok(0x10));
        assert_eq!(k.user_access(cpu, M0, Vaddr(5), Read), Ok(0));
        assert!(uptodate(1));
    });
}

#[test]
fn an_allocation_that_fails_takes_its_pages_back() {
    tell(shared, |k, cpu| {
        k.user_access(cpu, M0, Vaddr(5), Write(0x11)).expect("a page");
        // The cache ends before the range does.
        let beyond = k.mapping(F0).i_pages.len() as u32 + 1;
        assert_eq!(k.shmem_fallocate(cpu, F0, (0, beyond)), Errno::Enomem);
        assert_eq!(k.mapping(F0).nrpages.peek(), 1, "only what was there before");
        assert_eq!(k.user_access(cpu, M0, Vaddr(5), Read), Ok(0x11));
    });
}

#[test]
fn madv_remove_wants_a_shared_writable_file() {
    let both = |scene: &mut Scene| {
        shared(scene);
        scene.map(M0, 8, 4, Some(F0), false);
        scene.map(M0, 12, 4, None, false);
    };
    tell(both, |k, cpu| {
        k.user_access(cpu, M0, Vaddr(5), Write(0x11)).expect("a page");
        assert_eq!(k.madvise_remove(cpu, M0, Vaddr(8), Vaddr(12)), Errno::Einval, "private");
        assert_eq!(k.madvise_remove(cpu, M0, Vaddr(12), Vaddr(16)), Errno::Einval, "anonymous");
        assert_eq!(k.madvise_remove(cpu, M0, Vaddr(5), Vaddr(6)), Errno::Ok);
        assert!(k.mapping(F0).peek(1).is_none());
        assert_eq!(k.madvise_remove(cpu, M0, Vaddr(0), Vaddr(4)), Errno::Enomem, "not mapped");
    });
}
