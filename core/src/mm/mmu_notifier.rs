//! mmu_notifier: whoever mirrors a page table is told before an entry goes, and when it is over
//! (kernel-semantics section 7). One subscriber an mm: a secondary MMU in the manner of KVM.

use std::sync::atomic::{AtomicBool, Ordering};

use super::class::Class;
use super::kernel::{Kernel, UNITS_MAX};
use super::place::func;
use super::rank;
use super::types::{MmId, Pfn, Vaddr};
use crate::sync::{Cpu, LockClass, Spinlock, What, Word};

/// The largest table there is, so that every shadow page has a word.
const PAGES_MAX: u32 = 512 * UNITS_MAX as u32;

/// The subscriptions of an mm, with the secondary MMU's own state.
#[derive(Debug)]
pub struct Subscriptions {
    /// `subscriptions->lock` and KVM's `mmu_lock` in one.
    pub mmu_lock: Spinlock,
    /// Invalidations in progress.
    pub active: Word,
    /// Counts the ends of invalidations.
    pub seq: Word,
    /// The range in progress, the union if there are several: first page.
    pub range_start: Word,
    /// ... and the page after the last.
    pub range_end: Word,
    shadow: Vec<Word>,
    used: AtomicBool,
}

/// What the secondary MMU maps at a page. It holds no reference to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shadow {
    /// The frame.
    pub pfn: Pfn,
    /// It may write.
    pub write: bool,
    /// The generation of the folio when it was mapped.
    pub generation: u8,
}

impl Shadow {
    fn pack(self) -> u64 {
        1 << 63
            | u64::from(self.generation) << 40
            | u64::from(self.write) << 32
            | u64::from(self.pfn.0)
    }

    fn unpack(word: u64) -> Option<Shadow> {
        (word != 0).then_some(Shadow {
            pfn: Pfn(word as u32),
            write: word >> 32 & 1 == 1,
            generation: (word >> 40) as u8,
        })
    }
}

impl Subscriptions {
    pub(super) fn new(mm: MmId) -> Subscriptions {
        let n = u32::from(mm.0);
        Subscriptions {
            mmu_lock: Spinlock::new(Class::MmuLock.obj(n), LockClass::spinning(rank::LEAF)),
            active: Word::new(Class::NotifierActive.obj(n), 0),
            seq: Word::new(Class::NotifierSeq.obj(n), 0),
            range_start: Word::new(Class::NotifierActive.obj(16 + n), 0),
            range_end: Word::new(Class::NotifierActive.obj(32 + n), 0),
            shadow: (0..PAGES_MAX)
                .map(|page| Word::new(Class::Shadow.obj(n * PAGES_MAX + page), 0))
                .collect(),
            used: AtomicBool::new(false),
        }
    }

    pub(super) fn reset(&mut self) {
        self.mmu_lock.reset();
        [&self.active, &self.seq, &self.range_start, &self.range_end]
            .iter()
            .for_each(|word| word.poke(0));
        if std::mem::take(self.used.get_mut()) {
            self.shadow.iter().for_each(|word| word.poke(0));
        }
    }

    /// What the secondary MMU maps, page by page.
    pub fn shadows(&self) -> impl Iterator<Item = (Vaddr, Shadow)> {
        let mirrored = if self.used.load(Ordering::Relaxed) { &self.shadow[..] } else { &[] };
        (0..)
            .zip(mirrored)
            .filter_map(|(page, word)| Some((Vaddr(page), Shadow::unpack(word.peek())?)))
    }

    /// Maps a page in the secondary MMU. `mmu_lock` is held.
    pub fn map_shadow(&self, cpu: &Cpu<'_>, addr: Vaddr, shadow: Shadow) {
        self.used.store(true, Ordering::Relaxed);
        self.shadow[addr.0 as usize % self.shadow.len()].write_once(cpu, shadow.pack());
    }

    /// What the secondary MMU maps at `addr`.
    pub fn shadow_at(&self, addr: Vaddr) -> Option<Shadow> {
        Shadow::unpack(self.shadow[addr.0 as usize % self.shadow.len()].peek())
    }
}

impl Kernel {
    /// `mmu_notifier_invalidate_range_start`: the mirrors drop the range. May sleep, so no spinlock may be held.
    pub fn mmu_notifier_invalidate_range_start(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
    ) {
        let _f = cpu.enter(func::mmu_notifier_invalidate_range_start);
        cpu.might_sleep();
        let sub = &self.mm(mm).notifier;
        sub.mmu_lock.lock(cpu);
        let (s, e) = (u64::from(start.0), u64::from(start.0 + pages));
        if sub.active.add_return(cpu, 1) > 1 {
            sub.range_start.poke(sub.range_start.peek().min(s));
            sub.range_end.poke(sub.range_end.peek().max(e));
        } else {
            sub.range_start.poke(s);
            sub.range_end.poke(e);
        }
        for page in start.0..start.0 + pages {
            // A page that is not mirrored costs no step: only the removal of a mapping can be raced.
            let word = &sub.shadow[page as usize % sub.shadow.len()];
            if word.peek() != 0 {
                word.write_once(cpu, 0);
            }
        }
        sub.mmu_lock.unlock(cpu);
        cpu.debts.open_range(mm.0, start.0, pages);
        cpu.note(What::Notifier { mm: mm.0, start: start.0, pages, open: true });
    }

    /// `mmu_notifier_invalidate_range_end`: the mirrors may map the range again.
    pub fn mmu_notifier_invalidate_range_end(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
    ) {
        let _f = cpu.enter(func::mmu_notifier_invalidate_range_end);
        // A subscriber's callback may sleep here too (semantics 7.2).
        cpu.might_sleep();
        let sub = &self.mm(mm).notifier;
        sub.mmu_lock.lock(cpu);
        sub.seq.add_return(cpu, 1);
        sub.active.add_return(cpu, -1);
        sub.mmu_lock.unlock(cpu);
        let open = cpu.debts.close_range(mm.0, start.0, pages);
        cpu.vm_bug_on(!open, "mmu_notifier_invalidate_range_end() of a range that is not open");
        cpu.note(What::Notifier { mm: mm.0, start: start.0, pages, open: false });
    }
}
