//! `move_ptes`: entry by entry (kernel-semantics section 11.8).

use super::page_tables::In;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::Vaddr;
use crate::sync::Cpu;

impl Kernel {
    /// `move_ptes` of `pages` pages that lie in one table at both addresses. `false` (EAGAIN): one of the tables is gone,
    /// retracted, and the PMD entry must be looked at again.
    ///
    /// The flush comes before either lock is dropped: the new one keeps the page from being freed while a CPU can still
    /// reach it by its old address.
    pub(super) fn move_ptes(
        &self,
        cpu: &Cpu<'_>,
        (vma, from): In,
        (new_vma, to): In,
        pages: u32,
        need_rmap_locks: bool,
    ) -> bool {
        let _f = cpu.enter(func::move_ptes);
        if need_rmap_locks {
            super::locks::take(cpu, self, vma);
        }
        let moved = self.move_ptes_locked(cpu, (vma, from), (new_vma, to), pages);
        if need_rmap_locks {
            super::locks::release(cpu, self, vma);
        }
        moved
    }

    fn move_ptes_locked(&self, cpu: &Cpu<'_>, (vma, from): In, (_, to): In, pages: u32) -> bool {
        let mm = self.vma(vma).spec().mm;
        let Some((old_pte, old_ptl)) = self.pte_offset_map_lock(cpu, mm, from) else {
            return false;
        };
        let Some((new_pte, new_ptl)) = self.pte_offset_map_nolock(cpu, mm, to) else {
            self.pte_unmap_unlock(cpu, old_ptl);
            return false;
        };
        if new_ptl != old_ptl {
            // Whoever else holds two of them at once has mmap_lock for write.
            self.lock(new_ptl).lock_nested(cpu);
        }
        (self.steps.moves.batched_pending)(cpu, self, mm);
        let mut present = false;
        for i in 0..pages {
            let (old, new) = (Vaddr(from.0 + i), Vaddr(to.0 + i));
            if self.ptep_get(cpu, old_pte, old).is_none() {
                continue;
            }
            let entry = self.ptep_get_and_clear(cpu, mm, old_pte, old);
            present |= entry.is_present();
            cpu.pass(ip::mv3);
            self.set_pte_at(cpu, mm, new_pte, new, entry);
        }
        if present {
            cpu.pass(ip::mv4);
            (self.steps.moves.ptes_flush)(cpu, self, mm, from, pages);
        }
        if new_ptl != old_ptl {
            self.lock(new_ptl).unlock(cpu);
        }
        self.pte_unmap(cpu);
        self.pte_unmap_unlock(cpu, old_ptl);
        if present {
            (self.steps.moves.ptes_flush_late)(cpu, self, mm, from, pages);
        }
        true
    }
}
