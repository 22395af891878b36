//! The hardware: it walks the page tables whenever it likes, and accesses memory through what it has cached
//! (kernel-semantics section 6.1).

use super::cache::Translation;
use crate::mm::class::Class;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::TableState;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pfn, Pmd, Pte, TableId, Vaddr};
use crate::sync::{Cpu, Splat, What};
use std::sync::atomic::Ordering;

/// The hardware could not translate: the kernel is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessFault;

/// The bits of an entry that the hardware sets.
const AD_BITS: u64 = Pte::ACCESSED_BIT | Pte::DIRTY_BIT;

/// What the user wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserAccess {
    /// Reads the page.
    Read,
    /// Stores this version into the page.
    Write(u64),
}

impl UserAccess {
    /// Whether it is a write.
    pub fn is_write(self) -> bool {
        matches!(self, UserAccess::Write(_))
    }
}

impl Kernel {
    /// One memory access of a user program: through the TLB if it can, else by a walk.
    pub fn access(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        access: UserAccess,
    ) -> Result<u64, AccessFault> {
        let _f = cpu.enter(func::user_access);
        self.switch_to(cpu, mm);
        let tlb = &self.tlbs[usize::from(cpu.id())];
        for _ in 0..2 {
            cpu.step(0, 1);
            // One instruction: the look-up and the access are not interrupted by a flush.
            if let Some(result) = tlb.exclusively(|| self.try_access(cpu, mm, addr, access)) {
                return Ok(result);
            }
            self.hardware_walk(cpu, mm, addr, access.is_write())?;
        }
        Err(AccessFault)
    }

    /// The access through the TLB. `None`: no translation, or none that permits it.
    fn try_access(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, access: UserAccess) -> Option<u64> {
        let tlb = &self.tlbs[usize::from(cpu.id())];
        let translation = tlb.lookup(mm, addr, self.hpn)?;
        if access.is_write()
            && !(translation.write && (translation.dirty || self.set_dirty(tlb, translation, addr)))
        {
            tlb.evict(mm, addr, self.hpn);
            return None;
        }
        let pfn = translation.frame(addr);
        self.check_frame(cpu, pfn, translation.generation);
        let content = &self.page(pfn).content;
        match access {
            UserAccess::Read => {
                let value = content.peek();
                cpu.note(What::UserLoad { mm: mm.0, page: addr.0, value });
                Some(value)
            }
            UserAccess::Write(value) => {
                content.poke(value);
                cpu.note(What::UserStore { mm: mm.0, page: addr.0, value });
                Some(value)
            }
        }
    }

    fn check_frame(&self, cpu: &Cpu<'_>, pfn: Pfn, generation: u8) {
        let folio = self.folios.of(pfn);
        if self.folio(folio).generation.load(Ordering::SeqCst) as u8 != generation {
            cpu.splat(Splat::FolioUseAfterFree(Class::Folio.obj(folio.0)));
        }
    }

    /// A write through a clean translation sets the dirty bit in memory, if the entry there is still the one
    /// that was cached.
    fn set_dirty(&self, tlb: &super::Tlb, translation: Translation, addr: Vaddr) -> bool {
        let pmdp = self.pmdp(translation.mm, addr);
        let pmd = Pmd(pmdp.peek());
        let word = if translation.huge {
            pmdp
        } else {
            match pmd.pgtable().filter(|&table| pmd.is_table() && self.tables.is_valid(table)) {
                Some(table) => self.tables.get(table).entry(addr.0),
                None => return false,
            }
        };
        let entry = Pte(word.peek());
        let same = entry.is_write()
            && entry.pfn() == translation.pfn
            && (!translation.huge || Pmd(entry.0).is_trans_huge());
        if same && word.poke_if(entry.0, entry.0 | Pte::DIRTY_BIT | Pte::ACCESSED_BIT) {
            tlb.fill(Translation { dirty: true, ..translation }, self.hpn);
            return true;
        }
        false
    }

    /// The hardware takes a translation in: it may at any time, also on a CPU that is lazy. For a write it sets the dirty
    /// bit in memory, too, through what it has cached already if that is clean.
    pub fn tlb_fill(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        write: bool,
    ) -> Result<(), AccessFault> {
        if !write {
            return self.hardware_walk(cpu, mm, addr, false);
        }
        if !self.hardware_dirty(cpu, mm, addr) {
            self.hardware_walk(cpu, mm, addr, true)?;
            self.hardware_dirty(cpu, mm, addr);
        }
        Ok(())
    }

