//! Interval subscribers: a driver that mirrors a range, and tells by a sequence number whether an invalidation came in
//! between (`mmu_interval_read_begin()`, kernel-semantics section 7.2).
//!
//! `invalidate_seq` is odd while an invalidation that meets a subscriber is in progress. The subscriber keeps the number that
//! it was invalidated under: as long as that is the current one, its range may not be mirrored.

use std::sync::atomic::{AtomicBool, Ordering};

use super::mirror::{Mirror, Shadow};
use crate::mm::class::Class;
use crate::mm::kernel::Kernel;
use crate::mm::rank;
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{Cpu, LockClass, Spinlock, WaitQueue, Word};

/// `invalidate_seq` of subscriptions that are new.
const FIRST_SEQ: u64 = 2;
/// The largest range that a device mirrors.
const PAGES_MAX: u32 = 512;

/// Where a subscriber is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Interval {
    /// Nobody subscribes.
    Gone = 0,
    /// In the tree.
    Linked = 1,
    /// On the deferred list: to be linked when the invalidation ends.
    ToLink = 2,
    /// In the tree and on the deferred list: to be taken out when the invalidation ends.
    ToUnlink = 3,
}

impl Interval {
    fn of(word: u64) -> Interval {
        [Interval::Gone, Interval::Linked, Interval::ToLink, Interval::ToUnlink][word as usize & 3]
    }
}

/// The interval tree of an mm, with room for one subscriber, and the device behind it.
#[derive(Debug)]
pub struct Itree {
    /// `has_itree`: somebody has subscribed once.
    has_itree: AtomicBool,
    /// `subscriptions->lock`.
    pub lock: Spinlock,
    /// `active_invalidate_ranges`.
    pub active: Word,
    /// `invalidate_seq`.
    pub seq: Word,
    wq: WaitQueue,
    state: Word,
    /// First page of the subscriber's range, and the page after the last in the upper half.
    bounds: Word,
    /// The subscriber's own `invalidate_seq`.
    pub sub_seq: Word,
    /// The driver's lock. It may sleep.
    pub device_lock: Spinlock,
    device: Mirror,
}

impl Itree {
    pub(super) fn new(mm: MmId) -> Itree {
        let n = u32::from(mm.0);
        Itree {
            has_itree: AtomicBool::new(false),
            lock: Spinlock::new(Class::SubscriptionsLock.obj(n), LockClass::spinning(rank::LEAF)),
            active: Word::new(Class::ActiveInvalidateRanges.obj(n), 0),
            seq: Word::new(Class::InvalidateSeq.obj(n), FIRST_SEQ),
            wq: WaitQueue::new(Class::InvalidateSeq.obj(n)),
            state: Word::new(Class::IntervalSub.obj(n), 0),
            bounds: Word::new(Class::IntervalSub.obj(16 + n), 0),
            sub_seq: Word::new(Class::InvalidateSeq.obj(16 + n), 0),
            device_lock: Spinlock::new(Class::DeviceLock.obj(n), LockClass::sleeping(rank::LEAF)),
            device: Mirror::new(Class::DeviceMap, n * PAGES_MAX, PAGES_MAX),
        }
    }

    pub(super) fn reset(&mut self) {
        if std::mem::take(self.has_itree.get_mut()) {
            self.lock.reset();
            self.device_lock.reset();
            self.wq.reset();
            self.seq.poke(FIRST_SEQ);
            [&self.active, &self.state, &self.bounds, &self.sub_seq]
                .iter()
                .for_each(|word| word.poke(0));
            self.device.reset();
        }
    }

    /// `has_itree`. Set before anybody runs: the kernel takes all locks of the mm for it, so that no invalidation sees it
    /// change.
    pub fn set_has_itree(&self) {
        self.has_itree.store(true, Ordering::SeqCst);
    }

    fn has_itree(&self) -> bool {
        self.has_itree.load(Ordering::SeqCst)
    }

    /// Where the subscriber is.
    pub fn interval(&self) -> Interval {
        Interval::of(self.state.peek())
    }

