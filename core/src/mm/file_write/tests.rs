//! Stories of write(), and of regular files: what is written is read, through whatever mapping, and from the device.

use crate::mm::khugepaged::Errno;
use crate::mm::memory::tests::{HPN, M0, Scene, tell};
use crate::mm::tlb::UserAccess::{Read, Write};
use crate::mm::types::{FileId, Vaddr};
use crate::mm::vma::{VmFlags, VmaSpec};

const F0: FileId = FileId(0);

/// A private mapping of a program's text at 4, of a regular file of two huge units.
fn text(scene: &mut Scene) {
    scene.0.files[0].regular = true;
    scene.file(2 * HPN);
    let spec = VmaSpec {
        mm: M0,
        start: Vaddr(4),
        end: Vaddr(4 + 2 * HPN),
        pgoff: 0,
        file: Some(F0),
        flags: VmFlags::READ.with(VmFlags::EXEC),
    };
    let vma = scene.0.vmas.alloc(&spec).expect("room");
    scene.0.mm(M0).vma_tree.poke_bits(1 << vma.0, 0);
    scene.0.mapping(F0).i_mmap.poke_bits(1 << vma.0, 0);
}

#[test]
fn what_is_written_is_read_through_every_mapping() {
    let maps = |scene: &mut Scene| {
        scene.file(4);
        scene.map(M0, 4, 4, Some(F0), true);
        scene.map(M0, 8, 4, Some(F0), false);
    };
    tell(maps, |k, cpu| {
        k.user_access(cpu, M0, Vaddr(9), Write(0x99)).expect("a copy");
        k.user_access(cpu, M0, Vaddr(8), Read).expect("the file's page");
        assert!(k.file_write(cpu, F0, 0, 0x10) && k.file_write(cpu, F0, 1, 0x11));
        let read = |page: u32| k.user_access(cpu, M0, Vaddr(page), Read).expect("a page");
        assert_eq!([4, 5, 8, 9].map(read), [0x10, 0x11, 0x10, 0x99]);
        assert!(k.file_write(cpu, F0, 5, 0x15), "the file grows");
        assert_eq!(k.mapping(F0).i_size.peek(), 6);
        assert_eq!(k.file_content(F0, 5), Some(0x15));
    });
}

#[test]
fn a_file_that_is_opened_for_writing_loses_its_huge_pages() {
    tell(text, |k, cpu| {
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8)), Errno::Ok);
        assert_eq!(k.mapping(F0).nr_thps.peek(), 1);
        k.open_write(cpu, F0);
        assert_eq!((k.mapping(F0).nr_thps.peek(), k.mapping(F0).nrpages.peek()), (0, 0));
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8)), Errno::Einval, "open");
        k.close_write(cpu, F0);
        k.close_write(cpu, F0);
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8)), Errno::Ok);
    });
}

#[test]
fn what_was_written_out_is_read_in_again() {
    tell(text, |k, cpu| {
        assert!(k.file_write(cpu, F0, 1, 0x11));
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8)), Errno::Einval, "dirty");
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8)), Errno::Ok, "flushed");
        k.open_write(cpu, F0);
        assert_eq!(k.mapping(F0).nrpages.peek(), 0);
        assert_eq!(k.user_access(cpu, M0, Vaddr(5), Read), Ok(0x11), "from the device");
    });
}

#[test]
fn what_is_truncated_or_punched_is_gone_from_the_device() {
    tell(text, |k, cpu| {
        for page in 0..4 {
            assert!(k.file_write(cpu, F0, page, 0x10 + u64::from(page)));
        }
        k.filemap_flush(cpu, F0);
        k.punch_hole(cpu, F0, (1, 2));
        k.do_truncate(cpu, F0, 3);
        k.fallocate(cpu, F0, (0, 4));
        let read = |page: u32| k.user_access(cpu, M0, Vaddr(4 + page), Read).expect("a page");
        assert_eq!([0, 1, 2, 3].map(read), [0x10, 0, 0x12, 0]);
    });
}

#[test]
fn a_truncate_does_not_open_but_splits_a_huge_page() {
    tell(text, |k, cpu| {
        assert_eq!(k.do_madvise_collapse(cpu, M0, Vaddr(4), Vaddr(8)), Errno::Ok);
        k.do_truncate(cpu, F0, 2);
        assert_eq!((k.mapping(F0).nr_thps.peek(), k.mapping(F0).nrpages.peek()), (0, 2));
        assert!(k.user_access(cpu, M0, Vaddr(6), Read).is_err());
    });
}
