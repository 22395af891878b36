//! The primitives that change a PMD entry (kernel-semantics section 3.6).

use crate::mm::class::Class;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pfn, Pmd, Vaddr};
use crate::sync::{Cpu, What};

impl Kernel {
    /// `pmdp_get_lockless`: one load on 64 bits.
    #[inline]
    pub fn pmdp_get_lockless(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Pmd {
        Pmd(self.pmdp(mm, addr).read_once(cpu))
    }

    /// `set_pmd_at`: stores a huge entry over an empty one, with the checker's hook.
    pub fn set_pmd_at(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, new: Pmd) {
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let old = Pmd(self.pmdp(mm, haddr).xchg(cpu, new.0));
        if old.is_table() {
            let table = self.pgtable(cpu, old);
            self.table_unlinked(cpu, mm, haddr, self.tables.get(table));
        }
        // The checker pays before the debt is made: an older debt of the CPU to the same page keeps its place.
        self.page_table_check_pmd_set(cpu, old, new);
        self.owe_for_pmd(cpu, mm, old, -1);
        self.owe_for_pmd(cpu, mm, new, 1);
        cpu.note(What::Establish { mm: mm.0, start: haddr.0, pfn: new.pfn().0, pages: self.hpn });
    }

    /// `pmdp_huge_get_and_clear`.
    pub fn pmdp_huge_get_and_clear(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let old = Pmd(self.pmdp(mm, haddr).xchg(cpu, 0));
        self.owe_for_pmd(cpu, mm, old, -1);
        self.page_table_check_pmd_clear(cpu, old);
        if old.is_trans_huge() {
            cpu.note(What::Downgrade { mm: mm.0, start: haddr.0, pages: self.hpn });
        }
        old
    }

    /// `pmdp_huge_clear_flush`.
    pub fn pmdp_huge_clear_flush(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        let old = self.pmdp_huge_get_and_clear(cpu, mm, haddr);
        self.flush_tlb_range(cpu, mm, haddr, self.hpn);
        old
    }

    /// `pmdp_collapse_flush`: unlinks a table and flushes what was cached of it.
    ///
    /// Between the two, other CPUs may still translate through the table that is gone.
    pub fn pmdp_collapse_flush(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        let _f = cpu.enter(func::pmdp_collapse_flush);
        let old = self.pmdp_unlink(cpu, mm, haddr);
        cpu.pass(ip::pcf);
        (self.steps.collapse_flush)(cpu, self, mm, haddr);
        old
    }

    /// The first half of it: Table -> None in one exchange.
    pub fn pmdp_unlink(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr) -> Pmd {
        let old = Pmd(self.pmdp(mm, haddr).xchg(cpu, 0));
        cpu.vm_bug_on(old.is_trans_huge(), "pmdp_collapse_flush() of a huge PMD");
        if old.is_table() {
            let table = self.pgtable(cpu, old);
            self.table_unlinked(cpu, mm, haddr, self.tables.get(table));
        }
        old
    }

    /// What the counters owe for a huge entry that came or went.
    fn owe_for_pmd(&self, cpu: &Cpu<'_>, mm: MmId, entry: Pmd, delta: i64) {
        if !entry.is_trans_huge() || !self.folios.is_valid(entry.pfn()) {
            return;
        }
        let folio = self.folios.of(entry.pfn());
        let pages = i64::from(self.hpn) * delta;
        cpu.debts.owe(self.mm(mm).rss_obj(self.mm_counter(folio)), pages);
        cpu.debts.owe(Class::EntireMapcount.obj(folio.0), delta);
        cpu.debts.owe(Class::Refcount.obj(folio.0), delta);
        if self.config.page_table_check {
            cpu.debts.owe(Class::Ptc.obj(folio.0), pages);
        }
    }

    /// `mk_huge_pmd`, and its head page.
    pub fn mk_huge_pmd(&self, pfn: Pfn, write: bool) -> Pmd {
        Pmd::huge(pfn, write)
    }
}