    fn set_interval(&self, cpu: &Cpu<'_>, to: Interval) {
        self.state.write_once(cpu, to as u64);
    }

    /// The range of the subscriber.
    pub fn bounds(&self) -> (Vaddr, Vaddr) {
        let bounds = self.bounds.peek();
        (Vaddr(bounds as u32), Vaddr((bounds >> 32) as u32))
    }

    /// `mn_itree_is_invalidating`.
    fn is_invalidating(&self) -> bool {
        self.seq.peek() & 1 == 1
    }

    /// What the device maps, page by page.
    pub fn mirrored(&self) -> impl Iterator<Item = (Vaddr, Shadow)> {
        let (start, _) = self.bounds();
        self.device.entries().map(move |(page, shadow)| (Vaddr(start.0 + page), shadow))
    }

    /// The device maps a page of its range. `device_lock` is held.
    pub fn map(&self, cpu: &Cpu<'_>, addr: Vaddr, shadow: Shadow) {
        self.device.map(cpu, addr.0 - self.bounds().0.0, shadow);
    }

    /// `mn_itree_invalidate`. `false`: the driver would have had to sleep, and nothing is in progress.
    pub(super) fn invalidate(
        &self,
        cpu: &Cpu<'_>,
        start: Vaddr,
        end: Vaddr,
        blockable: bool,
    ) -> bool {
        if !self.has_itree() {
            return true;
        }
        let Some(seq) = self.inv_start_range(cpu, start, end) else { return true };
        let called = self.invalidate_device(cpu, start, end, seq, blockable);
        if !called {
            self.inv_end(cpu);
        }
        called
    }

    /// `mn_itree_inv_start_range`: the new sequence number, if the range meets the subscriber.
    fn inv_start_range(&self, cpu: &Cpu<'_>, start: Vaddr, end: Vaddr) -> Option<u64> {
        self.lock.lock(cpu);
        self.active.add_return(cpu, 1);
        let (first, behind) = self.bounds();
        let linked = matches!(self.interval(), Interval::Linked | Interval::ToUnlink);
        let met = linked && start < behind && first < end;
        let seq = self.seq.peek() | 1;
        if met {
            self.seq.write_once(cpu, seq);
        }
        self.lock.unlock(cpu);
        met.then_some(seq)
    }

    /// `mn_itree_inv_end`: the last of several that overlap makes the number even, and does what had to wait.
    pub(super) fn inv_end(&self, cpu: &Cpu<'_>) {
        if !self.has_itree() {
            return;
        }
        self.lock.lock(cpu);
        let left = self.active.add_return(cpu, -1);
        cpu.vm_bug_on(left < 0, "an invalidation ends that has not begun");
        if left != 0 || !self.is_invalidating() {
            self.lock.unlock(cpu);
            return;
        }
        self.seq.add_return(cpu, 1);
        match self.interval() {
            Interval::ToLink => self.set_interval(cpu, Interval::Linked),
            Interval::ToUnlink => self.set_interval(cpu, Interval::Gone),
            Interval::Gone | Interval::Linked => {}
        }
        self.lock.unlock(cpu);
        self.wq.wake_up_all(cpu);
    }

    /// The driver's `invalidate()`: remembers the number, drops the range. `false`: it may not sleep, and its lock is taken.
    fn invalidate_device(
        &self,
        cpu: &Cpu<'_>,
        start: Vaddr,
        end: Vaddr,
        seq: u64,
        blockable: bool,
    ) -> bool {
        if blockable {
            self.device_lock.lock(cpu);
        } else if !self.device_lock.trylock(cpu) {
            return false;
        }
        // mmu_interval_set_seq().
        self.sub_seq.write_once(cpu, seq);
        let (first, behind) = self.bounds();
        let (start, end) = (start.max(first), end.min(behind));
        self.device.unmap(cpu, start.0 - first.0, end.0.max(start.0) - first.0);
        self.device_lock.unlock(cpu);
        true
    }
}

