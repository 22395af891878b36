//! What a CPU has got from get_user_pages and not given back: a driver's list of pages.
//!
//! The operations of a program take pages and keep them, across other operations, until they are put; so that at the end
//! every reference and every pin has somebody who holds it (Q8).

use std::sync::atomic::{AtomicU64, Ordering};

use super::flags::{FollFlags, UserPage};
use crate::mm::kernel::Kernel;
use crate::mm::memory::Signal;
use crate::mm::types::{MmId, Pfn, Vaddr};
use crate::sync::Cpu;

/// How many pages a CPU can hold.
const HELD_MAX: usize = 4;

/// A page that is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldPage {
    /// Its frame.
    pub pfn: Pfn,
    /// How it was taken.
    pub flags: FollFlags,
    /// Whose address it was taken by.
    pub mm: MmId,
    /// The address.
    pub addr: Vaddr,
    /// The generation that its folio's slot had.
    pub generation: u8,
}

impl HeldPage {
    /// Never 0: pfn 24 bits, address 16, mm 8, flags 8, generation 8.
    fn pack(self) -> u64 {
        u64::from(self.pfn.0 & 0xff_ffff)
            | u64::from(self.addr.0 as u16) << 24
            | u64::from(self.mm.0) << 40
            | u64::from(self.flags.bits()) << 48
            | u64::from(self.generation) << 56
    }

    fn unpack(word: u64) -> Option<HeldPage> {
        (word != 0).then_some(HeldPage {
            pfn: Pfn(word as u32 & 0xff_ffff),
            addr: Vaddr(u32::from((word >> 24) as u16)),
            mm: MmId((word >> 40) as u8),
            flags: FollFlags::from_bits((word >> 48) as u8),
            generation: (word >> 56) as u8,
        })
    }
}

/// The pages that one CPU holds, a stack. Only that CPU changes it; oracles look.
#[derive(Debug, Default)]
pub struct GupHeld([AtomicU64; HELD_MAX]);

impl GupHeld {
    pub(in crate::mm) fn reset(&mut self) {
        self.0.iter_mut().for_each(|slot| *slot.get_mut() = 0);
    }

    /// The pages, in the order in which they were taken.
    pub fn iter(&self) -> impl Iterator<Item = HeldPage> {
        self.0.iter().map_while(|slot| HeldPage::unpack(slot.load(Ordering::SeqCst)))
    }

    fn has_room(&self) -> bool {
        self.0[HELD_MAX - 1].load(Ordering::SeqCst) == 0
    }

    fn push(&self, page: HeldPage) {
        if let Some(slot) = self.0.iter().find(|slot| slot.load(Ordering::SeqCst) == 0) {
            slot.store(page.pack(), Ordering::SeqCst);
        }
    }

    fn pop(&self) -> Option<HeldPage> {
        let last = self.0.iter().rfind(|slot| slot.load(Ordering::SeqCst) != 0)?;
        HeldPage::unpack(last.swap(0, Ordering::SeqCst))
    }
}

impl Kernel {
    /// Takes a page by the fast path alone, and holds it. `false`: it is not to be had so, or the CPU's list is full.
    pub fn gup_fast(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, flags: FollFlags) -> bool {
        let page = self
            .held_by(cpu)
            .has_room()
            .then(|| self.get_user_page_fast_only(cpu, mm, addr, flags))
            .flatten();
        if let Some(page) = page {
            self.hold(cpu, mm, addr, page);
        }
        page.is_some()
    }

    /// Takes a page by the slow path, and holds it. `Ok(false)`: the CPU's list is full.
    ///
    /// # Errors
    /// What a user access would get.
    pub fn gup_slow(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        flags: FollFlags,
    ) -> Result<bool, Signal> {
        if !self.held_by(cpu).has_room() {
            return Ok(false);
        }
        let page = self.get_user_page(cpu, mm, addr, flags)?;
        self.hold(cpu, mm, addr, page);
        Ok(true)
    }

    /// Gives back the page that this CPU took last. `false`: it holds none.
    pub fn gup_put(&self, cpu: &Cpu<'_>) -> bool {
        let Some(held) = self.held_by(cpu).pop() else { return false };
        self.owe_for_held(cpu, held, -1);
        let page = UserPage { pfn: held.pfn, writable: held.flags.write, flags: held.flags };
        self.put_user_page(cpu, page);
        true
    }

    /// Gives back all pages that this CPU holds; returns whether there were any.
    pub fn gup_put_all(&self, cpu: &Cpu<'_>) -> bool {
        let mut any = false;
        while self.gup_put(cpu) {
            any = true;
        }
        any
    }

    fn held_by(&self, cpu: &Cpu<'_>) -> &GupHeld {
        &self.gup_held[usize::from(cpu.id())]
    }

    fn hold(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, page: UserPage) {
        let generation = self.generation(self.folios.of(page.pfn));
        let held = HeldPage { pfn: page.pfn, flags: page.flags, mm, addr, generation };
        self.owe_for_held(cpu, held, 1);
        self.held_by(cpu).push(held);
    }

    /// A holder came (`1`) or went (`-1`): the counters owe for it, as they do for an entry.
    fn owe_for_held(&self, cpu: &Cpu<'_>, held: HeldPage, delta: i64) {
        let (refs, pins) = self.gup_refs(held.pfn, held.flags);
        let folio = self.folio_of(held.pfn);
        cpu.debts.owe(folio.refcount.obj(), refs * delta);
        cpu.debts.owe(folio.pincount.obj(), pins * delta);
    }
}
