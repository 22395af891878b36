//! What a VMA that was split off, moved or forked gets of the anon_vmas of the one that it comes from.

use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{AnonVmaId, VmaId};
use crate::sync::{Cpu, Rwsem};

impl Kernel {
    /// `anon_vma_clone`: links `dst` with every anon_vma of `src`. `false`: no memory, and `dst` has no links.
    ///
    /// `dst` of a split or a move already has its `anon_vma`, the same as `src`. A forked one has none, and takes one of
    /// the chain over that no VMA has as its own any longer, if it has one child at the most.
    pub fn anon_vma_clone(&self, cpu: &Cpu<'_>, dst: VmaId, src: VmaId) -> bool {
        let mut root: Option<&Rwsem> = None;
        for id in self.vma(src).anon_vma_chain.iter().rev() {
            // anon_vma_chain_alloc(): without waiting, then without the lock.
            if self.should_fail_alloc(cpu) {
                if let Some(root) = root.take() {
                    root.up_write(cpu);
                }
                if self.should_fail_alloc(cpu) {
                    // It may have been given only for the time being.
                    self.vma(dst).anon_vma.poke(0);
                    self.unlink_anon_vmas(cpu, dst);
                    return false;
                }
            }
            self.lock_anon_vma_root(cpu, &mut root, id);
            self.anon_vma_chain_link(cpu, dst, id);
            let unused = (self.steps.vma.anon_vma_reusable)(self, id, src);
            if unused && self.peek_anon_vma(src).is_some() && self.peek_anon_vma(dst).is_none() {
                self.vma(dst).anon_vma.poke(u64::from(id.0) + 1);
            }
        }
        if let Some(own) = self.peek_anon_vma(dst) {
            self.anon_vma(own).add_active_vmas(1);
        }
        if let Some(root) = root {
            root.up_write(cpu);
        }
        true
    }

    /// `anon_vma_fork`: `vma`, the child's copy of `pvma`, is found wherever `pvma` is, and gets an anon_vma for the
    /// pages that it does not share with it. mmap_lock of both is held for write. `false`: no memory, and `vma` has no
    /// links.
    pub fn anon_vma_fork(&self, cpu: &Cpu<'_>, vma: VmaId, pvma: VmaId) -> bool {
        let _f = cpu.enter(func::anon_vma_fork);
        let Some(parent) = self.peek_anon_vma(pvma) else { return true };
        let area = self.vma(vma);
        area.anon_vma.poke(0);
        if !self.anon_vma_clone(cpu, vma, pvma) {
            return false;
        }
        if self.peek_anon_vma(vma).is_some() {
            return true;
        }
        let new = if area.anon_vma_chain.is_full() { None } else { self.anon_vma_alloc(cpu) };
        let Some(new) = new else {
            self.unlink_anon_vmas(cpu, vma);
            return false;
        };
        let (anon_vma, root) = (self.anon_vma(new), self.anon_vma_root(parent));
        if self.should_fail_alloc(cpu) {
            // anon_vma_chain_alloc()
            self.put_anon_vma(cpu, new);
            self.unlink_anon_vmas(cpu, vma);
            return false;
        }
        anon_vma.add_active_vmas(1);
        anon_vma.root.poke(u64::from(root.0));
        anon_vma.set_parent(parent);
        // The root stays as long as its lock is anybody's.
        self.get_anon_vma(cpu, root);
        area.anon_vma.poke(u64::from(new.0) + 1);
        self.anon_vma(root).rwsem.down_write(cpu);
        self.anon_vma_chain_link(cpu, vma, new);
        self.anon_vma(parent).add_children(1);
        self.anon_vma(root).rwsem.up_write(cpu);
        true
    }
}

/// No VMA has it as its own, and it has one child at the most.
pub(in crate::mm) fn unused(k: &Kernel, id: AnonVmaId, _: VmaId) -> bool {
    let anon_vma = k.anon_vma(id);
    anon_vma.num_children() < 2 && anon_vma.num_active_vmas() == 0
}

/// As it was once, when children and VMAs were counted together: fewer than two of either. It takes for granted that an
/// anon_vma which is not the parent's own has a child; one whose VMA's children took another one over has none.
pub(in crate::mm) fn degree_below_two(k: &Kernel, id: AnonVmaId, src: VmaId) -> bool {
    let anon_vma = k.anon_vma(id);
    k.peek_anon_vma(src) != Some(id) && anon_vma.num_children() + anon_vma.num_active_vmas() < 2
}
