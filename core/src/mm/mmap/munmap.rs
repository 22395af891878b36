//! munmap: VMAs go, and what only they needed (kernel-semantics sections 11.2 and 11.4).

use crate::mm::interval_tree::VmaVec;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `munmap()` of `[start, end)`. Takes mmap_lock. ENOMEM: no room for a VMA that is split, and nothing is unmapped.
    pub fn do_munmap(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) -> Errno {
        let _f = cpu.enter(func::do_munmap);
        self.mmap_write_lock(cpu, mm);
        self.do_vmi_munmap(cpu, mm, start, end, true)
    }

    /// `do_vmi_align_munmap`: whatever is mapped in `[start, end)` goes; VMAs that stick out are split. mmap_lock is held
    /// for write, and still is afterwards unless `unlock`.
    ///
    /// With `unlock` what takes long is done with mmap_lock for read, on VMAs that nobody finds in the tree any more.
    /// Walks of rmap still find them, until `free_pgtables` takes them out there.
    pub fn do_vmi_munmap(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        end: Vaddr,
        unlock: bool,
    ) -> Errno {
        let gathered = self.munmap_gather(cpu, mm, start, end);
        let Some(vmas) = gathered.as_ref().ok().filter(|vmas| !vmas.is_empty()) else {
            if unlock {
                self.mmap_write_unlock(cpu, mm);
            }
            return gathered.err().unwrap_or(Errno::Ok);
        };
        let gone = vmas.iter().fold(0, |bits, vma| bits | 1 << vma.0);
        self.mm(mm).vma_tree.change_bits(cpu, 0, gone);
        cpu.pass(ip::munmap_detached);
        if unlock {
            self.mmap_write_downgrade(cpu, mm);
            cpu.pass(ip::munmap_downgraded);
        }
        self.unmap_region(cpu, mm, vmas, (start, end), !unlock);
        for &vma in vmas.iter() {
            self.vm_area_free(cpu, vma);
        }
        if unlock {
            self.mmap_read_unlock(cpu, mm);
        }
        Errno::Ok
    }

    /// The VMAs of the range, split at its ends, each locked for write and marked as detached: no fault starts on them
    /// any more, and those that had started are over.
    fn munmap_gather(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        end: Vaddr,
    ) -> Result<VmaVec, Errno> {
        let vmas = self.vmas_in(mm, start, end);
        if let Some(&first) = vmas.first()
            && self.vma(first).spec().start < start
        {
            self.__split_vma(cpu, first, start, true)?;
        }
        let undo = |vmas: &[VmaId], errno| {
            vmas.iter().for_each(|&vma| self.vma_mark_detached(cpu, vma, false));
            Err(errno)
        };
        for (n, &vma) in vmas.iter().enumerate() {
            if self.vma(vma).spec().end > end
                && let Err(errno) = self.__split_vma(cpu, vma, end, false)
            {
                return undo(&vmas[..n], errno);
            }
            (self.steps.vma.munmap_start_write)(cpu, self, vma);
            // mas_store_gfp() into the tree of those that go
            if self.should_fail_alloc(cpu) {
                return undo(&vmas[..n], Errno::Enomem);
            }
            self.vma_mark_detached(cpu, vma, true);
        }
        // vma_iter_clear_gfp()
        if !vmas.is_empty() && self.should_fail_alloc(cpu) {
            return undo(&vmas, Errno::Enomem);
        }
        Ok(vmas)
    }

    /// `vma_mark_detached`. One step.
    pub(super) fn vma_mark_detached(&self, cpu: &Cpu<'_>, vma: VmaId, detached: bool) {
        cpu.vm_bug_on(
            detached && self.config.per_vma_lock && !self.vma_is_write_locked(vma),
            "a VMA is detached that is not locked for write",
        );
        self.vma(vma).detached.write_once(cpu, u64::from(detached));
    }

    /// `unmap_region`: the pages, then the tables, then a flush, then the memory of both.
    fn unmap_region(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        vmas: &[VmaId],
        range: (Vaddr, Vaddr),
        mm_wr_locked: bool,
    ) {
        let (prev, next) = self.vmas_around(mm, range.0, range.1);
        self.lru_add_drain(cpu);
        let mut tlb = self.tlb_gather_mmu(cpu, mm);
        self.unmap_vmas(cpu, &mut tlb, vmas, range);
        cpu.pass(ip::munmap_unmapped);
        let floor = prev.map_or(Vaddr(0), |prev| self.vma(prev).spec().end);
        let ceiling = next.map_or(Vaddr(u32::MAX), |next| self.vma(next).spec().start);
        self.free_pgtables(cpu, &mut tlb, vmas, (floor, ceiling), mm_wr_locked);
        self.tlb_finish_mmu(cpu, tlb);
    }
}
