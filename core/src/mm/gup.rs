//! get_user_pages, the slow path: the page behind an address, with a reference (kernel-semantics 6.6, last line).

use super::kernel::Kernel;
use super::memory::{FaultFlags, FaultResult, Signal};
use super::place::func;
use super::types::{FolioId, MmId, Pfn, Vaddr, ZERO_PFN};
use crate::sync::Cpu;

/// A page that `get_user_page` found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserPage {
    /// Its frame.
    pub pfn: Pfn,
    /// The entry that maps it permits writes.
    pub writable: bool,
}

impl Kernel {
    /// `get_user_pages_unlocked` of one page: follows the page tables, and faults until it comes to a page that
    /// may be accessed. The page has a reference, to be put by [`Kernel::put_user_page`]. Takes mmap_lock.
    pub fn get_user_page(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        write: bool,
    ) -> Result<UserPage, Signal> {
        let _f = cpu.enter(func::get_user_page);
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        let result = loop {
            // Again after every fault: mmap_lock may have been dropped.
            let Some(vma) = self.vma_lookup(cpu, mm, addr) else { break Err(Signal::Segv) };
            if write && !self.vma(vma).spec().write() {
                break Err(Signal::Segv);
            }
            if let Some(page) = self.follow_page(cpu, mm, addr, write) {
                break Ok(page);
            }
            match self.handle_mm_fault(cpu, mm, vma, addr, FaultFlags::mmap_locked(write)) {
                FaultResult::Done => {}
                FaultResult::Retry => mmap_lock.down_read(cpu),
                FaultResult::Sigbus => break Err(Signal::Bus),
                FaultResult::Oom => break Err(Signal::Oom),
            }
        };
        mmap_lock.up_read(cpu);
        result
    }

    /// `put_page` of what `get_user_page` returned. The zero page is not counted.
    pub fn put_user_page(&self, cpu: &Cpu<'_>, page: UserPage) {
        if page.pfn != ZERO_PFN && self.folios.is_valid(page.pfn) {
            self.folio_put(cpu, self.folios.of(page.pfn));
        }
    }

    /// `follow_page_mask`: the page that is mapped at `addr`, with a reference. `None`: fault it in.
    fn follow_page(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, write: bool) -> Option<UserPage> {
        let pmd = self.pmdp_get_lockless(cpu, mm, addr);
        if !pmd.is_present() {
            return None;
        }
        if pmd.is_trans_huge() {
            let pml = self.pmd_lock(cpu, mm);
            let pmd = self.pmdp_get_lockless(cpu, mm, addr);
            let page =
                UserPage { pfn: Pfn(pmd.pfn().0 + addr.0 % self.hpn), writable: pmd.is_write() };
            let found = pmd.is_trans_huge() && self.follow_grab(cpu, page, write);
            self.lock(pml).unlock(cpu);
            if pmd.is_trans_huge() || !pmd.is_present() {
                return found.then_some(page);
            }
            // It was zapped, and there is a table now.
        }
        let (pte, ptl) = self.pte_offset_map_lock(cpu, mm, addr)?;
        let entry = self.ptep_get(cpu, pte, addr);
        let page = UserPage { pfn: entry.pfn(), writable: entry.is_write() };
        let found = entry.is_present() && self.follow_grab(cpu, page, write);
        self.pte_unmap_unlock(cpu, ptl);
        found.then_some(page)
    }

    /// `try_grab_page`, under the lock of the entry, if the entry permits the access. The entry's own reference
    /// keeps the page, so the count cannot be 0.
    fn follow_grab(&self, cpu: &Cpu<'_>, page: UserPage, write: bool) -> bool {
        if write && !page.writable || !self.folios.is_valid(page.pfn) {
            return false;
        }
        let folio: FolioId = self.folios.of(page.pfn);
        if page.pfn == ZERO_PFN {
            return true;
        }
        let got = self.folio_try_get(cpu, folio);
        cpu.vm_bug_on(!got, "get_user_page() of a page without references that is mapped");
        got
    }
}
