//! The VMA tree: who finds which VMA there.

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

    /// The VMA to which an access at `addr` goes, without a step: that of the tree, or else one that a munmap has
    /// taken out of it and not freed yet, since a CPU may still have its translations.
    pub fn peek_vma(&self, mm: MmId, addr: Vaddr) -> Option<VmaId> {
        let in_tree = self
            .vmas_of(self.mm(mm).vma_tree.peek())
            .find(|&id| self.vma(id).spec().contains(addr));
        in_tree.or_else(|| {
            let there = |vma: &VmArea| vma.spec().mm == mm && vma.spec().contains(addr);
            self.vmas.iter().find(|(_, vma)| there(vma)).map(|(id, _)| id)
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
