//! One CPU's TLB and paging-structure cache.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::state::CpuTlbstate;
use crate::mm::class::Class;
use crate::mm::types::{MmId, Pfn, TableId, Vaddr};
use crate::sync::Obj;

const SMALL: usize = 64;
const HUGE: usize = 16;
const PWC: usize = 16;

/// A cached translation of one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translation {
    /// Whose address space.
    pub mm: MmId,
    /// The page, or the first page of the huge page.
    pub addr: Vaddr,
    /// A huge page.
    pub huge: bool,
    /// The frame, or the first frame.
    pub pfn: Pfn,
    /// Writes are permitted.
    pub write: bool,
    /// The entry in memory was dirty, or has been made so.
    pub dirty: bool,
    /// The generation of the folio when it was cached: tells a use after free.
    pub generation: u8,
}

impl Translation {
    fn pack(self) -> u64 {
        1 | u64::from(self.huge) << 1
            | u64::from(self.write) << 2
            | u64::from(self.dirty) << 3
            | u64::from(self.mm.0 & 15) << 4
            | u64::from(self.generation) << 8
            | u64::from(self.addr.0 & 0xffff) << 16
            | u64::from(self.pfn.0) << 32
    }

    fn unpack(word: u64) -> Option<Translation> {
        (word & 1 == 1).then_some(Translation {
            mm: MmId((word >> 4 & 15) as u8),
            addr: Vaddr((word >> 16 & 0xffff) as u32),
            huge: word & 2 != 0,
            pfn: Pfn((word >> 32) as u32),
            write: word & 4 != 0,
            dirty: word & 8 != 0,
            generation: (word >> 8) as u8,
        })
    }

    /// The translation covers `addr`.
    fn covers(&self, mm: MmId, addr: Vaddr, hpn: u32) -> bool {
        let pages = if self.huge { hpn } else { 1 };
        self.mm == mm && self.addr <= addr && addr.0 < self.addr.0 + pages
    }

    /// The frame of `addr`.
    pub fn frame(&self, addr: Vaddr) -> Pfn {
        Pfn(self.pfn.0 + addr.0 - self.addr.0)
    }
}

/// One CPU's caches. Direct-mapped: a conflict evicts, as the hardware may at any time.
#[derive(Debug)]
pub struct Tlb {
    cpu: u8,
    /// Which mm is loaded, and how old what is cached may be.
    pub state: CpuTlbstate,
    small: Vec<AtomicU64>,
    huge: Vec<AtomicU64>,
    /// The paging-structure cache: table + 1 of (mm, unit), and the table's generation above.
    pwc: Vec<AtomicU64>,
    valid: AtomicU64,
    /// How often it was flushed: a walk that was interrupted by a flush starts again.
    flushes: AtomicU32,
    busy: AtomicBool,
}

impl Tlb {
    pub(in crate::mm) fn new(cpu: u8) -> Tlb {
        let empty = |n: usize| (0..n).map(|_| AtomicU64::new(0)).collect();
        Tlb {
            cpu,
            state: CpuTlbstate::new(cpu),
            small: empty(SMALL),
            huge: empty(HUGE),
            pwc: empty(PWC),
            valid: AtomicU64::new(0),
            flushes: AtomicU32::new(0),
            busy: AtomicBool::new(false),
        }
    }

    pub(in crate::mm) fn reset(&mut self) {
        self.drop_all();
        self.state.reset();
        *self.flushes.get_mut() = 0;
        *self.busy.get_mut() = false;
    }

    /// What it is known as.
    pub fn obj(&self) -> Obj {
        Class::Tlb.obj(u32::from(self.cpu))
    }

    /// One instruction of the CPU, or one interrupt: neither sees the other half done.
    ///
    /// On fibres nothing can come between anyway; on OS threads a flush must not come between the look-up of an
    /// instruction and its access.
    pub(super) fn exclusively<T>(&self, action: impl FnOnce() -> T) -> T {
        while self.busy.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
        let result = action();
        self.busy.store(false, Ordering::Release);
        result
    }

    pub(super) fn flushes(&self) -> u32 {
        self.flushes.load(Ordering::SeqCst)
    }

    /// A walk that is under way begins again.
    pub(super) fn interrupt_walks(&self) {
        self.flushes.fetch_add(1, Ordering::SeqCst);
    }

    /// The translation of `addr`, if it is cached. A huge one first, as the hardware would not know better.
    pub fn lookup(&self, mm: MmId, addr: Vaddr, hpn: u32) -> Option<Translation> {
        if self.valid.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let small = &self.small[small_slot(mm, addr)];
        let huge = &self.huge[huge_slot(mm, addr.0 / hpn)];
        [small, huge]
            .into_iter()
            .filter_map(|slot| Translation::unpack(slot.load(Ordering::SeqCst)))
            .find(|translation| translation.covers(mm, addr, hpn))
    }

