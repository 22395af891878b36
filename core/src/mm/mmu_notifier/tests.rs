//! Stories of whoever mirrors a page table: what is dropped, who has to wait, and what may not be mapped.

use std::cell::{Cell, RefCell};

use super::Interval;
use crate::mm::khugepaged::Errno;
use crate::mm::place::ip;
use crate::mm::steps::{Era, PROTECTIONS};
use crate::mm::tlb::UserAccess::Write;
use crate::mm::types::{MmId, Vaddr};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::mm::{Config, Kernel};
use crate::sync::{Conductor, Cpu, Obj, Place, Splat, What};

const HPN: u32 = 4;
const MM: MmId = MmId(0);
const PAGE: Vaddr = Vaddr(1);

/// What another CPU does at some place of this one, or while it sleeps.
type Meanwhile<'a> = Box<dyn FnMut() + 'a>;

/// Lets a CPU run on; remembers complaints; runs what others do meanwhile.
#[derive(Default)]
struct Alone<'a> {
    splats: RefCell<Vec<Splat>>,
    meanwhile: RefCell<Option<Meanwhile<'a>>>,
    waited: Cell<u32>,
}

impl Alone<'_> {
    fn others(&self) {
        if let Some(mut meanwhile) = self.meanwhile.borrow_mut().take() {
            meanwhile();
        }
    }
}

