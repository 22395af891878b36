//! Stories of two CPUs: what one does is cut by the other, at every step once.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{VmFlags, VmaSpec};
use crate::mm::steps::{Era, Protection, Steps};
use crate::mm::types::{FileId, MmId, Vaddr, VmaId};
use crate::mm::{Config, Kernel, UserAccess};
use crate::sync::{Conductor, Cpu, Obj, Place, Splat, What};

pub(in crate::mm) const M0: MmId = MmId(0);
pub(in crate::mm) const HPN: u32 = 4;

/// What a CPU complains about.
type Splats = RefCell<Vec<Splat>>;

fn remember(splats: &Splats, what: What) {
    if let What::Splat(splat) = what {
        splats.borrow_mut().push(splat);
    }
}

/// Conducts the CPU that cuts in: it runs as far as it can, and ends where it would have to wait.
#[derive(Default)]
struct Guest(Splats, Cell<u32>);

/// The guest would have to wait, or goes round and round.
struct Blocked;

impl Conductor for Guest {
    fn turn(&self, cpu: &Cpu<'_>) {
        self.1.set(self.1.get() + 1);
        if self.1.get() > 10 {
            resume_unwind(Box::new(Blocked));
        }
        cpu.grant(100, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, _: Obj) {
        resume_unwind(Box::new(Blocked));
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        remember(&self.0, what);
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {}
}

/// Conducts the CPU that is cut.
struct Host<'a> {
    steps_left: Cell<u32>,
    cut_in: &'a dyn Fn() -> bool,
    release: &'a dyn Fn(),
    waits: Cell<u32>,
    blocked: Cell<Option<bool>>,
    splats: Splats,
}

impl Conductor for Host<'_> {
    fn turn(&self, cpu: &Cpu<'_>) {
        match self.steps_left.get().checked_sub(1) {
            Some(left) => self.steps_left.set(left),
            None if self.blocked.get().is_none() => self.blocked.set(Some((self.cut_in)())),
            None => {}
        }
        cpu.grant(1, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, _: Obj) {
        self.waits.set(self.waits.get() + 1);
        if self.waits.get() > 100 {
            // For a guest that itself waits for the host: this is no meeting.
            resume_unwind(Box::new(Blocked));
        }
        (self.release)();
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        remember(&self.splats, what);
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {}
}

/// One way in which the two met.
pub(in crate::mm) struct Meeting<'a, T> {
    pub(in crate::mm) kernel: &'a Kernel,
    /// What the host returned.
    pub(in crate::mm) result: T,
    /// Whether the guest had to wait.
    pub(in crate::mm) blocked: bool,
    pub(in crate::mm) splats: Vec<Splat>,
}

/// Cuts `host` at each of its steps by `guest`; if the host waits, `release` must help. Returns in how many of the
/// meetings something was `wrong`.
pub(in crate::mm) fn meet<T>(
    without: Option<&str>,
    host: impl Fn(&Kernel, &Cpu<'_>) -> T,
    guest: impl Fn(&Kernel, &Cpu<'_>),
    release: impl Fn(&Kernel, &Cpu<'_>),
    wrong: impl Fn(&Meeting<'_, T>) -> bool,
) -> usize {
    let mut found = 0;
    for at in 0.. {
        let kernel = machine(without);
        let second = Guest::default();
        let cpu1 = Cpu::conducted(1, &kernel.smp, &second, None, false);
        let first = Host {
            steps_left: Cell::new(at),
            cut_in: &|| catch_unwind(AssertUnwindSafe(|| guest(&kernel, &cpu1))).is_err(),
            release: &|| release(&kernel, &cpu1),
            waits: Cell::new(0),
            blocked: Cell::new(None),
            splats: Splats::default(),
        };
        let cpu0 = Cpu::conducted(0, &kernel.smp, &first, None, false);
        let result = catch_unwind(AssertUnwindSafe(|| host(&kernel, &cpu0)));
        let Some(blocked) = first.blocked.get() else {
            assert!(result.is_ok(), "the host waits for itself");
            break;
        };
        let result = match result {
            Ok(result) => result,
            Err(panic) if panic.is::<Blocked>() => continue,
            Err(panic) => resume_unwind(panic),
        };
        let splats = [first.splats.take(), second.0.take()].concat();
        found += usize::from(wrong(&Meeting { kernel: &kernel, result, blocked, splats }));
    }
    found
}

fn steps(without: Option<&str>) -> Steps {
    let mut steps = Era::V66.steps();
    if let Some(protection) = without {
        let found = Protection::from_name(protection).expect("a protection of that name");
        (found.leave_out)(&mut steps);
    }
    steps
}

/// A machine with an anonymous VMA of two huge units that has an anon_vma, and one of a file. Some pages are mapped.
pub(in crate::mm) fn machine(without: Option<&str>) -> Kernel {
    let kernel = Kernel::new(HPN, Config::default(), steps(without));
    map(&kernel, 0, 2 * HPN, None);
    map(&kernel, 6 * HPN, 2 * HPN, Some(FileId(0)));
    kernel.mapping(FileId(0)).i_size.poke(u64::from(2 * HPN));
    let cpu = Cpu::free(2, &kernel.smp);
    for page in [1, 2] {
        assert_eq!(kernel.user_access(&cpu, M0, Vaddr(page), UserAccess::Write(1)), Ok(1));
    }
    for page in 6 * HPN..8 * HPN {
        assert_eq!(kernel.user_access(&cpu, M0, Vaddr(page), UserAccess::Read), Ok(0));
    }
    kernel.lru_add_drain(&cpu);
    kernel
}

pub(in crate::mm) fn map(kernel: &Kernel, start: u32, pages: u32, file: Option<FileId>) -> VmaId {
    let flags = VmFlags::READ.with(VmFlags::WRITE);
    let (start, end) = (Vaddr(start), Vaddr(start + pages));
    let pgoff = if file.is_some() { 0 } else { start.0 };
    let spec = VmaSpec { mm: M0, start, end, pgoff, file, flags };
    let vma = kernel.vmas.alloc(&spec).expect("room");
    kernel.mm(M0).vma_tree.poke_bits(1 << vma.0, 0);
    if let Some(file) = file {
        kernel.mapping(file).i_mmap.poke_bits(1 << vma.0, 0);
    }
    vma
}

fn munmap_all(k: &Kernel, cpu: &Cpu<'_>) {
    k.do_munmap(cpu, M0, Vaddr(0), Vaddr(2 * HPN));
    k.rcu_do_batch(cpu);
}

fn lock_page_1(k: &Kernel, cpu: &Cpu<'_>) -> Option<VmaId> {
    k.lock_vma_under_rcu(cpu, M0, Vaddr(1))
}

pub(in crate::mm) fn nothing(_: &Kernel, _: &Cpu<'_>) {}

/// A silence with all protections, an alarm without the one.
#[track_caller]
pub(in crate::mm) fn protects(name: &'static str, count: impl Fn(Option<&'static str>) -> usize) {
    assert_eq!(count(None), 0, "with everything");
    assert_ne!(count(Some(name)), 0, "without {name}");
}

#[test]
fn a_reader_of_the_vma_is_waited_for() {
    // The reader looks at the page table under the lock of the VMA: a munmap that has not waited frees the table.
    let linked = |k: &Kernel| k.mm(M0).nr_ptes.peek();
    protects("munmap_start_write", |without| {
        let (reading, freed) = (Cell::new(None), Cell::new(false));
        let read = |k: &Kernel, cpu: &Cpu<'_>| reading.set(lock_page_1(k, cpu));
        let leave = |k: &Kernel, cpu: &Cpu<'_>| {
            let vma = reading.take().expect("only a reader is waited for");
            freed.set(freed.get() || linked(k) == 0);
            k.vma_end_read(cpu, vma);
        };
        meet(without, munmap_all, read, leave, |_| reading.take().is_some() || freed.take())
    });
}

#[test]
fn a_vma_that_is_marked_is_not_read_locked() {
    let mark = |k: &Kernel, cpu: &Cpu<'_>| {
        k.mmap_write_lock(cpu, M0);
        k.vma_start_write(cpu, VmaId(0));
    };
    protects("vma_lock_seq_recheck", |without| {
        meet(without, lock_page_1, mark, nothing, |met| met.result.is_some() && !met.blocked)
    });
}

#[test]
fn a_vma_that_was_unmapped_is_not_read_locked() {
    // Of a file: an anonymous one has no anon_vma any more, either.
    let lock = |k: &Kernel, cpu: &Cpu<'_>| k.lock_vma_under_rcu(cpu, M0, Vaddr(6 * HPN));
    let munmap = |k: &Kernel, cpu: &Cpu<'_>| {
        k.do_munmap(cpu, M0, Vaddr(6 * HPN), Vaddr(8 * HPN));
    };
    protects("vma_lock_detached_check", |without| {
        let gone = |met: &Meeting<'_, Option<VmaId>>| met.result.is_some() && !met.blocked;
        meet(without, lock, munmap, nothing, gone)
    });
}

#[test]
fn a_vma_is_not_freed_under_who_looks_at_it() {
    protects("vma_free_rcu", |without| {
        meet(without, lock_page_1, munmap_all, nothing, |met| {
            let freed = Splat::VmaUseAfterFree(met.kernel.vma(VmaId(0)).obj());
            met.splats.contains(&freed)
        })
    });
}

#[test]
fn an_anonymous_vma_without_an_anon_vma_is_left_to_mmap_lock() {
    protects("vma_lock_anon_check", |without| {
        let kernel = machine(without);
        let cpu = Cpu::free(0, &kernel.smp);
        map(&kernel, 4 * HPN, HPN, None);
        usize::from(kernel.lock_vma_under_rcu(&cpu, M0, Vaddr(4 * HPN)).is_some())
    });
}

#[test]
fn without_per_vma_locks_there_is_nothing_to_lock() {
    let mut kernel = machine(None);
    kernel.config.per_vma_lock = false;
    let cpu = Cpu::free(0, &kernel.smp);
    assert_eq!(lock_page_1(&kernel, &cpu), None);
    munmap_all(&kernel, &cpu);
    assert!(!kernel.vma(VmaId(0)).is_allocated());
    assert_eq!(kernel.mm(M0).mm_lock_seq.peek(), 0);
}

#[test]
fn a_read_locked_vma_takes_the_place_of_mmap_lock() {
    let kernel = machine(None);
    let guest = Guest::default();
    let cpu = Cpu::conducted(0, &kernel.smp, &guest, None, false);
    let vma = lock_page_1(&kernel, &cpu).expect("nobody is in the way");
    // A folio lock is taken inside it, mmap_lock is not.
    kernel.mapping(FileId(0)).i_mmap_rwsem.down_read(&cpu);
    kernel.mapping(FileId(0)).i_mmap_rwsem.up_read(&cpu);
    assert_eq!(guest.0.take(), []);
    kernel.mmap_read_lock(&cpu, M0);
    let held = kernel.vma(vma).vm_lock.obj();
    let taken = kernel.mm(M0).mmap_lock.obj();
    assert_eq!(guest.0.take(), [Splat::LockOrder { held, taken }]);
}

#[test]
fn the_last_user_finds_the_books_closed() {
    let kernel = machine(None);
    let guest = Guest::default();
    let cpu = Cpu::conducted(0, &kernel.smp, &guest, None, false);
    kernel.mmgrab(&cpu, M0);
    kernel.mmdrop(&cpu, M0);
    assert_eq!(guest.0.take(), []);
    kernel.mmdrop(&cpu, M0);
    let mm = kernel.mm(M0);
    let left = [mm.rss[1].obj(), mm.rss[3].obj(), mm.nr_ptes.obj()].map(Splat::CheckMm);
    assert_eq!(guest.0.take(), left);
}
