//! Tables that huge pages have deposited: memory for a split, which must not fail (kernel-semantics section 3.5).
//!
//! Only anonymous memory deposits on x86: what a file maps can be faulted in again.

use std::sync::atomic::Ordering;

use super::table::{PteTable, TableState};
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{MmId, TableId};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// `pgtable_trans_huge_deposit`: hands an empty table to the PMD table (or to the mm, if locks are not split: the
    /// model's mm has one PMD table). pml is held.
    ///
    /// The caller counts the table in `nr_ptes`, unless it was counted already as one that was linked.
    pub fn pgtable_trans_huge_deposit(&self, cpu: &Cpu<'_>, mm: MmId, table: TableId) {
        let _f = cpu.enter(func::pgtable_trans_huge_deposit);
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let head = &self.mm(mm).pmd_huge_pte;
        let pt = self.tables.get(table);
        pt.lru.store(head.read_once(cpu) as u32, Ordering::SeqCst);
        head.write_once(cpu, u64::from(table.0) + 1);
        let before = pt.set_state(TableState::Deposited);
        if !matches!(before, TableState::Private | TableState::DetachedLinkedByStack) {
            cpu.splat(Splat::TableLinkage(pt.obj()));
        }
        cpu.vm_bug_on(
            pt.entries().iter().any(|entry| entry.peek() != 0),
            "a table is deposited with entries in it",
        );
        cpu.debts.owe(self.mm(mm).nr_ptes.obj(), 1);
    }

    /// `pgtable_trans_huge_withdraw`: the table that was deposited last. pml is held. `None`: there is none, where the
    /// kernel would follow a null pointer; that is complained about.
    ///
    /// The table belongs to the caller, who links it or frees it (and uncounts it then).
    pub fn pgtable_trans_huge_withdraw(&self, cpu: &Cpu<'_>, mm: MmId) -> Option<TableId> {
        let _f = cpu.enter(func::pgtable_trans_huge_withdraw);
        cpu.assert_held(self.lock_obj(self.pmd_lockptr(mm)));
        let head = &self.mm(mm).pmd_huge_pte;
        let Some(id) = (head.read_once(cpu) as u32).checked_sub(1) else {
            cpu.vm_bug_on(true, "pgtable_trans_huge_withdraw() with nothing deposited");
            return None;
        };
        let pt = self.tables.get(TableId(id as u16));
        head.write_once(cpu, u64::from(pt.lru.load(Ordering::SeqCst)));
        if pt.set_state(TableState::Private) != TableState::Deposited {
            cpu.splat(Splat::TableLinkage(pt.obj()));
        }
        cpu.debts.owe(self.mm(mm).nr_ptes.obj(), -1);
        Some(pt.id)
    }

    /// The tables that an mm has deposited, the last one first. No steps.
    pub fn deposited(&self, mm: MmId) -> impl Iterator<Item = &PteTable> {
        let mut next = self.mm(mm).pmd_huge_pte.peek() as u32;
        let mut left = self.tables.touched().count();
        std::iter::from_fn(move || {
            let id = next.checked_sub(1).filter(|_| left > 0)?;
            left -= 1;
            let table = self.tables.get(TableId(id as u16));
            next = table.lru.load(Ordering::SeqCst);
            Some(table)
        })
    }
}