impl Conductor for Alone<'_> {
    fn turn(&self, cpu: &Cpu<'_>) {
        cpu.grant(1 << 16, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, on: Obj) {
        self.waited.set(self.waited.get() + 1);
        assert!(self.waited.get() < 9, "nobody wakes who waits for {on:?}");
        self.others();
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        if let What::Splat(splat) = what {
            self.splats.borrow_mut().push(splat);
        }
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {
        self.others();
    }
}

/// Two units of anonymous memory, an interval tree; less a protection.
fn machine(without: Option<&str>) -> Kernel {
    let mut steps = Era::V66.steps();
    if let Some(name) = without {
        let protection = PROTECTIONS.iter().find(|protection| protection.name == name);
        (protection.expect("it exists").leave_out)(&mut steps);
    }
    let k = Kernel::new(HPN, Config::default(), steps);
    let flags = VmFlags::READ.with(VmFlags::WRITE);
    let (start, end) = (Vaddr(0), Vaddr(2 * HPN));
    let vma = k.vmas.alloc(&VmaSpec { mm: MM, start, end, pgoff: 0, file: None, flags });
    k.mm(MM).vma_tree.poke_bits(1 << vma.expect("room").0, 0);
    k.mm(MM).notifier.itree.set_has_itree();
    k
}

/// Runs a story on CPU 0, with CPU 1 for others.
#[track_caller]
fn tell(story: impl Fn(&Kernel, &Cpu<'_>, &Cpu<'_>)) {
    let k = machine(None);
    let (alone, others) = (Alone::default(), Alone::default());
    let cpu = Cpu::conducted(0, &k.smp, &alone, None, false);
    let other = Cpu::conducted(1, &k.smp, &others, None, false);
    story(&k, &cpu, &other);
    quiet(&k);
    assert_eq!(alone.splats.borrow().as_slice(), &[]);
    assert_eq!(others.splats.borrow().as_slice(), &[]);
}

#[track_caller]
fn quiet(k: &Kernel) {
    let sub = &k.mm(MM).notifier;
    assert_eq!([sub.active.peek(), sub.itree.active.peek(), sub.itree.seq.peek() & 1], [0; 3]);
}

fn device(k: &Kernel) -> Vec<u32> {
    k.mm(MM).notifier.itree.mirrored().map(|(addr, _)| addr.0).collect()
}

#[test]
fn a_device_mirrors_its_unit_until_it_is_told() {
    tell(|k, cpu, _| {
        assert_eq!(k.hmm_fault(cpu, MM, PAGE, true), Ok(true));
        assert_eq!(k.hmm_fault(cpu, MM, Vaddr(3), true), Ok(true));
        assert_eq!(k.hmm_fault(cpu, MM, Vaddr(HPN), true), Ok(false), "another unit");
        assert_eq!(device(k), [1, 3]);
        assert_eq!(k.madvise_dontneed(cpu, MM, Vaddr(3), 3), Errno::Ok);
        assert_eq!(device(k), [1], "what is not in the range stays");
        assert!(k.kvm_mmu_fault(cpu, MM, PAGE, true).is_ok());
        k.do_munmap(cpu, MM, Vaddr(0), Vaddr(2 * HPN));
        assert_eq!(device(k), Vec::<u32>::new());
        assert_eq!(k.mm(MM).notifier.shadows().count(), 0);
    });
}

#[test]
fn the_sequence_number_is_odd_while_a_range_that_meets_is_invalidated() {
    tell(|k, cpu, _| {
        let itree = &k.mm(MM).notifier.itree;
        assert!(k.mmu_interval_notifier_insert(cpu, MM, Vaddr(0), Vaddr(HPN)));
        assert!(!k.mmu_interval_notifier_insert(cpu, MM, Vaddr(0), Vaddr(HPN)), "there is one");
        let before = itree.seq.peek();
        k.mmu_notifier_invalidate_range_start(cpu, MM, Vaddr(HPN), 1);
        assert_eq!(itree.seq.peek(), before, "it does not meet");
        k.mmu_notifier_invalidate_range_start(cpu, MM, PAGE, 1);
        assert_eq!([itree.seq.peek(), itree.sub_seq.peek()], [before + 1; 2]);
        k.mmu_notifier_invalidate_range_end(cpu, MM, PAGE, 1);
        assert_eq!(itree.seq.peek(), before + 1, "until the last one ends");
        k.mmu_notifier_invalidate_range_end(cpu, MM, Vaddr(HPN), 1);
        assert_eq!(itree.seq.peek(), before + 2);
    });
}

#[test]
fn who_subscribes_or_leaves_meanwhile_has_to_wait() {
    let k = machine(None);
    let others = Alone::default();
    let other = Cpu::conducted(1, &k.smp, &others, None, false);
    let start = |cpu: &Cpu<'_>| k.mmu_notifier_invalidate_range_start(cpu, MM, PAGE, 1);
    let end = |cpu: &Cpu<'_>| k.mmu_notifier_invalidate_range_end(cpu, MM, PAGE, 1);
    let alone = Alone::default();
    let cpu = Cpu::conducted(0, &k.smp, &alone, None, false);
    let itree = &k.mm(MM).notifier.itree;
    // Nobody was called: the new one counts as invalidated too.
    start(&other);
    assert!(k.mmu_interval_notifier_insert(&cpu, MM, Vaddr(0), Vaddr(HPN)));
    assert_eq!((itree.interval(), itree.seq.peek() & 1), (Interval::Linked, 1));
    end(&other);
    quiet(&k);
    // To leave means to wait for the end.
    start(&other);
    *alone.meanwhile.borrow_mut() = Some(Box::new(|| end(&other)));
    k.mmu_interval_notifier_remove(&cpu, MM);
    assert_eq!((itree.interval(), alone.waited.get()), (Interval::Gone, 1));
    // Insertion and removal during another one: neither happens before its end.
    assert!(k.mmu_interval_notifier_insert(&cpu, MM, Vaddr(0), Vaddr(HPN)));
    start(&other);
    *alone.meanwhile.borrow_mut() = Some(Box::new(|| end(&other)));
    k.mmu_interval_notifier_remove(&cpu, MM);
    itree.seq.poke(itree.seq.peek() | 1);
    itree.active.poke(1);
    assert!(k.mmu_interval_notifier_insert(&cpu, MM, Vaddr(0), Vaddr(HPN)));
    assert_eq!(itree.interval(), Interval::ToLink);
    k.mmu_interval_notifier_remove(&cpu, MM);
    assert_eq!(itree.interval(), Interval::Gone, "it was never linked");
}

/// What the device or KVM mirrors of [`PAGE`] if a zap comes between the look and the lock; and how often it slept.
#[track_caller]
fn zapped_after_the_look(without: Option<&str>, device: bool) -> bool {
    let k = machine(without);
    let others = Alone::default();
    let other = Cpu::conducted(1, &k.smp, &others, None, false);
    let alone = Alone::default();
    let cpu = Cpu::conducted(0, &k.smp, &alone, None, false);
    assert!(k.user_access(&other, MM, PAGE, Write(7)).is_ok());
    *alone.meanwhile.borrow_mut() =
        Some(Box::new(|| assert_eq!(k.madvise_dontneed(&other, MM, PAGE, 1), Errno::Ok)));
    cpu.stop_at(ip::kvm1);
    let found = if device {
        assert_eq!(k.hmm_fault(&cpu, MM, PAGE, true), Ok(true));
        k.mm(MM).notifier.itree.mirrored().next().map(|(_, shadow)| shadow)
    } else {
        assert_eq!(k.kvm_mmu_fault(&cpu, MM, PAGE, true), Ok(true));
        k.mm(MM).notifier.shadow_at(PAGE)
    };
    let shadow = found.expect("it is mirrored");
    k.peek_maps(MM, PAGE, shadow.pfn, shadow.write)
}

#[test]
fn a_page_that_is_zapped_between_look_and_lock_is_looked_up_again() {
    for device in [false, true] {
        assert!(zapped_after_the_look(None, device));
    }
    assert!(!zapped_after_the_look(Some("kvm_seq"), false), "a stale page");
    assert!(!zapped_after_the_look(Some("interval_read_retry"), true), "a stale page");
}

/// Whether the device has slept before it mirrored a page whose invalidation was in progress when it began.
fn faults_during_an_invalidation(without: Option<&str>) -> (bool, Vec<u32>) {
    let k = machine(without);
    let others = Alone::default();
    let other = Cpu::conducted(1, &k.smp, &others, None, false);
    let end = || k.mmu_notifier_invalidate_range_end(&other, MM, PAGE, 1);
    let alone = Alone::default();
    let cpu = Cpu::conducted(0, &k.smp, &alone, None, false);
    assert!(k.mmu_interval_notifier_insert(&cpu, MM, Vaddr(0), Vaddr(HPN)));
    k.mmu_notifier_invalidate_range_start(&other, MM, PAGE, 1);
    *alone.meanwhile.borrow_mut() = Some(Box::new(end));
    assert_eq!(k.hmm_fault(&cpu, MM, PAGE, true), Ok(true));
    (alone.waited.get() != 0, device(&k))
}

#[test]
fn a_fault_of_the_device_waits_for_the_end_of_an_invalidation() {
    assert_eq!(faults_during_an_invalidation(None), (true, vec![1]));
    // It is mirrored while whoever invalidates thinks that it is not.
    assert_eq!(faults_during_an_invalidation(Some("interval_wait")), (false, vec![1]));
}

#[test]
fn kvm_does_not_map_what_is_being_invalidated() {
    tell(|k, cpu, other| {
        k.mmu_notifier_invalidate_range_start(other, MM, PAGE, 1);
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, true), Ok(false), "all attempts fail");
        assert_eq!(k.kvm_mmu_fault(cpu, MM, Vaddr(2), true), Ok(true), "another page");
        k.mmu_notifier_invalidate_range_end(other, MM, PAGE, 1);
        assert_eq!(k.kvm_mmu_fault(cpu, MM, PAGE, true), Ok(true));
    });
}

#[test]
fn the_oom_reaper_does_not_wait_for_a_driver() {
    tell(|k, cpu, other| {
        let itree = &k.mm(MM).notifier.itree;
        assert!(k.mmu_interval_notifier_insert(cpu, MM, Vaddr(0), Vaddr(HPN)));
        itree.device_lock.lock(other);
        assert!(!k.mmu_notifier_invalidate_range_start_nonblock(cpu, MM, PAGE, 1));
        quiet(k);
        assert_eq!(cpu.debts.ranges(), [], "it is not open");
        assert!(k.mmu_notifier_invalidate_range_start_nonblock(cpu, MM, Vaddr(HPN), 1));
        k.mmu_notifier_invalidate_range_end(cpu, MM, Vaddr(HPN), 1);
        itree.device_lock.unlock(other);
        assert!(k.mmu_notifier_invalidate_range_start_nonblock(cpu, MM, PAGE, 1));
        k.mmu_notifier_invalidate_range_end(cpu, MM, PAGE, 1);
    });
}
