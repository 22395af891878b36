//! `__collapse_huge_page_swapin`: what is swapped out comes in, one fault for each entry.

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::memory::{FaultResult, VmFault};
use crate::mm::place::func;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `__collapse_huge_page_swapin`. mmap_lock is held for read, and is released if it fails. May sleep.
    ///
    /// The entries are read without ptl: a fault or a zap may have been faster, and `do_swap_page` finds out.
    pub(super) fn collapse_huge_page_swapin(
        &self,
        cpu: &Cpu<'_>,
        (mm, haddr, vma): (MmId, Vaddr, VmaId),
    ) -> Result<(), ScanResult> {
        let _f = cpu.enter(func::collapse_huge_page_swapin);
        let mut swapped_in = false;
        let mut pte = None;
        for addr in (haddr.0..haddr.0 + self.hpn).map(Vaddr) {
            if pte.is_none() {
                pte = self.pte_offset_map_nolock(cpu, mm, addr).map(|(pte, _)| pte);
            }
            let Some(mapped) = pte else {
                self.mmap_read_unlock(cpu, mm);
                return Err(ScanResult::PmdNull);
            };
            let orig_pte = self.ptep_get_lockless(cpu, mapped, addr);
            if !orig_pte.is_swap_pte() {
                continue;
            }
            // do_swap_page() may sleep.
            pte = None;
            self.pte_unmap(cpu);
            let mut vmf = VmFault {
                mm,
                vma,
                addr,
                write: false,
                vma_lock: false,
                unshare: false,
                orig_pte,
                prealloc_pte: None,
            };
            match self.do_swap_page(cpu, &mut vmf) {
                FaultResult::Done => swapped_in = true,
                // Somebody has the page locked. mmap_lock is gone.
                FaultResult::Retry => return Err(ScanResult::PageLock),
                FaultResult::Sigbus | FaultResult::Oom => {
                    self.mmap_read_unlock(cpu, mm);
                    return Err(ScanResult::Fail);
                }
            }
        }
        if pte.is_some() {
            self.pte_unmap(cpu);
        }
        if swapped_in {
            // What has just come in still waits to get on the LRU.
            self.lru_add_drain(cpu);
        }
        Ok(())
    }
}
