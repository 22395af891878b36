//! Stories of families: who gets which anon_vma, who keeps it, and when it goes.

use std::cell::Cell;

use crate::mm::memory::tests::{check, leaves, tell, write};
use crate::mm::types::{AnonVmaId, FileId, MmId, Vaddr, VmaId};
use crate::mm::vma::VmaSpec;
use crate::mm::vma::tests::{HPN, M0, map, meet, nothing, protects};
use crate::mm::{FlagAdvice, Kernel, UserAccess};
use crate::sync::{Cpu, Splat};

/// A child's copy of a VMA, as `dup_mmap` makes it, without its tables.
fn fork(k: &Kernel, cpu: &Cpu<'_>, pvma: VmaId, mm: u8) -> VmaId {
    let spec = VmaSpec { mm: MmId(mm), ..k.vma(pvma).spec() };
    let vma = k.vm_area_dup(cpu, pvma, &spec).expect("room");
    assert!(k.anon_vma_fork(cpu, vma, pvma));
    k.mm(MmId(mm)).vma_tree.poke_bits(1 << vma.0, 0);
    vma
}

fn exit(k: &Kernel, cpu: &Cpu<'_>, vma: VmaId) {
    k.unlink_anon_vmas(cpu, vma);
    k.mm(k.vma(vma).spec().mm).vma_tree.poke_bits(0, 1 << vma.0);
    k.__vm_area_free(cpu, vma);
}

fn own(k: &Kernel, vma: VmaId) -> AnonVmaId {
    k.peek_anon_vma(vma).expect("it has one")
}

fn born(k: &Kernel) -> usize {
    k.anon_vmas.iter().count()
}

#[test]
fn a_page_is_found_in_the_parent_and_in_the_child() {
    tell(
        |s| _ = s.map(M0, 0, 8, None, false),
        |k, cpu| {
            assert!(write(k, cpu, M0, 1, 1).is_ok());
            let (parent, child) = (VmaId(0), fork(k, cpu, VmaId(0), 1));
            let (old, new) = (own(k, parent), own(k, child));
            assert_ne!(old, new);
            assert_eq!(k.anon_vma_root(new), old);
            assert_eq!((k.anon_vma(old).num_children(), k.anon_vma(new).num_children()), (2, 0));
            // The parent comes first: a page that fork copies meanwhile is met before its copy.
            assert_eq!(&*k.anon_vma_vmas(cpu, old, 1, 1), [parent, child]);
            assert_eq!(&*k.anon_vma_vmas(cpu, old, 8, 9), []);
            // A page of the child's own is not looked for in the parent.
            assert_eq!(&*k.anon_vma_vmas(cpu, new, 1, 1), [child]);
            assert_eq!(k.anon_vma_rwsem(new).obj(), k.anon_vma_rwsem(old).obj());
            exit(k, cpu, child);
            assert_eq!((born(k), k.anon_vma(old).num_children()), (1, 1));
            check(k, cpu);
        },
    );
}

#[test]
fn a_root_outlives_its_vmas() {
    tell(
        |s| _ = s.map(M0, 0, 8, None, false),
        |k, cpu| {
            assert!(write(k, cpu, M0, 1, 1).is_ok());
            let (root, child) = (own(k, VmaId(0)), fork(k, cpu, VmaId(0), 1));
            k.do_munmap(cpu, M0, Vaddr(0), Vaddr(8));
            // The child is still linked with it.
            assert_eq!(born(k), 2);
            assert!(k.anon_vma(root).tree.has(child));
            let grandchild = fork(k, cpu, child, 2);
            exit(k, cpu, child);
            exit(k, cpu, grandchild);
            assert_eq!(born(k), 0);
        },
    );
}

#[test]
fn a_chain_of_forks_does_not_grow_for_ever() {
    tell(
        |s| _ = s.map(M0, 0, 8, None, false),
        |k, cpu| {
            assert!(write(k, cpu, M0, 1, 1).is_ok());
            // Each generation forks and exits.
            let mut vma = fork(k, cpu, VmaId(0), 1);
            for generation in 0..20 {
                let child = fork(k, cpu, vma, 2 - generation % 2);
                exit(k, cpu, vma);
                vma = child;
                assert!(born(k) <= 3, "{} anon_vmas", born(k));
                assert!(k.vma(vma).anon_vma_chain.iter().count() <= 3);
            }
            // The root is never reused: it is its own child.
            assert_ne!(own(k, vma), own(k, VmaId(0)));
            exit(k, cpu, vma);
            assert_eq!(born(k), 1);
        },
    );
}

