//! The bounds of VMAs move: under all locks by which anybody could find them (`vma_prepare`, `vma_complete`).

use crate::mm::kernel::Kernel;
use crate::mm::types::{AnonVmaId, FileId, Vaddr, VmaId};
use crate::mm::vma::VmaSpec;
use crate::sync::Cpu;

/// `struct vma_prepare`: which VMAs change, and which locks it takes.
#[derive(Clone, Copy, Debug)]
pub struct VmaPrepare {
    /// The VMA whose range changes.
    pub vma: VmaId,
    /// The file that all of them map.
    pub file: Option<FileId>,
    /// The anon_vma of one of them.
    pub anon_vma: Option<AnonVmaId>,
    /// The neighbour whose start moves.
    pub adj_next: Option<VmaId>,
    /// A new VMA, the other half of a split.
    pub insert: Option<VmaId>,
    /// VMAs that `vma` has swallowed.
    pub remove: [Option<VmaId>; 2],
}

impl Kernel {
    /// `init_multi_vma_prep`.
    pub(super) fn init_vma_prep(&self, vma: VmaId, adj_next: Option<VmaId>) -> VmaPrepare {
        let anon_vma = self.peek_anon_vma(vma).or_else(|| self.peek_anon_vma(adj_next?));
        let file = self.vma(vma).spec().file;
        VmaPrepare { vma, file, anon_vma, adj_next, insert: None, remove: [None; 2] }
    }

    /// `vma_prepare`: the locks of both rmap trees, for write. The VMAs are locked for write, and mmap_lock is.
    pub(super) fn vma_prepare(&self, cpu: &Cpu<'_>, vp: &VmaPrepare) {
        if let Some(file) = vp.file {
            (self.steps.vma.vma_adjust_i_mmap_lock)(cpu, self, file);
            if let Some(insert) = vp.insert {
                self.mapping(file).i_mmap.insert(cpu, insert);
            }
        }
        if let Some(anon_vma) = vp.anon_vma {
            (self.steps.vma.vma_adjust_anon_vma_lock)(cpu, self, anon_vma);
        }
    }

    /// `vma_complete`: the tree and the rmap trees know the new ranges, the locks are dropped, and what was swallowed is
    /// freed. May sleep.
    pub(super) fn vma_complete(&self, cpu: &Cpu<'_>, vp: &VmaPrepare) {
        let mm = self.vma(vp.vma).spec().mm;
        let removed = || vp.remove.into_iter().flatten();
        if let Some(file) = vp.file {
            let i_mmap = &self.mapping(file).i_mmap;
            vp.adj_next.into_iter().chain([vp.vma]).for_each(|vma| i_mmap.reinsert(vma));
            removed().for_each(|vma| i_mmap.remove(cpu, vma));
        }
        let gone = removed().fold(0, |bits, vma| bits | 1 << vma.0);
        let new = vp.insert.map_or(0, |vma| 1 << vma.0);
        if gone | new != 0 {
            self.mm(mm).vma_tree.change_bits(cpu, new, gone);
        }
        if let Some(anon_vma) = vp.anon_vma {
            vp.adj_next.into_iter().chain([vp.vma]).for_each(|vma| self.anon_vma_update(vma));
            (self.steps.vma.vma_adjust_anon_vma_unlock)(cpu, self, anon_vma);
        }
        if let Some(file) = vp.file {
            (self.steps.vma.vma_adjust_i_mmap_unlock)(cpu, self, file);
        }
        for vma in removed() {
            self.vma_mark_detached(cpu, vma, true);
            if self.peek_anon_vma(vma).is_some() {
                self.anon_vma_merge(cpu, vp.vma, vma);
            }
            self.vm_area_free(cpu, vma);
        }
    }

    /// Another range for the VMA, between the two. One step.
    pub(super) fn vma_set_range(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        start: Vaddr,
        end: Vaddr,
        pgoff: u32,
    ) {
        let spec = VmaSpec { start, end, pgoff, ..self.vma(vma).spec() };
        self.vma(vma).set_range(cpu, &spec);
    }

    /// `vma_adjust_trans_huge`: no huge PMD maps a page on both sides of a bound that is about to be set: of `vma` at
    /// `start` and `end`, and of the VMA behind it if that begins by `adjust_next` pages later from now on.
    pub(super) fn vma_adjust_trans_huge(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        start: Vaddr,
        end: Vaddr,
        adjust_next: i64,
    ) {
        (self.steps.vma.vma_split_huge_pmd)(cpu, self, vma, start);
        (self.steps.vma.vma_split_huge_pmd)(cpu, self, vma, end);
        if adjust_next > 0 {
            let spec = self.vma(vma).spec();
            if let Some(next) = self.find_vma(spec.mm, spec.end) {
                let start = Vaddr(self.vma(next).spec().start.0 + adjust_next as u32);
                (self.steps.vma.vma_split_huge_pmd)(cpu, self, next, start);
            }
        }
    }
}

/// `split_huge_pmd_if_needed`.
pub(in crate::mm) fn split_huge_pmd_if_needed(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId, addr: Vaddr) {
    let haddr = k.haddr(addr);
    if haddr != addr && k.vma(vma).spec().covers(haddr, Vaddr(haddr.0 + k.hpn)) {
        k.__split_huge_pmd(cpu, vma, addr);
    }
}

/// `anon_vma_lock_write`.
pub(in crate::mm) fn anon_vma_lock(cpu: &Cpu<'_>, k: &Kernel, anon_vma: AnonVmaId) {
    k.anon_vma_lock_write(cpu, anon_vma);
}

/// `anon_vma_unlock_write`.
pub(in crate::mm) fn anon_vma_unlock(cpu: &Cpu<'_>, k: &Kernel, anon_vma: AnonVmaId) {
    k.anon_vma_unlock_write(cpu, anon_vma);
}
