//! The swap device: slots with a use count, a tag for the content, and the swap cache in front of them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::class::Class;
use super::rank;
use super::types::{FolioId, SwapId};
use crate::sync::{LockClass, Spinlock, WaitQueue, Word};

/// Slots of the device: more than a huge page has pages.
pub fn swap_slots(hpn: u32) -> u32 {
    if hpn > 8 { 2 * hpn } else { 64 }
}

/// One slot.
#[derive(Debug)]
pub struct SwapSlot {
    /// Swap entries that name the slot.
    pub count: Word,
    /// The swap cache: 0, or the folio + 1.
    pub cache: Word,
    /// The content that was written out.
    pub content: Word,
    /// SWAP_HAS_CACHE without a folio: somebody reads the slot past the swap cache, see `swapcache_prepare`.
    pub prepared: Word,
    /// Those who wait until that is over.
    pub prepared_wq: WaitQueue,
}

/// The device.
#[derive(Debug)]
pub struct SwapDevice {
    /// The lock of the device and its clusters.
    pub lock: Spinlock,
    slots: Vec<SwapSlot>,
    next: AtomicU32,
    /// The slot that was freed last, + 1.
    freed: AtomicU32,
}

impl SwapSlot {
    /// Nobody uses it. The device's lock is held.
    pub fn is_free(&self) -> bool {
        self.count.peek() == 0 && self.cache.peek() == 0 && self.prepared.peek() == 0
    }
}

impl SwapDevice {
    pub(super) fn new(hpn: u32) -> SwapDevice {
        let slots = swap_slots(hpn);
        let slot = |n: u32| SwapSlot {
            count: Word::new(Class::SwapCount.obj(n), 0),
            cache: Word::new(Class::SwapCache.obj(n), 0),
            content: Word::new(Class::SwapCache.obj(slots + n), 0),
            prepared: Word::new(Class::SwapCache.obj(2 * slots + n), 0),
            prepared_wq: WaitQueue::new(Class::SwapCache.obj(3 * slots + n)),
        };
        SwapDevice {
            lock: Spinlock::new(Class::SwapLock.obj(0), LockClass::spinning(rank::SWAP_LOCK)),
            slots: (0..slots).map(slot).collect(),
            next: AtomicU32::new(0),
            freed: AtomicU32::new(0),
        }
    }

    pub(super) fn reset(&mut self) {
        self.lock.reset();
        *self.freed.get_mut() = 0;
        let touched = (std::mem::take(self.next.get_mut()) as usize).min(self.slots.len());
        for slot in &mut self.slots[..touched] {
            let words = [&slot.count, &slot.cache, &slot.content, &slot.prepared];
            words.iter().for_each(|word| word.poke(0));
            slot.prepared_wq.reset();
        }
    }

    /// The slot.
    pub fn slot(&self, id: SwapId) -> &SwapSlot {
        &self.slots[id.idx() % self.slots.len()]
    }

    /// The slots that were ever used.
    pub fn touched(&self) -> impl Iterator<Item = (SwapId, &SwapSlot)> {
        let touched = (self.next.load(Ordering::Relaxed) as usize).min(self.slots.len());
        self.slots[..touched].iter().enumerate().map(|(id, slot)| (SwapId(id as u16), slot))
    }

    /// A slot that nobody uses: the one that was free longest or, with `reuse`, the one that was freed last. The device's
    /// lock is held.
    pub(super) fn find_free(&self, reuse: bool) -> Option<SwapId> {
        let last = self.freed.swap(0, Ordering::SeqCst).checked_sub(1).filter(|_| reuse);
        let last = last.map(|id| SwapId(id as u16)).filter(|&id| self.slot(id).is_free());
        let slots = self.slots.len() as u32;
        let next = || SwapId((self.next.fetch_add(1, Ordering::SeqCst) % slots) as u16);
        last.or_else(|| (0..slots).map(|_| next()).find(|&id| self.slot(id).is_free()))
    }

    /// Remembers the slot if it has become free. The device's lock is held.
    pub(super) fn may_be_free(&self, id: SwapId) {
        if self.slot(id).is_free() {
            self.freed.store(u32::from(id.0) + 1, Ordering::SeqCst);
        }
    }

    /// The folio that the swap cache holds for a slot.
    pub fn cached(&self, id: SwapId) -> Option<FolioId> {
        self.slot(id).cache.peek().checked_sub(1).map(|folio| FolioId(folio as u32))
    }
}
