//! The primitives that change a PTE (kernel-semantics section 3.6): each is one action on the entry, with or
//! without page_table_check's hook, and leaves the debts that the counters now have.

use super::map::{Lockptr, PteMap};
use super::table::{PteTable, TableState};
use crate::mm::class::Class;
use crate::mm::kernel::{Kernel, Ptlock};
use crate::mm::types::{MmId, Pte, Rss, Vaddr};
use crate::sync::{Cpu, Splat, What};

/// Which rss counter an entry is counted by, if any (Q1 to Q3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RssDebt(pub Option<Rss>);

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
        let old = self.replace(cpu, mm, pte, addr, new);
        self.page_table_check_pte_set(cpu, old, new);
    }

    /// `pte_clear`: stores an empty entry. **No hook**: right only for entries that the checker does not count.
    pub fn pte_clear(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr) -> Pte {
        self.replace(cpu, mm, pte, addr, Pte::NONE)
    }

    /// `ptep_get_and_clear`, also known as `ptep_clear`: exchanges the entry for an empty one, with the hook.
    pub fn ptep_get_and_clear(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr) -> Pte {
        let old = self.replace(cpu, mm, pte, addr, Pte::NONE);
        self.page_table_check_pte_clear(cpu, old);
        old
    }

    /// `ptep_clear_flush`: clears the entry, and flushes it if the hardware could reach it.
    pub fn ptep_clear_flush(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr) -> Pte {
        let old = self.ptep_get_and_clear(cpu, mm, pte, addr);
        if old.is_present() {
            self.flush_tlb_page(cpu, mm, addr);
        }
        old
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
        self.replace(cpu, mm, pte, addr, new);
    }

    /// The one place where an entry changes its value.
    fn replace(&self, cpu: &Cpu<'_>, mm: MmId, pte: PteMap, addr: Vaddr, new: Pte) -> Pte {
        let table = self.tables.get(pte.table);
        let old = Pte(table.entry(addr.0).xchg(cpu, new.0));
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
            TableState::Detached if !new.is_none() => {
                cpu.splat(Splat::WriteToDetachedTable(table.obj()))
            }
            _ => {}
        }
    }

    /// What the counters owe for a transition of an entry of a linked table.
    pub(super) fn entry_changed(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, old: Pte, new: Pte) {
        let same_page = old.is_present() && new.is_present() && old.pfn() == new.pfn();
        if same_page {
            if old.is_write() && !new.is_write() {
                cpu.note(What::Downgrade { mm: mm.0, start: addr.0, pages: 1 });
            }
            return;
        }
        self.owe_for(cpu, mm, old, -1);
        self.owe_for(cpu, mm, new, 1);
        if old.is_present() {
            cpu.note(What::Downgrade { mm: mm.0, start: addr.0, pages: 1 });
        }
        if new.is_present() {
            cpu.note(What::Establish { mm: mm.0, start: addr.0, pfn: new.pfn().0, pages: 1 });
        }
    }

    /// Owes each counter its share of an entry that came (`1`) or went (`-1`).
    fn owe_for(&self, cpu: &Cpu<'_>, mm: MmId, entry: Pte, delta: i64) {
        if entry.is_none() {
            return;
        }
        if let RssDebt(Some(which)) = self.rss_of(entry) {
            cpu.debts.owe(self.mm(mm).rss_obj(which), delta);
        }
        if let Some(slot) = entry.swap_slot() {
            cpu.debts.owe(Class::SwapCount.obj(u32::from(slot.0)), delta);
        }
        if entry.is_present() && self.folios.is_valid(entry.pfn()) {
            let folio = self.folios.of(entry.pfn());
            if !entry.is_special() {
                cpu.debts.owe(Class::Mapcount.obj(entry.pfn().0), delta);
                cpu.debts.owe(Class::Refcount.obj(folio.0), delta);
            }
            if self.config.page_table_check {
                cpu.debts.owe(Class::Ptc.obj(folio.0), delta);
            }
        }
    }

    /// Which rss counter counts the entry: the zero page counts nowhere, a migration entry as its page.
    pub fn rss_of(&self, entry: Pte) -> RssDebt {
        let which = if entry.swap_slot().is_some() {
            Some(Rss::Swap)
        } else if (entry.is_present() && !entry.is_special()) || entry.is_migration() {
            self.folios.is_valid(entry.pfn()).then(|| self.mm_counter(self.folios.of(entry.pfn())))
        } else {
            None
        };
        RssDebt(which)
    }
}
