//! `move_huge_pmd`: a huge page goes to another address (kernel-semantics section 11.8).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `move_huge_pmd` from one whole unit to another. `false`: the new entry is not empty, or the old one not huge any
    /// longer. mmap_lock is held for write.
    ///
    /// A deposited table goes along where the PMD tables of the two are not the same one (`pmd_move_must_withdraw`): the
    /// model's mm has one.
    pub fn move_huge_pmd(&self, cpu: &Cpu<'_>, vma: VmaId, from: Vaddr, to: Vaddr) -> bool {
        let _f = cpu.enter(func::move_huge_pmd);
        let mm = self.vma(vma).spec().mm;
        if !Pmd(self.pmdp(mm, to).read_once(cpu)).is_none() {
            return false;
        }
        let Some(pml) = self.pmd_trans_huge_lock(cpu, mm, from) else { return false };
        let pmd = self.pmdp_huge_get_and_clear(cpu, mm, from);
        cpu.pass(ip::mv2);
        self.set_pmd_at(cpu, mm, to, pmd);
        if pmd.is_present() {
            (self.steps.moves.huge_flush)(cpu, self, mm, from);
        }
        self.lock(pml).unlock(cpu);
        true
    }
}
