//! Stories of processes that end, and of those who come to their memory meanwhile.

use crate::mm::memory::tests::{assert_nothing_left, check, huge_page, read, tell, write};
use crate::mm::types::{FileId, MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::mm::vma::tests::{HPN, M0, meet, nothing, protects};
use crate::mm::{FlagAdvice, Kernel, mmf};
use crate::sync::{Cpu, Splat};

const F0: FileId = FileId(0);

#[track_caller]
fn assert_ended(k: &Kernel) {
    assert_eq!(k.mm(M0).vma_tree.peek(), 0);
    assert!(k.mm(M0).rss.iter().all(|counter| counter.peek() == 0));
    assert_eq!(k.mm(M0).nr_ptes.peek(), 0);
    assert!(k.mm(M0).pmds.iter().all(|pmd| pmd.peek() == 0));
}

#[test]
fn everything_ends_with_the_process() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, 2 * HPN, None, false);
            s.map(M0, 3 * HPN, HPN, Some(F0), true);
            s.map(M0, 5 * HPN, HPN, Some(F0), false);
        },
        |k, cpu| {
            huge_page(k, cpu, 0);
            for page in 0..2 * HPN {
                assert!(write(k, cpu, M0, page, 1).is_ok());
            }
            assert!(k.pageout(cpu, M0, Vaddr(1)));
            assert!(read(k, cpu, M0, 3 * HPN).is_ok());
            assert!(write(k, cpu, M0, 5 * HPN + 1, 1).is_ok());
            assert_eq!(k.kvm_mmu_fault(cpu, M0, Vaddr(2), true), Ok(true));
            check(k, cpu);
            assert!(k.thread_begin(M0));
            assert!(k.do_group_exit(cpu, M0));
            // One thread is in the kernel still.
            assert_eq!(read(k, cpu, M0, 1), Ok(1));
            assert!(!k.thread_begin(M0));
            assert!(!k.do_group_exit(cpu, M0));
            k.thread_end(cpu, M0);
            assert_ended(k);
            assert_eq!(k.mm(M0).notifier.shadows().count(), 0);
            assert_eq!(k.mm(M0).mm_count.peek(), 0);
            assert_eq!(k.vmas.iter().count() + k.anon_vmas.iter().count(), 0);
            k.shmem_setattr(cpu, F0, 0);
            k.lru_add_drain(cpu);
            assert_nothing_left(k);
            assert!(!k.mm(M0).init_forked(), "an mm is born once");
        },
    );
}

#[test]
fn khugepaged_gives_the_mm_up() {
    tell(
        |s| _ = s.map(M0, 0, 2 * HPN, None, false),
        |k, cpu| {
            assert!(write(k, cpu, M0, 1, 1).is_ok());
            k.madvise_vma_behavior(cpu, M0, (Vaddr(0), Vaddr(2 * HPN)), FlagAdvice::Hugepage);
            assert_eq!(k.mm(M0).flags.peek(), mmf::VM_HUGEPAGE);
            assert_eq!(k.mm(M0).mm_count.peek(), 2);
            assert!(k.do_group_exit(cpu, M0));
            assert_eq!(k.mm(M0).flags.peek(), mmf::OOM_SKIP);
            assert_eq!(k.mm(M0).mm_count.peek(), 0);
            // There is nothing there for khugepaged or for the OOM reaper.
            k.khugepaged_scan_range(cpu, M0, Vaddr(0), Vaddr(2 * HPN));
            assert!(!k.oom_reap_task_mm(cpu, M0));
        },
    );
}

#[test]
fn the_reaper_takes_what_is_private() {
    tell(
        |s| {
            s.file(2 * HPN);
            s.map(M0, 0, HPN, None, false);
            s.map(M0, HPN, HPN, Some(F0), true);
            s.map(M0, 2 * HPN, HPN, Some(F0), false);
        },
        |k, cpu| {
            for page in [0, HPN, 2 * HPN] {
                assert!(write(k, cpu, M0, page, 7).is_ok());
            }
            assert!(k.oom_reap_task_mm(cpu, M0));
            check(k, cpu);
            assert_eq!(k.mm(M0).rss[1].peek(), 0);
            assert_eq!(read(k, cpu, M0, HPN), Ok(7));
            assert_eq!(k.mm(M0).flags.peek(), mmf::UNSTABLE);
        },
    );
}

/// The process ends, in company.
fn end(k: &Kernel, cpu: &Cpu<'_>) {
    k.do_group_exit(cpu, M0);
    k.rcu_do_batch(cpu);
}

/// How often something was wrong when `guest` came while the process ended, whether it could go on or not.
fn visited(without: Option<&'static str>, guest: impl Fn(&Kernel, &Cpu<'_>)) -> usize {
    meet(without, end, guest, nothing, |met| {
        let ended = met.kernel.mm(M0).mm_count.peek() == 0;
        !met.splats.is_empty() || !met.blocked && !ended
    })
}

#[test]
fn whoever_comes_while_the_process_ends_finds_it_consistent() {
    let pageout = |k: &Kernel, cpu: &Cpu<'_>| _ = k.pageout(cpu, M0, Vaddr(1));
    let migrate = |k: &Kernel, cpu: &Cpu<'_>| _ = k.migrate_page(cpu, M0, Vaddr(2));
    let truncate = |k: &Kernel, cpu: &Cpu<'_>| k.shmem_setattr(cpu, F0, 0);
    let reap = |k: &Kernel, cpu: &Cpu<'_>| _ = k.oom_reap_task_mm(cpu, M0);
    type Guest<'a> = (&'static str, &'a dyn Fn(&Kernel, &Cpu<'_>));
    let guests: [Guest<'_>; 4] =
        [("pageout", &pageout), ("migrate", &migrate), ("truncate", &truncate), ("reap", &reap)];
    for (name, guest) in guests {
        assert_eq!(visited(None, guest), 0, "{name}");
        // And the other way round.
        let cut = meet(None, guest, end, nothing, |met| !met.splats.is_empty());
        assert_eq!(cut, 0, "{name} is cut");
    }
}

#[test]
fn the_reaper_has_the_vmas_to_itself() {
    // Without the lock for write they are freed under it.
    let reap = |k: &Kernel, cpu: &Cpu<'_>| _ = k.oom_reap_task_mm(cpu, M0);
    protects("exit_mmap_lock", |without| {
        meet(without, reap, end, nothing, |met| {
            met.splats.iter().any(|splat| !matches!(splat, Splat::NotHeld(_)))
                || !met.blocked && met.kernel.mm(MmId(0)).mm_count.peek() != 0
        })
    });
}

#[test]
fn vm_flags_of_a_child_are_those_of_the_parent() {
    // What fork relies on: a VMA that is duplicated has everything but links.
    tell(
        |s| _ = s.map(M0, 0, HPN, None, false),
        |k, cpu| {
            assert!(write(k, cpu, M0, 0, 1).is_ok());
            let spec = k.vma(VmaId(0)).spec();
            let new = k.vm_area_dup(cpu, VmaId(0), &spec).expect("room");
            assert_eq!(k.vma(new).spec().flags, VmFlags::WRITE);
            assert_eq!(k.peek_anon_vma(new), k.peek_anon_vma(VmaId(0)));
            assert!(k.vma(new).anon_vma_chain.is_empty());
            k.__vm_area_free(cpu, new);
        },
    );
}