    pub(super) fn fill(&self, translation: Translation, hpn: u32) {
        let slot = if translation.huge {
            &self.huge[huge_slot(translation.mm, translation.addr.0 / hpn)]
        } else {
            &self.small[small_slot(translation.mm, translation.addr)]
        };
        slot.store(translation.pack(), Ordering::SeqCst);
        self.valid.store(1, Ordering::SeqCst);
    }

    pub(super) fn pwc_lookup(&self, mm: MmId, unit: u32) -> Option<(TableId, u32)> {
        let word = self.pwc[huge_slot(mm, unit)].load(Ordering::SeqCst);
        let tag = u64::from(mm.0) << 16 | u64::from(unit & 0xff) << 20;
        (word != 0 && word & 0xffff_0000 == tag)
            .then(|| (TableId((word & 0xffff) as u16 - 1), (word >> 32) as u32))
    }

    pub(super) fn pwc_fill(&self, mm: MmId, unit: u32, table: TableId, generation: u32) {
        let tag = u64::from(mm.0) << 16 | u64::from(unit & 0xff) << 20;
        let word = u64::from(generation) << 32 | tag | (u64::from(table.0) + 1);
        self.pwc[huge_slot(mm, unit)].store(word, Ordering::SeqCst);
        self.valid.store(1, Ordering::SeqCst);
    }

    /// Forgets everything about `pages` pages of `mm` from `start` on. The caller is inside [`Tlb::exclusively`].
    pub(super) fn flush(&self, mm: MmId, start: Vaddr, pages: u32, hpn: u32) {
        self.interrupt_walks();
        if self.valid.load(Ordering::SeqCst) == 0 {
            return;
        }
        let end = start.0.saturating_add(pages);
        for slot in self.small.iter().chain(&self.huge) {
            let hit = Translation::unpack(slot.load(Ordering::SeqCst)).is_some_and(|t| {
                let size = if t.huge { hpn } else { 1 };
                t.mm == mm && t.addr.0 < end && start.0 < t.addr.0 + size
            });
            if hit {
                slot.store(0, Ordering::SeqCst);
            }
        }
        for unit in start.0 / hpn..=(end.saturating_sub(1) / hpn).min(start.0 / hpn + PWC as u32) {
            if self.pwc_lookup(mm, unit).is_some() {
                self.pwc[huge_slot(mm, unit)].store(0, Ordering::SeqCst);
            }
        }
    }

    /// Forgets one translation: the hardware may, at any time.
    pub fn evict(&self, mm: MmId, addr: Vaddr, hpn: u32) {
        self.small[small_slot(mm, addr)].store(0, Ordering::SeqCst);
        self.huge[huge_slot(mm, addr.0 / hpn)].store(0, Ordering::SeqCst);
        self.pwc[huge_slot(mm, addr.0 / hpn)].store(0, Ordering::SeqCst);
    }

    /// All translations that are cached.
    pub fn translations(&self) -> impl Iterator<Item = Translation> {
        let valid = self.valid.load(Ordering::SeqCst) != 0;
        self.small
            .iter()
            .chain(&self.huge)
            .filter(move |_| valid)
            .filter_map(|slot| Translation::unpack(slot.load(Ordering::SeqCst)))
    }

    /// All tables that the paging-structure cache names: mm, unit, table, the table's generation.
    pub fn cached_tables(&self) -> impl Iterator<Item = (MmId, u32, TableId, u32)> {
        let valid = self.valid.load(Ordering::SeqCst) != 0;
        self.pwc
            .iter()
            .filter(move |_| valid)
            .map(|slot| slot.load(Ordering::SeqCst))
            .filter(|&word| word != 0)
            .map(|word| {
                let (mm, unit) = (MmId((word >> 16 & 15) as u8), (word >> 20 & 0xff) as u32);
                (mm, unit, TableId((word & 0xffff) as u16 - 1), (word >> 32) as u32)
            })
    }

    fn drop_all(&mut self) {
        if std::mem::take(self.valid.get_mut()) != 0 {
            self.small
                .iter_mut()
                .chain(&mut self.huge)
                .chain(&mut self.pwc)
                .for_each(|slot| *slot.get_mut() = 0);
        }
    }
}

fn small_slot(mm: MmId, addr: Vaddr) -> usize {
    (addr.0 as usize + usize::from(mm.0) * 32) % SMALL
}

fn huge_slot(mm: MmId, unit: u32) -> usize {
    (unit as usize + usize::from(mm.0) * 8) % HUGE
}
