//! The context of a userfaultfd: who waits, and who wakes them (kernel-semantics section 10.10).
//!
//! One for each mm: what is registered is registered with it. The messages to the monitor are not modelled; a monitor
//! is whoever calls an ioctl.
//!
//! A thread whose fault nobody ever resolves is in no deadlock: it sleeps in a state in which signals reach it. Where
//! nobody else can go on, one comes (`Cpu`'s conductor decides when), and where its process ends, at once. It leaves
//! at the place where the fault would be tried again (section 20, "signals"), and its operation is over.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::mm::class::Class;
use crate::mm::kernel::Kernel;
use crate::mm::rank;
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{CPUS_MAX, Cpu, LockClass, Spinlock, UffdFact, WaitQueue, What};

/// `struct userfaultfd_ctx`.
#[derive(Debug)]
pub struct Userfaultfd {
    /// The lock of `fault_pending_wqh`.
    lock: Spinlock,
    /// `fault_pending_wqh`: for each CPU, 0 or the page + 1 that its thread waits for. Under the lock.
    pending: [AtomicU32; CPUS_MAX],
    wqh: WaitQueue,
    /// CPUs whose thread has got a signal and not yet noticed.
    signals: AtomicU32,
    /// The buffer that UFFDIO_COPY copies from has been touched: before, the copy under mmap_lock fails.
    src_mapped: AtomicBool,
}

impl Userfaultfd {
    pub(in crate::mm) fn new(n: u32) -> Userfaultfd {
        let obj = Class::Uffd.obj(n);
        Userfaultfd {
            lock: Spinlock::new(obj, LockClass::spinning(rank::LEAF)),
            pending: Default::default(),
            wqh: WaitQueue::new(obj),
            signals: AtomicU32::new(0),
            src_mapped: AtomicBool::new(false),
        }
    }

    pub(in crate::mm) fn reset(&mut self) {
        self.lock.reset();
        self.pending = Default::default();
        self.wqh.reset();
        *self.signals.get_mut() = 0;
        *self.src_mapped.get_mut() = false;
    }

    /// `copy_from_user` with page faults disabled: fails the first time. Outside of mmap_lock it maps the buffer.
    pub(super) fn copy_from_user(&self, may_fault: bool) -> bool {
        self.src_mapped.fetch_or(may_fault, Ordering::SeqCst) || may_fault
    }

    fn pending_of(&self, cpu: &Cpu<'_>) -> &AtomicU32 {
        &self.pending[usize::from(cpu.id())]
    }
}

impl Kernel {
    /// The fault at `addr` is queued: from here on a wake finds it, and the monitor can read of it.
    pub(super) fn uffd_enqueue(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        let ctx = &self.mm(mm).uffd;
        ctx.lock.lock(cpu);
        ctx.pending_of(cpu).store(addr.0 + 1, Ordering::SeqCst);
        cpu.note(What::Uffd { mm: mm.0, page: addr.0, pages: 1, fact: UffdFact::Reported });
        ctx.lock.unlock(cpu);
    }

    /// `schedule()` in TASK_KILLABLE: sleeps until the fault is not in the queue any more, or a signal comes.
    pub(super) fn uffd_wait(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        let ctx = &self.mm(mm).uffd;
        let me = 1 << cpu.id();
        let done = || {
            ctx.pending_of(cpu).load(Ordering::SeqCst) == 0
                || ctx.signals.load(Ordering::SeqCst) & me != 0
        };
        if !ctx.wqh.wait_event_killable(cpu, done) {
            ctx.signals.fetch_or(me, Ordering::SeqCst);
            cpu.note(What::Uffd { mm: mm.0, page: addr.0, pages: 1, fact: UffdFact::Killed });
        }
    }

    /// The fault leaves the queue, if nobody has taken it out.
    pub(super) fn uffd_dequeue(&self, cpu: &Cpu<'_>, mm: MmId) {
        let ctx = &self.mm(mm).uffd;
        if ctx.pending_of(cpu).load(Ordering::SeqCst) != 0 {
            ctx.lock.lock(cpu);
            ctx.pending_of(cpu).store(0, Ordering::SeqCst);
            ctx.lock.unlock(cpu);
        }
    }

    /// Tells that whoever waits for a page of the range is about to be woken.
    pub(super) fn note_resolved(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) {
        let (page, fact) = (start.0, UffdFact::Resolved);
        cpu.note(What::Uffd { mm: mm.0, page, pages, fact });
    }

    /// `wake_userfault`: whoever waits for a page of the range tries again.
    pub fn wake_userfault(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, pages: u32) {
        let ctx = &self.mm(mm).uffd;
        let range = start.0 + 1..start.0 + pages + 1;
        ctx.lock.lock(cpu);
        for pending in &ctx.pending {
            if range.contains(&pending.load(Ordering::SeqCst)) {
                pending.store(0, Ordering::SeqCst);
            }
        }
        ctx.lock.unlock(cpu);
        ctx.wqh.wake_up_all(cpu);
    }

    /// The process ends: the threads that wait for its userfaultfd get SIGKILL. Not a step.
    pub fn uffd_kill(&self, cpu: &Cpu<'_>, mm: MmId) {
        let ctx = &self.mm(mm).uffd;
        let waits =
            |(n, pending): (usize, &AtomicU32)| u32::from(pending.load(Ordering::SeqCst) != 0) << n;
        let waiting = ctx.pending.iter().enumerate().map(waits).fold(0, |all, cpu| all | cpu);
        ctx.signals.fetch_or(waiting, Ordering::SeqCst);
        ctx.wqh.wake_up_all(cpu);
    }

    /// `fault_signal_pending`, after VM_FAULT_RETRY: whether the thread has got a signal. It takes it, and leaves.
    pub fn fault_signal_pending(&self, cpu: &Cpu<'_>, mm: MmId) -> bool {
        let me = 1 << cpu.id();
        let signals = self.mm(mm).uffd.signals.fetch_and(!me, Ordering::SeqCst);
        signals & me != 0 || self.mm(mm).is_group_exit()
    }
}
