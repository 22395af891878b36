//! The PMD level of UFFDIO_WRITEPROTECT: tables that are missing, huge pages (kernel-semantics section 11.10).

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::func;
use crate::mm::tlb::MmuGather;
use crate::mm::types::{Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `change_pmd_range`. A mapping of a file is protected by its PTEs, so there must be a table for them; mirrors are
    /// told only if something is there. ENOMEM: no table could be had.
    pub(super) fn uffd_wp_pmd_range(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        (start, end): (Vaddr, Vaddr),
        enable: bool,
    ) -> Errno {
        let mut notified = None;
        let mut errno = Errno::Ok;
        let mut addr = start;
        while addr < end && errno == Errno::Ok {
            let next = Vaddr((self.haddr(addr).0 + self.hpn).min(end.0));
            if !(self.steps.uffd.wp_prepare)(cpu, self, vma, addr, enable) {
                errno = Errno::Enomem;
            } else if self.pmdp_get_lockless(cpu, tlb.mm, addr).is_none() {
                if !(self.steps.uffd.wp_none_again)(self, vma, enable) {
                    addr = next;
                }
            } else {
                if notified.is_none() {
                    let pages = end.0 - addr.0;
                    self.mmu_notifier_invalidate_range_start(cpu, tlb.mm, addr, pages);
                    notified = Some((addr, pages));
                }
                if self.uffd_wp_pmd(cpu, tlb, vma, (addr, next), enable) {
                    addr = next;
                }
            }
        }
        if let Some((from, pages)) = notified {
            self.mmu_notifier_invalidate_range_end(cpu, tlb.mm, from, pages);
        }
        errno
    }

    /// One PMD entry that was not empty. `false`: it is another one now, look again.
    fn uffd_wp_pmd(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        (addr, next): (Vaddr, Vaddr),
        enable: bool,
    ) -> bool {
        let pmd = self.pmdp_get_lockless(cpu, tlb.mm, addr);
        if pmd.is_swap_pmd() || pmd.is_trans_huge() {
            let whole = next.0 - addr.0 == self.hpn;
            if !whole || enable && (self.steps.uffd.wp_split_file)(self, vma) {
                self.__split_huge_pmd(cpu, vma, addr);
                return false;
            }
            if self.uffd_wp_huge_pmd(cpu, tlb, vma, addr, enable) {
                return true;
            }
        }
        (self.steps.uffd.wp_again)(self.uffd_wp_pte_range(cpu, tlb, vma, (addr, next), enable))
    }

    /// `change_huge_pmd`: a huge page of anonymous memory. `false`: it is none any more.
    fn uffd_wp_huge_pmd(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        haddr: Vaddr,
        enable: bool,
    ) -> bool {
        let _f = cpu.enter(func::change_huge_pmd);
        let mm = tlb.mm;
        let pml = self.pmd_lock(cpu, mm);
        let pmd = Pmd(self.pmdp(mm, haddr).read_once(cpu));
        let huge = pmd.is_trans_huge() || pmd.is_swap_pmd();
        if pmd.is_trans_huge() {
            let old = self.pmdp_invalidate(cpu, mm, haddr);
            let plain = old.wrprotect();
            let new = if enable { plain.mkuffd_wp() } else { plain.clear_uffd_wp() };
            let new =
                if !enable && self.can_change_pmd_writable(vma, new) { new.mkwrite() } else { new };
            self.set_pmd_at(cpu, mm, haddr, new);
            if old.is_write() && !new.is_write() {
                self.tlb_remove_tlb_entry(tlb, haddr, self.hpn);
            }
        } else if huge {
            let old = pmd;
            let new = if enable { old.mkuffd_wp() } else { old.clear_uffd_wp() };
            if new != old {
                self.set_pmd_at(cpu, mm, haddr, new);
            }
        }
        if huge && (enable || pmd.is_uffd_wp() || pmd.is_swp_uffd_wp()) {
            self.note_wp(cpu, mm, haddr, self.hpn, enable);
        }
        self.lock(pml).unlock(cpu);
        huge
    }
}

/// The fix: where there must be a table for markers, an empty entry means that a huge page was zapped since, not that there
/// is nothing to protect.
pub(in crate::mm) fn markers_needed(k: &Kernel, vma: VmaId, enable: bool) -> bool {
    enable && k.vma(vma).spec().file.is_some()
}

/// `change_pmd_prepare`: where markers will be needed there must be a table. `false`: out of memory.
pub(in crate::mm) fn prepare(
    cpu: &Cpu<'_>,
    k: &Kernel,
    vma: VmaId,
    addr: Vaddr,
    enable: bool,
) -> bool {
    let spec = k.vma(vma).spec();
    !enable || spec.file.is_none() || k.pte_alloc(cpu, spec.mm, addr)
}
