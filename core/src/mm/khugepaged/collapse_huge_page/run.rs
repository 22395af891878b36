//! The stages of `collapse_huge_page`, in their order.

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::khugepaged::revalidate::Handle;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, MmId, Pmd, TableId, Vaddr, VmaId};
use crate::sync::Cpu;

/// A collapse of anonymous memory in flight: the local variables of the function, from the time on when mmap_lock is held
/// for write.
#[derive(Debug)]
pub struct CollapseHuge {
    /// Whose page table.
    pub mm: MmId,
    /// The huge-aligned address.
    pub haddr: Vaddr,
    /// The VMA that was found there.
    pub vma: VmaId,
    /// Whether khugepaged does it, and not MADV_COLLAPSE.
    pub is_khugepaged: bool,
    /// The new huge page, which nobody else knows.
    pub hpage: FolioId,
    /// `_pmd`: what the PMD entry was. The table belongs to whoever has this value.
    pub pmd: Pmd,
    /// The table, mapped by way of it.
    pub pte: PteMap,
    /// Its lock.
    pub ptl: Option<Lockptr>,
    /// `compound_pagelist`: large folios that were isolated, each once.
    pub compound: Vec<FolioId>,
}

impl CollapseHuge {
    /// The address of entry `i`.
    pub(super) fn addr(&self, i: u32) -> Vaddr {
        Vaddr(self.haddr.0 + i)
    }
}

impl Kernel {
    /// `collapse_huge_page`. mmap_lock is held for read, and is released. May sleep.
    pub fn collapse_huge_page(
        &self,
        cpu: &Cpu<'_>,
        (mm, haddr): (MmId, Vaddr),
        unmapped: u32,
        is_khugepaged: bool,
    ) -> ScanResult {
        let _f = cpu.enter(func::collapse_huge_page);
        cpu.assert_held(self.mm(mm).mmap_lock.obj());
        // Before the allocation, which may take its time.
        self.mmap_read_unlock(cpu, mm);
        let hpage = match self.alloc_charge_hpage(cpu) {
            Ok(hpage) => hpage,
            Err(result) => return result,
        };
        cpu.pass(ip::ch1);
        let result = match self.collapse_prepare(cpu, (mm, haddr), unmapped, is_khugepaged) {
            Ok(vma) => self.collapse_for_write(cpu, (mm, haddr), vma, hpage, is_khugepaged),
            Err(result) => result,
        };
        if result != ScanResult::Succeed {
            self.folio_put(cpu, hpage);
        }
        result
    }

    /// Under mmap_lock for read, which is released: is it all there still, and in memory?
    fn collapse_prepare(
        &self,
        cpu: &Cpu<'_>,
        (mm, haddr): (MmId, Vaddr),
        unmapped: u32,
        is_khugepaged: bool,
    ) -> Result<Handle, ScanResult> {
        self.mmap_read_lock(cpu, mm);
        let found = self.hugepage_vma_revalidate(cpu, (mm, haddr), true, is_khugepaged);
        let found = found.and_then(|vma| match self.find_pmd_or_thp_or_none(cpu, mm, haddr) {
            ScanResult::Succeed => Ok((vma, self.vma_generation(vma))),
            result => Err(result),
        });
        let Ok((vma, _)) = found else {
            self.mmap_read_unlock(cpu, mm);
            return found;
        };
        if unmapped > 0 {
            // It has released mmap_lock if it fails.
            self.collapse_huge_page_swapin(cpu, (mm, haddr, vma))?;
        }
        cpu.pass(ip::ch2);
        self.mmap_read_unlock(cpu, mm);
        cpu.pass(ip::ch3);
        found
    }

    /// mmap_lock for write, and everything under it.
    fn collapse_for_write(
        &self,
        cpu: &Cpu<'_>,
        (mm, haddr): (MmId, Vaddr),
        before: Handle,
        hpage: FolioId,
        is_khugepaged: bool,
    ) -> ScanResult {
        let s = &self.steps.anon;
        (s.mmap_lock)(cpu, self, mm);
        let result = match (s.revalidate)(cpu, self, (mm, haddr), before, is_khugepaged) {
            Err(result) => result,
            Ok((vma, generation)) => {
                self.vma_assert_generation(cpu, vma, generation);
                let (pmd, pte) = (Pmd::NONE, PteMap { table: TableId(0) });
                let (ptl, compound) = (None, Vec::new());
                let mut c =
                    CollapseHuge { mm, haddr, vma, is_khugepaged, hpage, pmd, pte, ptl, compound };
                self.collapse_locked(cpu, &mut c)
            }
        };
        (s.mmap_unlock)(cpu, self, mm);
        result
    }

