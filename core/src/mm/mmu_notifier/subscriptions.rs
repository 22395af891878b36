//! The subscriptions of an mm, and the state of the KVM-like subscriber.

use super::interval::Itree;
use super::mirror::{Mirror, Shadow};
use crate::mm::class::Class;
use crate::mm::kernel::UNITS_MAX;
use crate::mm::rank;
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{Cpu, LockClass, Spinlock, Word};

/// The largest mm there is, so that every page has a word.
const PAGES_MAX: u32 = 512 * UNITS_MAX as u32;

/// The subscriptions of an mm, with KVM's own state.
#[derive(Debug)]
pub struct Subscriptions {
    /// KVM's `mmu_lock`.
    pub mmu_lock: Spinlock,
    /// `mmu_invalidate_in_progress`.
    pub active: Word,
    /// `mmu_invalidate_seq`: counts the ends of invalidations.
    pub seq: Word,
    /// The range in progress, the union if there are several: first page.
    pub range_start: Word,
    /// ... and the page after the last.
    pub range_end: Word,
    mirror: Mirror,
    /// The interval subscribers.
    pub itree: Itree,
}

impl Subscriptions {
    pub(in crate::mm) fn new(mm: MmId) -> Subscriptions {
        let n = u32::from(mm.0);
        Subscriptions {
            mmu_lock: Spinlock::new(Class::MmuLock.obj(n), LockClass::spinning(rank::LEAF)),
            active: Word::new(Class::NotifierActive.obj(n), 0),
            seq: Word::new(Class::NotifierSeq.obj(n), 0),
            range_start: Word::new(Class::NotifierActive.obj(16 + n), 0),
            range_end: Word::new(Class::NotifierActive.obj(32 + n), 0),
            mirror: Mirror::new(Class::Shadow, n * PAGES_MAX, PAGES_MAX),
            itree: Itree::new(mm),
        }
    }

    pub(in crate::mm) fn reset(&mut self) {
        self.mmu_lock.reset();
        [&self.active, &self.seq, &self.range_start, &self.range_end]
            .iter()
            .for_each(|word| word.poke(0));
        self.mirror.reset();
        self.itree.reset();
    }

    /// What the secondary MMU maps, page by page.
    pub fn shadows(&self) -> impl Iterator<Item = (Vaddr, Shadow)> {
        self.mirror.entries().map(|(page, shadow)| (Vaddr(page), shadow))
    }

    /// What the secondary MMU maps at `addr`.
    pub fn shadow_at(&self, addr: Vaddr) -> Option<Shadow> {
        self.mirror.at(addr)
    }

    /// Maps a page in the secondary MMU. `mmu_lock` is held.
    pub fn map_shadow(&self, cpu: &Cpu<'_>, addr: Vaddr, shadow: Shadow) {
        self.mirror.map(cpu, addr.0, shadow);
    }

    /// `kvm_mmu_notifier_invalidate_range_start`.
    pub(super) fn kvm_start(&self, cpu: &Cpu<'_>, start: Vaddr, end: Vaddr) {
        self.mmu_lock.lock(cpu);
        let (s, e) = (u64::from(start.0), u64::from(end.0));
        if self.active.add_return(cpu, 1) > 1 {
            self.range_start.poke(self.range_start.peek().min(s));
            self.range_end.poke(self.range_end.peek().max(e));
        } else {
            self.range_start.poke(s);
            self.range_end.poke(e);
        }
        self.mirror.unmap(cpu, start.0, end.0);
        self.mmu_lock.unlock(cpu);
    }

    /// `kvm_mmu_notifier_invalidate_range_end`.
    pub(super) fn kvm_end(&self, cpu: &Cpu<'_>) {
        self.mmu_lock.lock(cpu);
        self.seq.add_return(cpu, 1);
        self.active.add_return(cpu, -1);
        self.mmu_lock.unlock(cpu);
    }
}
