//! The primitives that change a PMD entry (kernel-semantics section 3.6).

use super::table::TableState;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pmd, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `set_pmd_at`: stores a leaf, with the checker's hook. pml is held.
    pub fn set_pmd_at(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, new: Pmd) {
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let old = self.pmdp_xchg(cpu, mm, haddr, new, TableState::Detached);
        self.pmd_replaced(cpu, mm, haddr, old, new);
    }

    /// `pmdp_huge_get_and_clear`. pml is held.
    pub fn pmdp_huge_get_and_clear(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let old = self.pmdp_xchg(cpu, mm, haddr, Pmd::NONE, TableState::Detached);
        self.pmd_replaced(cpu, mm, haddr, old, Pmd::NONE);
        old
    }

    /// `pmdp_huge_clear_flush`.
    pub fn pmdp_huge_clear_flush(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        let old = self.pmdp_huge_get_and_clear(cpu, mm, haddr);
        self.flush_tlb_range(cpu, mm, haddr, self.hpn);
        old
    }

    /// `pmdp_invalidate`: the entry stays huge for software, is gone for the hardware, and is flushed. Returns what it
    /// was, with all that the hardware had written into it. pml is held.
    ///
    /// v6.6 calls it for migration entries too, which stay what they are.
    pub fn pmdp_invalidate(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let now = Pmd(self.pmdp(mm, haddr).read_once(cpu));
        let old = self.pmdp_establish(cpu, mm, haddr, now.mkinvalid());
        self.flush_tlb_range(cpu, mm, haddr, self.hpn);
        old
    }

    /// `pmdp_establish`: exchanges one huge entry for another, with the checker's hook. pml is held.
    pub fn pmdp_establish(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, new: Pmd) -> Pmd {
        let old = self.native_pmdp_establish(cpu, self.pmdp(mm, haddr), new);
        self.pmd_replaced(cpu, mm, haddr, old, new);
        old
    }

    /// `pmdp_set_wrprotect`: takes the permission to write away in one atomic action. No hook. Returns the old entry.
    pub fn pmdp_set_wrprotect(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        let old = Pmd(self.pmdp(mm, haddr).change_bits(cpu, 0, Pmd::WRITE_BIT));
        self.pmd_changed(cpu, mm, haddr, old, old.wrprotect());
        old
    }

    /// `pmdp_set_access_flags`: stores an entry that permits more, or knows more, than the present one. No hook.
    /// pml is held.
    pub fn pmdp_set_access_flags(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, new: Pmd) {
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let pmdp = self.pmdp(mm, haddr);
        if pmdp.read_once(cpu) != new.0 && new.is_dirty() {
            let old = Pmd(pmdp.xchg(cpu, new.0));
            self.pmd_changed(cpu, mm, haddr, old, new);
        }
    }

    /// `pmdp_collapse_flush`: unlinks a table and flushes what was cached of it.
    ///
    /// Between the two, other CPUs may still translate through the table that is gone.
    pub fn pmdp_collapse_flush(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        self.pmdp_collapse_flush_to(cpu, mm, haddr, TableState::Detached)
    }

    /// The same by a collapse of anonymous memory, which keeps the table and its entries under the value that is
    /// returned, and links or deposits it in the end.
    pub fn pmdp_collapse_flush_and_keep(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        self.pmdp_collapse_flush_to(cpu, mm, haddr, TableState::DetachedLinkedByStack)
    }

    fn pmdp_collapse_flush_to(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, to: TableState) -> Pmd {
        let _f = cpu.enter(func::pmdp_collapse_flush);
        let old = self.pmdp_unlink(cpu, mm, haddr, to);
        cpu.pass(ip::pcf);
        (self.steps.collapse_flush)(cpu, self, mm, haddr);
        old
    }

    /// `pmdp_get_lockless_sync`: after a table was unlinked, and before pml is dropped. On PAE machines whoever reads
    /// the entry in halves is waited for.
    pub fn pmdp_get_lockless_sync(&self, cpu: &Cpu<'_>) {
        (self.steps.pmd_sync)(cpu, self);
    }

    /// The first half of it: Table -> None in one exchange.
    pub fn pmdp_unlink(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, to: TableState) -> Pmd {
        let old = self.pmdp_xchg(cpu, mm, haddr, Pmd::NONE, to);
        cpu.vm_bug_on(old.is_trans_huge(), "pmdp_collapse_flush() of a huge PMD");
        self.pmd_changed(cpu, mm, haddr, old, Pmd::NONE);
        old
    }

    /// `pmd_clear` of an entry that links a table: `to` is what becomes of the table.
    pub fn pmd_clear(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, to: TableState) -> Pmd {
        let old = Pmd(self.native_clear(cpu, self.pmdp(mm, addr)));
        self.pmd_unlinked(cpu, mm, addr, old, to);
        self.pmd_changed(cpu, mm, self.haddr(addr), old, Pmd::NONE);
        old
    }

    /// Exchanges the entry in one action, on PAE machines too. A table that it linked is unlinked, with what is in it.
    fn pmdp_xchg(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, new: Pmd, to: TableState) -> Pmd {
        let old = Pmd(self.pmdp(mm, addr).xchg(cpu, new.0));
        self.pmd_unlinked(cpu, mm, addr, old, to);
        old
    }

    fn pmd_unlinked(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, old: Pmd, to: TableState) {
        if old.is_table() {
            let table = self.pgtable(cpu, old);
            self.table_unlinked(cpu, mm, addr, self.tables.get(table), to);
        }
    }

    /// The hook, and the debts. The checker pays before the debt is made: an older debt of the CPU to the same page
    /// keeps its place.
    fn pmd_replaced(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, old: Pmd, new: Pmd) {
        self.page_table_check_pmd_set(cpu, old, new);
        self.pmd_changed(cpu, mm, haddr, old, new);
    }
}
