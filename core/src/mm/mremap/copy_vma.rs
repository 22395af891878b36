//! `copy_vma`: the VMA at the new address (kernel-semantics section 11.8).

use crate::mm::kernel::Kernel;
use crate::mm::mmap::MergeWith;
use crate::mm::place::func;
use crate::mm::types::{Vaddr, VmaId};
use crate::mm::vma::VmaSpec;
use crate::sync::Cpu;

/// What `copy_vma` has made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    /// The old VMA, or the one that has swallowed it.
    pub(super) vma: VmaId,
    /// The VMA that has the new range.
    pub(super) new_vma: VmaId,
    /// Walks of rmap may look at the new VMA before they look at the old one, and must be kept out.
    pub(super) need_rmap_locks: bool,
}

impl Kernel {
    /// `copy_vma`: a VMA for `[addr, addr + len)`, where nothing is mapped, that maps what `vma` does from `pgoff` on.
    /// Perhaps a neighbour is that, when it is expanded. `None`: no memory. mmap_lock and `vma` are locked for write.
    ///
    /// A VMA that is new stands behind the old one in both rmap trees; a neighbour may stand before it.
    pub(super) fn copy_vma(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        len: u32,
        pgoff: u32,
    ) -> Option<Copied> {
        let _f = cpu.enter(func::copy_vma);
        let (spec, anon_vma) = (self.vma(vma).spec(), self.peek_anon_vma(vma));
        // Anonymous memory that was never touched is named anew: so it has more neighbours to merge with.
        let untouched = spec.file.is_none() && anon_vma.is_none();
        let pgoff = if untouched { addr.0 } else { pgoff };
        let new_spec = VmaSpec { start: addr, end: Vaddr(addr.0 + len), pgoff, ..spec };
        let VmaSpec { mm, start, end, file, flags, .. } = new_spec;
        let (prev, _) = self.vmas_around(mm, start, end);
        let with = MergeWith { mm, start, end, pgoff, flags, file, anon_vma };
        if let Some(new_vma) = self.vma_merge(cpu, prev, &with) {
            let merged = self.vma(new_vma).spec();
            let vma = if merged.contains(spec.start) { new_vma } else { vma };
            let need_rmap_locks = merged.pgoff <= self.vma(vma).spec().pgoff;
            return Some(Copied { vma, new_vma, need_rmap_locks });
        }
        let new_vma = self.vm_area_dup(cpu, vma, &new_spec)?;
        if !self.anon_vma_clone(cpu, new_vma, vma) {
            self.__vm_area_free(cpu, new_vma);
            return None;
        }
        self.vma_link(cpu, new_vma);
        Some(Copied { vma, new_vma, need_rmap_locks: false })
    }

    /// `vma_link`: from now on the VMA is found, and locked for write: its entries are still to come.
    fn vma_link(&self, cpu: &Cpu<'_>, vma: VmaId) {
        (self.steps.moves.link_start_write)(cpu, self, vma);
        self.mm(self.vma(vma).spec().mm).vma_tree.change_bits(cpu, 1 << vma.0, 0);
        self.vma_link_file(cpu, vma);
    }
}
