//! `move_normal_pmd`: a whole page table goes to another address (kernel-semantics section 11.8).

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::TableState;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `move_normal_pmd` from one whole unit to another. `false`: entry by entry then.
    ///
    /// v6.6 takes whatever is in the entry for a table. It was one when the way was chosen; since then nobody but the
    /// holder of mmap_lock could change that, until retract_page_tables() came to do without mmap_lock.
    pub(super) fn move_normal_pmd(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        from: Vaddr,
        to: Vaddr,
    ) -> bool {
        let _f = cpu.enter(func::move_normal_pmd);
        let mm = self.vma(vma).spec().mm;
        // What was mapped there was unmapped, and its tables freed.
        let empty = Pmd(self.pmdp(mm, to).read_once(cpu)).is_none();
        cpu.vm_bug_on(!empty, "move_normal_pmd() to a PMD entry that is not empty");
        if !empty {
            return false;
        }
        // Both entries are in the one PMD table of the mm, under one lock.
        let pml = self.pmd_lock(cpu, mm);
        let pmd = Pmd(self.pmdp(mm, from).read_once(cpu));
        let is_table = (self.steps.moves.normal_recheck)(pmd);
        if is_table {
            self.pmd_clear(cpu, mm, from, TableState::DetachedLinkedByStack);
            cpu.pass(ip::mv2);
            let table = self.pgtable(cpu, pmd);
            self.pmd_populate(cpu, mm, to, table);
            (self.steps.moves.normal_flush)(cpu, self, mm, from);
        }
        self.lock(pml).unlock(cpu);
        is_table
    }
}

/// `flush_tlb_range` of the old unit.
pub(in crate::mm) fn flush(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) {
    k.flush_tlb_range(cpu, mm, haddr, k.hpn);
}