    /// The dirty bit of an entry in memory is set through a cached translation. `false`: there is none that permits it, or
    /// the entry is another one.
    fn hardware_dirty(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> bool {
        let tlb = &self.tlbs[usize::from(cpu.id())];
        cpu.step(0, 2);
        tlb.exclusively(|| {
            let cached = tlb.lookup(mm, addr, self.hpn).filter(|cached| cached.write);
            cached.is_some_and(|cached| cached.dirty || self.set_dirty(tlb, cached, addr))
        })
    }

    /// The hardware drops what it has cached of an address: it may, at any time.
    pub fn tlb_evict(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        cpu.step(0, 1);
        let tlb = &self.tlbs[usize::from(cpu.id())];
        tlb.exclusively(|| tlb.evict(mm, addr, self.hpn));
    }

    /// A walk of the page tables, which fills the TLB. Also done speculatively.
    pub fn hardware_walk(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        write: bool,
    ) -> Result<(), AccessFault> {
        let _f = cpu.enter(func::hardware_walk);
        let tlb = &self.tlbs[usize::from(cpu.id())];
        if tlb.state.loaded_mm() != Some(mm) {
            self.switch_to(cpu, mm);
        }
        let unit = addr.0 / self.hpn;
        loop {
            let flushes = tlb.flushes();
            let cached = tlb.pwc_lookup(mm, unit);
            let pmd = match cached {
                Some((table, _)) => Pmd::table(table),
                // The hardware reads both words at once.
                None => Pmd(self.pmdp(mm, addr).read_once(cpu)),
            };
            cpu.pass(ip::hw1);
            if pmd.is_user_accessible() {
                let leaf = tlb.exclusively(|| self.fill_huge(tlb, mm, addr, pmd, write, flushes));
                return leaf.unwrap_or(Err(AccessFault));
            }
            if !pmd.is_table() {
                return Err(AccessFault);
            }
            let table = self.pgtable(cpu, pmd);
            let generation = cached.map(|(_, generation)| generation);
            cpu.step(0, 2);
            let done = tlb.exclusively(|| {
                (tlb.flushes() == flushes)
                    .then(|| self.fill_small(cpu, mm, addr, table, generation, write))
            });
            if let Some(done) = done {
                return done;
            }
            if tlb.state.loaded_mm() != Some(mm) {
                // The flush has made the CPU leave the mm, for which it has done nothing but speculate.
                return Err(AccessFault);
            }
        }
    }

    /// `None`: a flush came in between; the access faults and is tried again.
    fn fill_huge(
        &self,
        tlb: &super::Tlb,
        mm: MmId,
        addr: Vaddr,
        pmd: Pmd,
        write: bool,
        flushes: u32,
    ) -> Option<Result<(), AccessFault>> {
        let pmdp = self.pmdp(mm, addr);
        let now = pmdp.peek();
        if tlb.flushes() != flushes || now | AD_BITS != pmd.0 | AD_BITS {
            return None;
        }
        if write && !pmd.is_write() {
            return Some(Err(AccessFault));
        }
        if now & Pte::ACCESSED_BIT == 0 && !pmdp.poke_if(now, now | Pte::ACCESSED_BIT) {
            return None;
        }
        let pfn = pmd.pfn();
        tlb.fill(
            Translation {
                mm,
                addr: self.haddr(addr),
                huge: true,
                pfn,
                write: pmd.is_write(),
                dirty: pmd.is_dirty(),
                generation: self.folio_of(pfn).generation.load(Ordering::SeqCst) as u8,
            },
            self.hpn,
        );
        Some(Ok(()))
    }

    fn fill_small(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        table: TableId,
        generation: Option<u32>,
        write: bool,
    ) -> Result<(), AccessFault> {
        let tlb = &self.tlbs[usize::from(cpu.id())];
        let pt = self.tables.get(table);
        let now = pt.generation.load(Ordering::SeqCst);
        if pt.state() == TableState::Free || generation.is_some_and(|cached| cached != now) {
            cpu.splat(Splat::TableUseAfterFree(pt.obj()));
        }
        let pte = loop {
            let pte = Pte(pt.entry(addr.0).peek());
            // The accessed bit is set in memory, if the entry is still there.
            let young = pte.0 | Pte::ACCESSED_BIT;
            let usable = pte.is_user_accessible() && (!write || pte.is_write());
            if !usable || young == pte.0 || pt.entry(addr.0).poke_if(pte.0, young) {
                break pte;
            }
        };
        if !pte.is_user_accessible() || (write && !pte.is_write()) {
            return Err(AccessFault);
        }
        let pfn = pte.pfn();
        tlb.pwc_fill(mm, addr.0 / self.hpn, table, now);
        tlb.fill(
            Translation {
                mm,
                addr,
                huge: false,
                pfn,
                write: pte.is_write(),
                dirty: pte.is_dirty(),
                generation: self.folio_of(pfn).generation.load(Ordering::SeqCst) as u8,
            },
            self.hpn,
        );
        Ok(())
    }
}
