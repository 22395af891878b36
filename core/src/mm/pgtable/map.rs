//! The `pte_offset_map` family: from a PMD entry to a table that cannot vanish (kernel-semantics section 3.4).

use super::table::TableState;
use crate::mm::kernel::{Kernel, Ptlock};
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pmd, TableId, Vaddr};
use crate::sync::{Cpu, Obj, Spinlock, Splat, Word};

/// A PTE table that is mapped: an RCU read section is open until `pte_unmap`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PteMap {
    /// The table.
    pub table: TableId,
}

/// Which lock protects a table: `ptl != pml` is a comparison of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lockptr {
    /// `mm->page_table_lock`.
    Mm(MmId),
    /// The lock of the PMD table of an mm.
    PmdTable(MmId),
    /// The lock of a PTE table.
    PteTable(TableId),
}

impl Kernel {
    /// The lock itself.
    #[inline]
    pub fn lock(&self, lockptr: Lockptr) -> &Spinlock {
        match lockptr {
            Lockptr::Mm(mm) => &self.mm(mm).page_table_lock,
            Lockptr::PmdTable(mm) => &self.mm(mm).pml,
            Lockptr::PteTable(table) => &self.tables.get(table).ptl,
        }
    }

    /// What the lock is known as.
    pub fn lock_obj(&self, lockptr: Lockptr) -> Obj {
        self.lock(lockptr).obj()
    }

    /// `pmd_lockptr`.
    #[inline]
    pub fn pmd_lockptr(&self, mm: MmId) -> Lockptr {
        match self.config.ptlock {
            Ptlock::Split => Lockptr::PmdTable(mm),
            Ptlock::None => Lockptr::Mm(mm),
        }
    }

    /// `pte_lockptr`: the lock of the table that `pmd` names. The value must be known to be a table.
    #[inline]
    pub fn pte_lockptr(&self, cpu: &Cpu<'_>, mm: MmId, pmd: Pmd) -> Lockptr {
        match self.config.ptlock {
            Ptlock::Split => Lockptr::PteTable(self.pgtable(cpu, pmd)),
            Ptlock::None => Lockptr::Mm(mm),
        }
    }

    /// The lock of a table that is known, for somebody who only looks.
    pub fn peek_pte_lockptr(&self, mm: MmId, table: TableId) -> Lockptr {
        match self.config.ptlock {
            Ptlock::Split => Lockptr::PteTable(table),
            Ptlock::None => Lockptr::Mm(mm),
        }
    }

    /// `pmd_pgtable`, and a complaint if there is no such table.
    pub fn pgtable(&self, cpu: &Cpu<'_>, pmd: Pmd) -> TableId {
        match pmd.pgtable().filter(|&table| self.tables.is_valid(table)) {
            Some(table) => table,
            None => {
                cpu.splat(Splat::BogusTable(crate::mm::class::Class::Table.obj(0)));
                TableId(0)
            }
        }
    }

    /// `pmd_lock`: takes pml.
    pub fn pmd_lock(&self, cpu: &Cpu<'_>, mm: MmId) -> Lockptr {
        let pml = self.pmd_lockptr(mm);
        self.lock(pml).lock(cpu);
        pml
    }

    /// `__pte_offset_map`: opens an RCU read section and reads the PMD entry once. `None`: no table there.
    pub fn __pte_offset_map(&self, cpu: &Cpu<'_>, pmdp: &Word) -> Option<(PteMap, Pmd)> {
        (self.steps.pte_map_rcu_lock)(cpu);
        let pmd = self.pmdp_get_to_walk(cpu, pmdp);
        if pmd.is_bad() {
            self.pmd_clear_bad(cpu, pmdp);
        }
        if !pmd.is_table() || pmd.is_bad() {
            (self.steps.pte_map_rcu_unlock)(cpu);
            return None;
        }
        let Some(pmd) = (self.steps.nofail.walk)(cpu, self, pmdp, pmd) else {
            (self.steps.pte_map_rcu_unlock)(cpu);
            return None;
        };
        Some((PteMap { table: self.pgtable(cpu, pmd) }, pmd))
    }

    /// `pmd_clear_bad`: an entry that nobody can have stored is reported, and gone.
    #[cold]
    pub fn pmd_clear_bad(&self, cpu: &Cpu<'_>, pmdp: &Word) {
        cpu.splat(Splat::BogusTable(pmdp.obj()));
        pmdp.write_once(cpu, 0);
    }

    /// `pte_offset_map_nolock`: the table and its lock, not taken, from one reading of the PMD entry.
    pub fn pte_offset_map_nolock(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
    ) -> Option<(PteMap, Lockptr)> {
        let _f = cpu.enter(func::pte_offset_map_nolock);
        let (pte, pmd) = self.__pte_offset_map(cpu, self.pmdp(mm, addr))?;
        Some((pte, self.pte_lockptr(cpu, mm, pmd)))
    }

    /// `pte_offset_map_lock`: the table, locked, and still linked.
    ///
    /// Between the reading and the locking a collapse may unlink the table, so the PMD entry is read again.
    pub fn pte_offset_map_lock(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
    ) -> Option<(PteMap, Lockptr)> {
        let _f = cpu.enter(func::pte_offset_map_lock);
        let pmdp = self.pmdp(mm, addr);
        loop {
            let (pte, pmd) = self.__pte_offset_map(cpu, pmdp)?;
            cpu.pass(ip::pom1);
            let ptl = self.pte_lockptr(cpu, mm, pmd);
            self.lock(ptl).lock(cpu);
            if self.tables.get(pte.table).state() == TableState::Free {
                cpu.splat(Splat::TableUseAfterFree(self.tables.get(pte.table).obj()));
            }
            cpu.pass(ip::pom2);
            if (self.steps.pte_map_recheck)(cpu, self, pmdp, pmd) {
                return Some((pte, ptl));
            }
            self.lock(ptl).unlock(cpu);
            self.pte_unmap(cpu);
            cpu.pass(ip::pom3);
        }
    }

    /// `pte_unmap`: closes the RCU read section of the map.
    pub fn pte_unmap(&self, cpu: &Cpu<'_>) {
        (self.steps.pte_map_rcu_unlock)(cpu);
    }

    /// `pte_unmap_unlock`.
    pub fn pte_unmap_unlock(&self, cpu: &Cpu<'_>, ptl: Lockptr) {
        self.lock(ptl).unlock(cpu);
        self.pte_unmap(cpu);
    }
}