impl Kernel {
    /// `mmu_interval_notifier_insert`: the device of `mm`, which [has an interval tree](Itree::set_has_itree),
    /// subscribes to a range of at most 512 pages. `false`: it does already.
    pub fn mmu_interval_notifier_insert(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        end: Vaddr,
    ) -> bool {
        let itree = &self.mm(mm).notifier.itree;
        itree.lock.lock(cpu);
        let gone = itree.interval() == Interval::Gone && itree.has_itree();
        if gone {
            itree.bounds.write_once(cpu, u64::from(start.0) | u64::from(end.0) << 32);
            (self.steps.interval_insert)(cpu, itree);
        }
        itree.lock.unlock(cpu);
        gone
    }

    /// `mmu_interval_notifier_remove`: no callback runs afterwards. The driver has dropped its mappings. May sleep.
    pub fn mmu_interval_notifier_remove(&self, cpu: &Cpu<'_>, mm: MmId) {
        cpu.might_sleep();
        let itree = &self.mm(mm).notifier.itree;
        let mut seq = 0;
        itree.lock.lock(cpu);
        match itree.interval() {
            Interval::Linked if itree.is_invalidating() => {
                itree.set_interval(cpu, Interval::ToUnlink);
                seq = itree.seq.peek();
            }
            // The insertion was never done.
            Interval::ToLink | Interval::Linked => itree.set_interval(cpu, Interval::Gone),
            Interval::Gone | Interval::ToUnlink => {}
        }
        itree.lock.unlock(cpu);
        if seq != 0 {
            itree.wq.wait_event(cpu, || itree.seq.peek() != seq);
        }
    }

    /// `mmu_interval_read_begin`: the number to compare with in the end. Sleeps while the range is being invalidated.
    pub fn mmu_interval_read_begin(&self, cpu: &Cpu<'_>, mm: MmId) -> u64 {
        let itree = &self.mm(mm).notifier.itree;
        itree.lock.lock(cpu);
        let seq = itree.sub_seq.read_once(cpu);
        let is_invalidating = seq == itree.seq.peek();
        itree.lock.unlock(cpu);
        if is_invalidating {
            (self.steps.interval_wait)(cpu, itree, seq);
        }
        seq
    }
}

/// `mmu_interval_read_retry`, under the driver's lock: an invalidation has come since.
pub(in crate::mm) fn read_retry(cpu: &Cpu<'_>, itree: &Itree, seq: u64) -> bool {
    itree.sub_seq.read_once(cpu) != seq
}

/// The wait of `mmu_interval_read_begin`.
pub(in crate::mm) fn wait_for_end(cpu: &Cpu<'_>, itree: &Itree, seq: u64) {
    itree.wq.wait_event(cpu, || itree.seq.peek() != seq);
}

/// How `mmu_interval_notifier_insert` links, under the lock: not while an invalidation is in progress that others may have
/// been called for already.
pub(in crate::mm) fn defer_insertion(cpu: &Cpu<'_>, itree: &Itree) {
    if itree.active.read_once(cpu) == 0 {
        cpu.vm_bug_on(itree.is_invalidating(), "invalidate_seq is odd for no reason");
        itree.sub_seq.write_once(cpu, itree.seq.peek().wrapping_sub(1));
        itree.set_interval(cpu, Interval::Linked);
        return;
    }
    if itree.is_invalidating() {
        itree.set_interval(cpu, Interval::ToLink);
    } else {
        itree.seq.write_once(cpu, itree.seq.peek() | 1);
        itree.set_interval(cpu, Interval::Linked);
    }
    itree.sub_seq.write_once(cpu, itree.seq.peek());
}

/// The same without a look at what is in progress.
pub(in crate::mm) fn insert_at_once(cpu: &Cpu<'_>, itree: &Itree) {
    itree.sub_seq.write_once(cpu, itree.seq.peek().wrapping_sub(1));
    itree.set_interval(cpu, Interval::Linked);
}
