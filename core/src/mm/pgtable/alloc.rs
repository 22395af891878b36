//! How a PTE table comes and goes: allocated, installed, deferred, freed (kernel-semantics section 3.5).

use super::table::{PteTable, TableState};
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{MmId, Pmd, Pte, TableId, Vaddr};
use crate::sync::{Cpu, Splat, What};

impl Kernel {
    /// `pte_alloc_one`: an empty table that only the caller knows. May sleep. `None`: out of memory.
    pub fn pte_alloc_one(&self, cpu: &Cpu<'_>) -> Option<TableId> {
        cpu.might_sleep();
        let table = self.tables.take()?;
        cpu.note(What::Alloc(table.obj()));
        Some(table.id)
    }

    /// `pmd_install`: links the table unless somebody else was faster; returns it if it was not used.
    pub fn pmd_install(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        table: TableId,
    ) -> Option<TableId> {
        let _f = cpu.enter(func::pmd_install);
        let pml = self.pmd_lock(cpu, mm);
        let pmdp = self.pmdp(mm, addr);
        let unused = if Pmd(pmdp.read_once(cpu)).is_none() {
            self.mm(mm).inc_nr_ptes(cpu);
            self.pmd_populate(cpu, mm, addr, table);
            None
        } else {
            Some(table)
        };
        self.lock(pml).unlock(cpu);
        unused
    }

    /// `pmd_populate`: stores an entry that links the table.
    pub fn pmd_populate(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, table: TableId) {
        self.pmdp(mm, addr).write_once(cpu, Pmd::table(table).0);
        let table = self.tables.get(table);
        if table.set_state(TableState::Linked) != TableState::Private {
            cpu.splat(Splat::TableLinkage(table.obj()));
        }
        cpu.debts.owe(self.mm(mm).nr_ptes.obj(), 1);
    }

    /// `__pte_alloc`: makes sure that there is a table, or something else. `false`: out of memory.
    pub fn pte_alloc(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> bool {
        let _f = cpu.enter(func::pte_alloc);
        if !Pmd(self.pmdp(mm, addr).read_once(cpu)).is_none() {
            return true;
        }
        let Some(table) = self.pte_alloc_one(cpu) else { return false };
        if let Some(unused) = self.pmd_install(cpu, mm, addr, table) {
            self.pte_free_now(cpu, unused);
        }
        true
    }

    /// Leaves an empty page table behind at `addr`, as a fault and a later MADV_DONTNEED do.
    pub fn pte_alloc_under_mmap_lock(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        if self.vma_lookup(cpu, mm, addr).is_some() {
            self.pte_alloc(cpu, mm, addr);
        }
        mmap_lock.up_read(cpu);
    }

    /// The table of the entry is linked no longer: what was in it is owed by whoever unlinked it.
    pub(super) fn table_unlinked(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, table: &PteTable) {
        cpu.debts.owe(self.mm(mm).nr_ptes.obj(), -1);
        cpu.note(What::Unlink { table: table.obj(), pmd: self.pmdp(mm, haddr).obj() });
        for i in 0..self.hpn {
            let entry = Pte(table.entry(i).peek());
            if !entry.is_none() {
                self.entry_changed(cpu, mm, Vaddr(haddr.0 + i), entry, Pte::NONE);
            }
        }
        if table.set_state(TableState::Detached) != TableState::Linked {
            cpu.splat(Splat::TableLinkage(table.obj()));
        }
    }

    /// `pte_free_defer`: frees the table after a grace period.
    pub fn pte_free_defer(&self, cpu: &Cpu<'_>, table: TableId) {
        let _f = cpu.enter(func::pte_free_defer);
        cpu.step(0, 0);
        cpu.call_rcu(u32::from(table.0));
    }

    /// `pte_free`: frees the table at once.
    pub fn pte_free(&self, cpu: &Cpu<'_>, table: TableId) {
        let _f = cpu.enter(func::pte_free);
        cpu.step(0, 0);
        self.pte_free_now(cpu, table);
    }

    /// The table is free memory from here on.
    pub fn pte_free_now(&self, cpu: &Cpu<'_>, table: TableId) {
        let table = self.tables.get(table);
        match table.set_state(TableState::Free) {
            TableState::Free => cpu.splat(Splat::TableUseAfterFree(table.obj())),
            TableState::Linked => cpu.splat(Splat::TableLinkage(table.obj())),
            TableState::Private | TableState::Detached => {}
        }
        if !table.ptl.is_free() {
            cpu.splat(Splat::VmBug("a page table is freed while its lock is held"));
        }
        table.scrub();
        table.generation.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        cpu.note(What::Free(table.obj()));
    }
}
