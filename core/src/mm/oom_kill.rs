//! The OOM reaper: it takes the private memory of a process that has been killed, without waiting for its end
//! (`mm/oom_kill.c`, kernel-semantics section 11.2).

use super::kernel::Kernel;
use super::memory::ZapDetails;
use super::mm_struct::mmf;
use super::place::func;
use super::types::{MmId, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `oom_reap_task_mm`: zaps the private VMAs. `false`: mmap_lock is busy, or there is nothing left to be taken, or no
    /// mm at all. The reaper holds the mm_struct, not its memory.
    pub fn oom_reap_task_mm(&self, cpu: &Cpu<'_>, mm: MmId) -> bool {
        let m = self.mm(mm);
        // Whoever is still being forked is no task that could be chosen.
        if !m.is_born() || !m.mm_count.inc_not_zero(cpu) {
            return false;
        }
        let _f = cpu.enter(func::oom_reap_task_mm);
        let locked = self.mmap_read_trylock(cpu, mm);
        // Asked under the lock: exit_mmap() sets the flag before it takes the lock for write to free the tables.
        let reap = locked && m.flags.read_once(cpu) & mmf::OOM_SKIP == 0;
        if reap {
            self.__oom_reap_task_mm(cpu, mm);
        }
        if locked {
            self.mmap_read_unlock(cpu, mm);
        }
        self.mmdrop(cpu, mm);
        reap
    }

    fn __oom_reap_task_mm(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.mm(mm).flags.change_bits(cpu, mmf::UNSTABLE, 0);
        for vma in self.vmas_in(mm, Vaddr(0), Vaddr(u32::MAX)) {
            let spec = self.vma(vma).spec();
            if spec.file.is_none() || !spec.shared() {
                self.oom_reap_vma(cpu, mm, vma);
            }
            self.vma_assert_alive(cpu, vma);
        }
    }

    /// One VMA. It stays as it is if a mirror of it cannot be told without waiting.
    fn oom_reap_vma(&self, cpu: &Cpu<'_>, mm: MmId, vma: VmaId) {
        let spec = self.vma(vma).spec();
        let mut tlb = self.tlb_gather_mmu(cpu, mm);
        let pages = spec.pages();
        if self.mmu_notifier_invalidate_range_start_nonblock(cpu, mm, spec.start, pages) {
            self.zap_pmd_range(cpu, &mut tlb, vma, spec.start, spec.end, ZapDetails::ALL);
            self.mmu_notifier_invalidate_range_end(cpu, mm, spec.start, pages);
        }
        self.tlb_finish_mmu(cpu, tlb);
    }
}
