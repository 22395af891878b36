//! How a PTE table comes and goes: allocated, installed, deferred, freed (kernel-semantics section 3.5).

use super::table::{PteTable, TableState};
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pmd, Pte, TableId, Vaddr};
use crate::sync::{Cpu, Splat, What};

impl Kernel {
    /// `pte_alloc_one`: an empty table that only the caller knows. May sleep. `None`: out of memory.
    pub fn pte_alloc_one(&self, cpu: &Cpu<'_>) -> Option<TableId> {
        cpu.might_sleep();
        if self.should_fail_alloc(cpu) {
            return None;
        }
        let table = self.tables.take(self.config.reuse)?;
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
        cpu.pass(ip::pmi_unlocked);
        let pml = self.pmd_lock(cpu, mm);
        let pmdp = self.pmdp(mm, addr);
        let unused = if Pmd(pmdp.read_once(cpu)).is_none() {
            self.mm(mm).inc_nr_ptes(cpu);
            cpu.pass(ip::pmi_counted);
            self.pmd_populate(cpu, mm, addr, table);
            cpu.pass(ip::pmi_stored);
            None
        } else {
            Some(table)
        };
        self.lock(pml).unlock(cpu);
        unused
    }

    /// `pmd_populate`: stores an entry that links the table, with whatever is in it.
    ///
    /// Over an empty entry, or at the end of a split over the invalid huge one.
    pub fn pmd_populate(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, table: TableId) {
        let old = Pmd(self.pmdp(mm, addr).xchg(cpu, Pmd::table(table).0));
        self.remember_link(self.pmdp(mm, addr), table);
        let table = self.tables.get(table);
        let before = table.set_state(TableState::Linked);
        if !matches!(before, TableState::Private | TableState::DetachedLinkedByStack) {
            cpu.splat(Splat::TableLinkage(table.obj()));
        }
        cpu.note(What::Link { table: table.obj(), pmd: self.pmdp(mm, addr).obj() });
        if old.is_table() {
            let lost = self.pgtable(cpu, old);
            self.table_unlinked(cpu, mm, addr, self.tables.get(lost), TableState::Detached);
        }
        self.pmd_changed(cpu, mm, self.haddr(addr), old, Pmd::NONE);
        cpu.debts.owe(self.mm(mm).nr_ptes.obj(), 1);
        self.entries_linked(cpu, mm, addr, table, true);
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
    pub(super) fn table_unlinked(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        table: &PteTable,
        to: TableState,
    ) {
        cpu.debts.owe(self.mm(mm).nr_ptes.obj(), -1);
        if to == TableState::Detached {
            cpu.note(What::Unlink { table: table.obj(), pmd: self.pmdp(mm, addr).obj() });
        }
        self.entries_linked(cpu, mm, addr, table, false);
        if table.set_state(to) != TableState::Linked {
            cpu.splat(Splat::TableLinkage(table.obj()));
        }
    }

    /// All entries of a table come into an address space at once, or leave it.
    fn entries_linked(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, table: &PteTable, come: bool) {
        let haddr = self.haddr(addr);
        for i in 0..self.hpn {
            let entry = Pte(table.entry(i).peek());
            if entry.is_none() {
                continue;
            }
            let (old, new) = if come { (Pte::NONE, entry) } else { (entry, Pte::NONE) };
            self.entry_changed(cpu, mm, Vaddr(haddr.0 + i), old, new);
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
            TableState::Linked | TableState::Deposited => {
                cpu.splat(Splat::TableLinkage(table.obj()))
            }
            TableState::Private | TableState::Detached | TableState::DetachedLinkedByStack => {}
        }
        if !table.ptl.is_free() {
            cpu.splat(Splat::VmBug("a page table is freed while its lock is held"));
        }
        table.scrub();
        table.generation.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.tables.give_back(table.id);
        cpu.note(What::Free(table.obj()));
    }
}
