//! The primitives that change a PTE (kernel-semantics section 3.6): each is one action on the entry, with or
//! without page_table_check's hook, and leaves the debts that the counters now have.

use super::map::{Lockptr, PteMap};
use super::table::{PteTable, TableState};
use crate::mm::kernel::{Kernel, Ptlock};
use crate::mm::types::{MmId, Pte, Vaddr};
use crate::sync::{Cpu, Splat, Word};

impl Kernel {
    /// `ptep_get`: reads an entry.
    #[inline]
    pub fn ptep_get(&self, cpu: &Cpu<'_>, pte: PteMap, addr: Vaddr) -> Pte {
        let table = self.tables.get(pte.table);
        let value = table.entry(addr.0).read_once(cpu);
        if table.state() == TableState::Free {
            cpu.splat(Splat::TableUseAfterFree(table.obj()));
        }
        Pte(value)
    }

    /// `set_pte_at`, with the checker's hook.
    pub fn set_pte_at(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr, new: Pte) {
        let old = self.replace(cpu, mm, pte, addr, new, Kernel::native_set_pte);
        self.page_table_check_pte_set(cpu, old, new);
    }

    /// `pte_clear`: stores an empty entry. **No hook**: right only for entries that the checker does not count.
    pub fn pte_clear(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr) -> Pte {
        let clear = |k: &Kernel, cpu: &Cpu<'_>, word: &Word, _| Pte(k.native_clear(cpu, word));
        self.replace(cpu, mm, pte, addr, Pte::NONE, clear)
    }

    /// `ptep_get_and_clear`, also known as `ptep_clear`: exchanges the entry for an empty one, with the hook.
    pub fn ptep_get_and_clear(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr) -> Pte {
        let xchg = |_: &Kernel, cpu: &Cpu<'_>, word: &Word, new: Pte| Pte(word.xchg(cpu, new.0));
        let old = self.replace(cpu, mm, pte, addr, Pte::NONE, xchg);
        self.page_table_check_pte_clear(cpu, old);
        old
    }

    /// `ptep_clear_flush`: clears the entry, and flushes it if the hardware could reach it.
    pub fn ptep_clear_flush(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr) -> Pte {
        let old = self.ptep_get_and_clear(cpu, mm, pte, addr);
        if self.pte_accessible(cpu, mm, old) {
            self.flush_tlb_page(cpu, mm, addr);
        }
        old
    }

    /// `pte_accessible`: whether a CPU may have the entry in its TLB. One that was made inaccessible a moment ago may be
    /// there too, as long as somebody is still to flush.
    pub fn pte_accessible(&self, cpu: &Cpu<'_>, mm: MmId, entry: Pte) -> bool {
        entry.is_user_accessible()
            || entry.is_protnone() && (self.steps.moves.accessible_pending)(cpu, self, mm)
    }

    /// `ptep_set_access_flags`: stores an entry that permits more than the present one. No hook on x86.
    pub fn ptep_set_access_flags(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        pte: PteMap,
        addr: Vaddr,
        new: Pte,
    ) {
        self.replace(cpu, mm, pte, addr, new, Kernel::native_set_pte);
    }

    /// `ptep_set_wrprotect`: takes the permission to write away in one atomic action. No hook. Returns the old entry.
    pub fn ptep_set_wrprotect(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr) -> Pte {
        let table = self.tables.get(pte.table);
        let old = Pte(table.entry(addr.0).change_bits(cpu, 0, Pte::WRITE_BIT));
        if table.state() == TableState::Linked {
            self.entry_changed(cpu, mm, addr, old, old.wrprotect());
        }
        old
    }

    /// `ptep_test_and_clear_young`: whether the hardware has used the entry since the last time. One atomic action.
    pub fn ptep_test_and_clear_young(&self, cpu: &Cpu<'_>, pte: PteMap, addr: Vaddr) -> bool {
        let word = self.tables.get(pte.table).entry(addr.0);
        Pte(word.change_bits(cpu, 0, Pte::ACCESSED_BIT)).is_young()
    }

    /// The one place where an entry changes its value, by a store that returns what was there.
    fn replace(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        pte: PteMap,
        addr: Vaddr,
        new: Pte,
        store: impl Fn(&Kernel, &Cpu<'_>, &Word, Pte) -> Pte,
    ) -> Pte {
        let table = self.tables.get(pte.table);
        let old = store(self, cpu, table.entry(addr.0), new);
        self.check_writable(cpu, table, new);
        if table.state() == TableState::Linked {
            cpu.assert_held(self.lock_obj(self.ptl_of(mm, pte)));
            self.entry_changed(cpu, mm, addr, old, new);
        }
        old
    }

    /// The lock under which the entries of a mapped table change.
    fn ptl_of(&self, mm: MmId, pte: PteMap) -> Lockptr {
        match self.config.ptlock {
            Ptlock::Split => Lockptr::PteTable(pte.table),
            Ptlock::None => Lockptr::Mm(mm),
        }
    }

    fn check_writable(&self, cpu: &Cpu<'_>, table: &PteTable, new: Pte) {
        match table.state() {
            TableState::Free => cpu.splat(Splat::TableUseAfterFree(table.obj())),
            TableState::Detached | TableState::Deposited if !new.is_none() => {
                cpu.splat(Splat::WriteToDetachedTable(table.obj()))
            }
            _ => {}
        }
    }
}
