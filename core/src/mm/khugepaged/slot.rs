//! The older khugepaged's memory of PTE-mapped huge pages: up to eight addresses an mm (section 9.9).

use crate::mm::class::Class;
use crate::mm::kernel::{Kernel, MMS_MAX};
use crate::mm::place::func;
use crate::mm::rank;
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{Cpu, LockClass, Spinlock, Word};

/// MAX_PTE_MAPPED_THP.
const ADDRESSES: usize = 8;

/// The slots of all mms.
#[derive(Debug)]
pub struct Slots {
    /// `khugepaged_mm_lock`.
    pub(super) lock: Spinlock,
    /// The mms with a slot, one bit each.
    pub(super) listed: Word,
    /// `khugepaged_scan.mm_slot`: by whom each mm is being scanned, a byte an mm. There is one khugepaged, but a program
    /// may have it on several CPUs.
    pub(super) cursor: Word,
    /// 0, or the huge page + 1 that a failed collapse has left for the next one.
    pub kept_hpage: Word,
    slots: Vec<MmSlot>,
}

#[derive(Debug)]
struct MmSlot {
    nr_pte_mapped_thp: Word,
    pte_mapped_thp: Vec<Word>,
}

impl Slots {
    pub(in crate::mm) fn new() -> Slots {
        let slot = |mm: u32| MmSlot {
            nr_pte_mapped_thp: Word::new(Class::Slot.obj(mm * 16), 0),
            pte_mapped_thp: (1..=ADDRESSES as u32)
                .map(|i| Word::new(Class::Slot.obj(mm * 16 + i), 0))
                .collect(),
        };
        Slots {
            lock: Spinlock::new(Class::KhugepagedLock.obj(0), LockClass::spinning(rank::LEAF)),
            listed: Word::new(Class::Slot.obj(256), 0),
            cursor: Word::new(Class::Slot.obj(257), 0),
            kept_hpage: Word::new(Class::Slot.obj(258), 0),
            slots: (0..MMS_MAX as u32).map(slot).collect(),
        }
    }

    pub(in crate::mm) fn reset(&mut self) {
        self.lock.reset();
        [&self.listed, &self.cursor, &self.kept_hpage].into_iter().for_each(|word| word.poke(0));
        for slot in &self.slots {
            slot.nr_pte_mapped_thp.poke(0);
        }
    }
}

impl Kernel {
    /// `khugepaged_add_pte_mapped_thp`: remembers the address, if there is room and it is not known yet.
    pub fn khugepaged_add_pte_mapped_thp(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> bool {
        let _f = cpu.enter(func::khugepaged_add_pte_mapped_thp);
        let slot = &self.slots.slots[mm.idx()];
        self.slots.lock.lock(cpu);
        let nr = slot.nr_pte_mapped_thp.read_once(cpu) as usize;
        let known =
            slot.pte_mapped_thp.iter().take(nr).any(|word| word.peek() == u64::from(haddr.0));
        if !known && nr < ADDRESSES {
            slot.pte_mapped_thp[nr].poke(u64::from(haddr.0));
            slot.nr_pte_mapped_thp.write_once(cpu, nr as u64 + 1);
        }
        self.slots.lock.unlock(cpu);
        nr < ADDRESSES
    }

    /// `khugepaged_collapse_pte_mapped_thps`: at each visit of the mm. If mmap_lock is busy, the next visit will do.
    pub fn khugepaged_collapse_pte_mapped_thps(&self, cpu: &Cpu<'_>, mm: MmId) {
        let _f = cpu.enter(func::khugepaged_collapse_pte_mapped_thps);
        let slot = &self.slots.slots[mm.idx()];
        if slot.nr_pte_mapped_thp.read_once(cpu) == 0 || !self.mmap_write_trylock(cpu, mm) {
            return;
        }
        let nr = (slot.nr_pte_mapped_thp.peek() as usize).min(ADDRESSES);
        let nr = if (self.steps.vma.test_exit)(cpu, self, mm) { 0 } else { nr };
        for i in 0..nr {
            let haddr = Vaddr(slot.pte_mapped_thp[i].peek() as u32);
            self.collapse_pte_mapped_thp(cpu, mm, haddr, false);
        }
        slot.nr_pte_mapped_thp.write_once(cpu, 0);
        self.mmap_write_unlock(cpu, mm);
    }
}