    fn collapse_locked(&self, cpu: &Cpu<'_>, c: &mut CollapseHuge) -> ScanResult {
        let s = &self.steps.anon;
        match (s.check_pmd)(cpu, self, c) {
            ScanResult::Succeed => {}
            result => return result,
        }
        (s.start_write)(cpu, self, c.vma);
        match (s.check_pmd_late)(cpu, self, c) {
            ScanResult::Succeed => {}
            result => return result,
        }
        let result = self.detach_and_isolate(cpu, c);
        if result != ScanResult::Succeed {
            return result;
        }
        let result = self.collapse_huge_page_copy(cpu, c);
        self.pte_unmap(cpu);
        if result == ScanResult::Succeed {
            self.install_anon_hpage(cpu, c);
        }
        result
    }

    /// Unlinks the table, and makes all of its pages the collapse's own. The RCU section of the map stays open if that
    /// succeeds; otherwise all is as it was.
    fn detach_and_isolate(&self, cpu: &Cpu<'_>, c: &mut CollapseHuge) -> ScanResult {
        let s = &self.steps.anon;
        // rmap walks come by this lock, and would take the range for empty.
        (s.anon_vma_lock)(cpu, self, c);
        (s.notify_start)(cpu, self, c);
        (s.lock_pml)(cpu, self, c);
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(c.mm)));
        // After this GUP-fast cannot get at the pages any longer, and no CPU translates by the table.
        c.pmd = self.pmdp_collapse_flush_and_keep(cpu, c.mm, c.haddr);
        (s.unlock_pml)(cpu, self, c);
        cpu.pass(ip::ch4);
        (s.notify_end)(cpu, self, c);
        // Whoever is in the table with interrupts off is waited for.
        (s.sync_one)(cpu, self);
        cpu.pass(ip::ch5);
        let mapped = self.map_detached(cpu, c);
        let mut result = ScanResult::PmdNull;
        if let Some(ptl) = mapped {
            (s.unlock_anon_vma_early)(cpu, self, c);
            result = self.collapse_huge_page_isolate(cpu, c);
            self.lock(ptl).unlock(cpu);
        }
        if result != ScanResult::Succeed {
            if mapped.is_some() {
                self.pte_unmap(cpu);
            }
            (s.restore_pmd)(cpu, self, c);
        }
        // From here on the locks of the pages keep rmap away.
        (s.anon_vma_unlock)(cpu, self, c);
        result
    }

    /// `pte_offset_map_lock(mm, &_pmd, ...)`: the entry is a copy on the stack, and so does not change.
    fn map_detached(&self, cpu: &Cpu<'_>, c: &mut CollapseHuge) -> Option<Lockptr> {
        (self.steps.pte_map_rcu_lock)(cpu);
        if !c.pmd.is_table() {
            (self.steps.pte_map_rcu_unlock)(cpu);
            return None;
        }
        c.pte = PteMap { table: self.pgtable(cpu, c.pmd) };
        let ptl = self.pte_lockptr(cpu, c.mm, c.pmd);
        c.ptl = Some(ptl);
        self.lock(ptl).lock(cpu);
        Some(ptl)
    }

    /// The huge page takes the place of the table, which is deposited for the day when the huge page is split.
    fn install_anon_hpage(&self, cpu: &Cpu<'_>, c: &CollapseHuge) {
        self.folio(c.hpage).flags.poke_bits(flags::UPTODATE, 0);
        let prot = self.vma(c.vma).spec().page_prot();
        let entry = prot.mk_huge_pmd(self.folios.head(c.hpage), false).mkdirty();
        let entry = self.maybe_pmd_mkwrite(entry, c.vma);
        let pml = self.pmd_lock(cpu, c.mm);
        let none = Pmd(self.pmdp(c.mm, c.haddr).read_once(cpu)).is_none();
        cpu.vm_bug_on(
            !none,
            "collapse_huge_page() finds something in the entry that it has emptied",
        );
        self.folio_add_new_anon_rmap(cpu, c.hpage, c.vma, c.haddr);
        self.folio_add_lru(cpu, c.hpage);
        (self.steps.anon.deposit)(cpu, self, c);
        self.set_pmd_at(cpu, c.mm, c.haddr, entry);
        self.lock(pml).unlock(cpu);
        cpu.pass(ip::ch7);
    }
}

/// `pgtable_trans_huge_deposit`, of the table that the huge page replaces. pml is held.
pub fn deposit(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    k.pgtable_trans_huge_deposit(cpu, c.mm, c.pte.table);
}