#[test]
fn neighbours_that_could_be_one_share_their_anon_vma() {
    tell(
        |s| {
            for (start, end) in [(0, 4), (4, 8), (8, 12)] {
                let vma = s.map(M0, start, end - start, None, false);
                let kernel = &s.0;
                let spec = kernel.vma(vma).spec();
                let cpu = Cpu::free(0, &kernel.smp);
                kernel.vma(vma).set_range(&cpu, &VmaSpec { pgoff: start, ..spec });
            }
        },
        |k, cpu| {
            assert!(write(k, cpu, M0, 5, 1).is_ok());
            assert!(write(k, cpu, M0, 1, 1).is_ok());
            assert_eq!(own(k, VmaId(0)), own(k, VmaId(1)));
            // But not with one that was forked: its pages would be found where they do not belong.
            let child = fork(k, cpu, VmaId(1), 1);
            assert!(write(k, cpu, M0, 9, 1).is_ok());
            assert_eq!(own(k, VmaId(2)), own(k, VmaId(1)), "the parent's own chain is singular");
            let spec = k.vma(child).spec();
            let beside = VmaSpec { start: Vaddr(8), end: Vaddr(9), pgoff: 8, ..spec };
            let beside = k.vmas.alloc(&beside).expect("room");
            k.mm(MmId(1)).vma_tree.poke_bits(1 << beside.0, 0);
            k.anon_vma_prepare(cpu, beside);
            assert_ne!(own(k, beside), own(k, child));
            exit(k, cpu, beside);
            exit(k, cpu, child);
        },
    );
}

/// The VMA of the stories of two CPUs: anonymous, without an anon_vma.
const NEW: VmaId = VmaId(2);

#[test]
fn two_threads_prepare_one_anon_vma() {
    let prepare = |k: &Kernel, cpu: &Cpu<'_>| {
        k.mmap_read_lock(cpu, M0);
        k.anon_vma_prepare(cpu, NEW);
        k.mmap_read_unlock(cpu, M0);
    };
    let host = |k: &Kernel, cpu: &Cpu<'_>| {
        map(k, 4 * HPN, HPN, None);
        prepare(k, cpu);
    };
    let guest = |k: &Kernel, cpu: &Cpu<'_>| {
        if k.vma(NEW).is_allocated() {
            prepare(k, cpu);
        }
    };
    protects("anon_vma_recheck", |without| {
        meet(without, host, guest, nothing, |met| {
            let k = met.kernel;
            let id = own(k, NEW);
            let linked = k.vma(NEW).anon_vma_chain.is_singular() && k.anon_vma(id).tree.has(NEW);
            let counted = k.anon_vma(id).num_active_vmas() == 1;
            !(met.blocked || linked && counted && born(k) == 2)
        })
    });
}

#[test]
fn the_anon_vma_of_a_page_is_the_right_one() {
    // The page goes while its anon_vma is looked up, and the memory of the anon_vma becomes another one.
    let page = |k: &Kernel| {
        let entries = leaves(k, M0);
        let (_, (entry, _)) = entries.iter().find(|(addr, _)| *addr == Vaddr(1))?;
        Some(k.folios.of(entry.pfn()))
    };
    let found = Cell::new(None);
    let host = |k: &Kernel, cpu: &Cpu<'_>| {
        let folio = page(k).expect("it is mapped");
        found.set(k.folio_lock_anon_vma_read(cpu, folio));
        found.get().inspect(|&id| k.anon_vma_unlock_read(cpu, id))
    };
    let guest = |k: &Kernel, cpu: &Cpu<'_>| {
        k.do_munmap(cpu, M0, Vaddr(0), Vaddr(2 * HPN));
        let vma = map(k, 4 * HPN, HPN, None);
        let written = k.user_access(cpu, M0, Vaddr(4 * HPN), UserAccess::Write(1));
        assert!(written.is_ok() && vma != VmaId(0));
    };
    protects("anon_vma_mapped_recheck", |without| {
        meet(without, host, guest, nothing, |met| {
            let freed = |splat: &Splat| matches!(splat, Splat::AnonVmaUseAfterFree(_));
            met.splats.iter().any(freed) || met.result.is_some() && !met.blocked
        })
    });
}

#[test]
fn a_walk_of_the_anon_vma_keeps_the_vma() {
    // munmap takes the VMA out of the tree while reclaim walks it: without the lock it frees it, too.
    let host = |k: &Kernel, cpu: &Cpu<'_>| {
        // Another VMA keeps the anon_vma.
        k.madvise_vma_behavior(cpu, M0, (Vaddr(0), Vaddr(HPN)), FlagAdvice::Hugepage);
        _ = k.pageout(cpu, M0, Vaddr(1));
    };
    let guest = |k: &Kernel, cpu: &Cpu<'_>| {
        k.do_munmap(cpu, M0, Vaddr(0), Vaddr(HPN));
        k.rcu_do_batch(cpu);
    };
    protects("unlink_anon_vma_lock", |without| {
        meet(without, host, guest, nothing, |met| !met.splats.is_empty())
    });
}

#[test]
fn a_walk_of_the_file_keeps_the_vma() {
    let host = |k: &Kernel, cpu: &Cpu<'_>| k.unmap_mapping_range(cpu, FileId(0), 0, true);
    let guest = |k: &Kernel, cpu: &Cpu<'_>| {
        k.do_munmap(cpu, M0, Vaddr(6 * HPN), Vaddr(8 * HPN));
        k.rcu_do_batch(cpu);
    };
    protects("i_mmap_link_lock", |without| {
        meet(without, host, guest, nothing, |met| !met.splats.is_empty())
    });
}
