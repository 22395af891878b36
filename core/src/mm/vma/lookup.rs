//! The VMA tree: who finds which VMA there.

use crate::mm::interval_tree::VmaVec;
use crate::mm::kernel::Kernel;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::vma::VmArea;
use crate::sync::Cpu;

impl Kernel {
    /// The VMA.
    #[inline]
    pub fn vma(&self, id: VmaId) -> &VmArea {
        self.vmas.get(id)
    }

    /// `vma_lookup`: the VMA that contains `addr`. One look at the tree.
    pub fn vma_lookup(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<VmaId> {
        let tree = self.mm(mm).vma_tree.read_once(cpu);
        self.vmas_of(tree).find(|&id| self.vma(id).spec().contains(addr))
    }

    /// The VMAs of the mm that have a page of `[start, end)`, in the order of their addresses (`for_each_vma_range`),
    /// without a step: mmap_lock is held.
    pub fn vmas_in(&self, mm: MmId, start: Vaddr, end: Vaddr) -> VmaVec {
        let mut found = VmaVec::default();
        for id in self.vmas_of(self.mm(mm).vma_tree.peek()) {
            if self.vma(id).spec().overlaps(start, end) {
                found.push(id);
            }
        }
        found.sort_by_key(|id| self.vma(id).spec().start);
        found
    }

    /// `find_vma`: the VMA that contains `addr`, or the next one behind it, without a step: mmap_lock is held.
    pub fn find_vma(&self, mm: MmId, addr: Vaddr) -> Option<VmaId> {
        self.vmas_in(mm, addr, Vaddr(u32::MAX)).first().copied()
    }

    /// The last VMA that ends at `addr` or before it, and the first one that begins there or behind it: what lies around
    /// a gap, without a step. mmap_lock is held.
    pub fn vmas_around(
        &self,
        mm: MmId,
        start: Vaddr,
        end: Vaddr,
    ) -> (Option<VmaId>, Option<VmaId>) {
        let all = self.vmas_in(mm, Vaddr(0), Vaddr(u32::MAX));
        let prev = all.iter().rev().find(|&&id| self.vma(id).spec().end <= start);
        let next = all.iter().find(|&&id| self.vma(id).spec().start >= end);
        (prev.copied(), next.copied())
    }

    /// The VMA to which an access at `addr` goes, without a step: that of the tree, or else one that a munmap has
    /// taken out of it and not freed yet, since a CPU may still have its translations.
    pub fn peek_vma(&self, mm: MmId, addr: Vaddr) -> Option<VmaId> {
        let in_tree = self
            .vmas_of(self.mm(mm).vma_tree.peek())
            .find(|&id| self.vma(id).spec().contains(addr));
        in_tree.or_else(|| {
            let there = |vma: &VmArea| vma.spec().mm == mm && vma.spec().contains(addr);
            let mut there = self.vmas.iter().filter(|(_, vma)| there(vma)).map(|(id, _)| id);
            // A reader may keep one that went long ago: of two, nobody knows whose the translation is.
            there.next().filter(|_| there.next().is_none())
        })
    }

    /// The VMAs of a tree that was read, in the order of their slots.
    pub fn vmas_of(&self, tree: u64) -> impl Iterator<Item = VmaId> {
        let mut left = tree;
        std::iter::from_fn(move || {
            let id = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (id < 64).then_some(VmaId(id as u8))
        })
    }
}
