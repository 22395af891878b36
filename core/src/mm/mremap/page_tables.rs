//! `move_page_tables`: how each piece of the range moves (kernel-semantics section 11.8).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

/// A VMA, and an address in it.
pub(super) type In = (VmaId, Vaddr);

impl Kernel {
    /// `move_page_tables` of `len` pages. Returns how many it came to: less if there was no memory for a table.
    ///
    /// The PMD entry is read without a lock, and the way chosen by it; on that way it is, or is not, looked at again.
    pub(super) fn move_page_tables(
        &self,
        cpu: &Cpu<'_>,
        (vma, old): In,
        (new_vma, new): In,
        len: u32,
        need_rmap_locks: bool,
    ) -> u32 {
        let _f = cpu.enter(func::move_page_tables);
        let mm = self.vma(vma).spec().mm;
        if len == 0 {
            return 0;
        }
        (self.steps.moves.notify_start)(cpu, self, mm, old, len);
        let mut done = 0;
        while done < len {
            let (from, to) = (Vaddr(old.0 + done), Vaddr(new.0 + done));
            let extent = self.get_extent(from, to, len - done);
            // get_old_pmd(); there is one PMD table, so alloc_new_pmd() has nothing to do.
            if !Pmd(self.pmdp(mm, from).read_once(cpu)).is_none()
                && !self.move_extent(cpu, (vma, from), (new_vma, to), extent, need_rmap_locks)
            {
                break;
            }
            done += extent;
        }
        (self.steps.moves.notify_end)(cpu, self, mm, old, len);
        done
    }

    /// `get_extent`: as much as lies in one unit, at both addresses.
    fn get_extent(&self, from: Vaddr, to: Vaddr, left: u32) -> u32 {
        let to_next = |addr: Vaddr| self.haddr(addr).0 + self.hpn - addr.0;
        left.min(to_next(from)).min(to_next(to))
    }

    /// One piece. `false`: no memory for a table.
    fn move_extent(
        &self,
        cpu: &Cpu<'_>,
        (vma, from): In,
        (new_vma, to): In,
        extent: u32,
        need_rmap_locks: bool,
    ) -> bool {
        let mm = self.vma(vma).spec().mm;
        let whole = extent == self.hpn;
        loop {
            let pmd = Pmd(self.pmdp(mm, from).read_once(cpu));
            cpu.pass(ip::mv1);
            if pmd.is_swap_pmd() || pmd.is_trans_huge() {
                if whole && self.move_huge_pgt_entry(cpu, vma, from, to, need_rmap_locks) {
                    return true;
                }
                self.split_huge_pmd(cpu, vma, from);
            } else if whole && self.move_normal_pgt_entry(cpu, vma, from, to) {
                return true;
            }
            if Pmd(self.pmdp(mm, from).read_once(cpu)).is_none() {
                return true;
            }
            if !self.pte_alloc(cpu, mm, to) {
                return false;
            }
            if self.move_ptes(cpu, (vma, from), (new_vma, to), extent, need_rmap_locks) {
                return true;
            }
        }
    }

    /// `move_pgt_entry(HPAGE_PMD)`.
    fn move_huge_pgt_entry(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        from: Vaddr,
        to: Vaddr,
        need_rmap_locks: bool,
    ) -> bool {
        if need_rmap_locks {
            super::locks::take(cpu, self, vma);
        }
        let moved = self.move_huge_pmd(cpu, vma, from, to);
        if need_rmap_locks {
            super::locks::release(cpu, self, vma);
        }
        moved
    }

    /// `move_pgt_entry(NORMAL_PMD)`: always under the rmap locks. Between two units a walk of rmap would find the table at
    /// neither address.
    fn move_normal_pgt_entry(&self, cpu: &Cpu<'_>, vma: VmaId, from: Vaddr, to: Vaddr) -> bool {
        (self.steps.moves.normal_rmap_lock)(cpu, self, vma);
        let moved = self.move_normal_pmd(cpu, vma, from, to);
        (self.steps.moves.normal_rmap_unlock)(cpu, self, vma);
        moved
    }

    /// `split_huge_pmd`: nothing to do if the entry is not huge any longer.
    fn split_huge_pmd(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr) {
        let pmd = Pmd(self.pmdp(self.vma(vma).spec().mm, addr).read_once(cpu));
        if pmd.is_swap_pmd() || pmd.is_trans_huge() {
            self.__split_huge_pmd(cpu, vma, addr);
        }
    }
}
