//! `do_fault_around`: a read fault maps the pages around it too, as far as the page cache has them
//! (kernel-semantics sections 10.6 and 10.7).
//!
//! It never sleeps on a folio: one that is locked is left out, and so a collapse that holds the huge page's lock is
//! never waited for here. That is also how the pages of a huge folio come to be mapped by PTEs.

use super::fault::{FaultResult, VmFault};
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, FolioId, Pfn, Pte, Vaddr};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// `fault_around_bytes` in pages: the default of 64 KiB.
const FAULT_AROUND_PAGES: u32 = 16;

/// The pages of the file that one fault may map: first and last index.
#[derive(Clone, Copy, Debug)]
struct Window {
    file: FileId,
    first: u32,
    last: u32,
}

impl Kernel {
    /// `should_fault_around`: a VMA armed by userfaultfd wants to hear of each page by itself.
    pub(super) fn should_fault_around(&self, vmf: &VmFault) -> bool {
        let uffd = VmFlags::UFFD_WP.with(VmFlags::UFFD_MINOR);
        self.config.fault_around && !self.vma(vmf.vma).spec().flags.has(uffd)
    }

    /// `do_fault_around`. `Some(Done)` (VM_FAULT_NOPAGE): the faulting page is mapped; `None`: the fault goes on.
    pub(super) fn do_fault_around(
        &self,
        cpu: &Cpu<'_>,
        vmf: &mut VmFault,
        file: FileId,
    ) -> Option<FaultResult> {
        let _f = cpu.enter(func::do_fault_around);
        let spec = self.vma(vmf.vma).spec();
        // The window is aligned, and clamped to the VMA and to the page table.
        let (pte_off, vma_off) = (vmf.addr.0 % self.hpn, vmf.addr.0 - spec.start.0);
        let aligned = pte_off / FAULT_AROUND_PAGES * FAULT_AROUND_PAGES;
        let from = aligned.max(pte_off - pte_off.min(vma_off));
        let to = (from + FAULT_AROUND_PAGES).min(self.hpn).min(pte_off + spec.pages() - vma_off);
        if self.pmdp_get_lockless(cpu, vmf.mm, vmf.addr).is_none() && vmf.prealloc_pte.is_none() {
            match self.pte_alloc_one(cpu) {
                Some(table) => vmf.prealloc_pte = Some(table),
                None => return Some(FaultResult::Oom),
            }
        }
        cpu.pass(ip::fa1);
        let pgoff = spec.pgoff_of(vmf.addr);
        let window = Window { file, first: pgoff + from - pte_off, last: pgoff + to - 1 - pte_off };
        cpu.rcu_read_lock();
        let mapped = self.filemap_map_pages(cpu, vmf, window);
        cpu.rcu_read_unlock();
        mapped.then_some(FaultResult::Done)
    }

    /// `filemap_map_pages`: maps what is in the cache, up to date and not locked. `true`: the faulting page is among
    /// it, or a huge page covers it.
    fn filemap_map_pages(&self, cpu: &Cpu<'_>, vmf: &mut VmFault, window: Window) -> bool {
        let _f = cpu.enter(func::filemap_map_pages);
        let mut index = window.first;
        let Some(mut folio) = self.next_uptodate_folio(cpu, window, &mut index) else {
            return false;
        };
        if self.filemap_map_pmd(cpu, vmf, folio) {
            return true;
        }
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, vmf.mm, vmf.addr) else {
            // A racing fault has installed a huge PMD, or a collapse has retracted the table again.
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
            return false;
        };
        let mut covered = false;
        loop {
            covered |= self.filemap_map_folio_range(cpu, vmf, pte, folio, (index, window.last));
            // Asked before the put: afterwards a truncation may free it.
            index = self.folio(folio).index() + self.folios.nr_pages(folio);
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
            match self.next_uptodate_folio(cpu, window, &mut index) {
                Some(next) => folio = next,
                None => break,
            }
        }
        self.pte_unmap_unlock(cpu, ptl);
        covered
    }

    /// `filemap_map_pmd`: a huge folio goes in as a whole where the PMD is empty; else the preallocated table does.
    /// `true`: there is a huge PMD now, and the folio is unlocked and no longer the caller's.
    fn filemap_map_pmd(&self, cpu: &Cpu<'_>, vmf: &mut VmFault, folio: FolioId) -> bool {
        let pmd = self.pmdp_get_lockless(cpu, vmf.mm, vmf.addr);
        if pmd.is_trans_huge() {
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
            return true;
        }
        if pmd.is_none() && self.folios.is_large(folio) {
            let haddr = self.haddr(vmf.addr);
            if self.do_set_pmd(cpu, vmf.vma, haddr, folio, false) {
                // The reference is the PMD's now.
                self.folio(folio).lock.unlock(cpu);
                return true;
            }
        }
        if let Some(table) = vmf.prealloc_pte.take() {
            // Somebody else may have put a table there meanwhile: then this one is kept and freed in the end.
            vmf.prealloc_pte = self.pmd_install(cpu, vmf.mm, vmf.addr, table);
        }
        false
    }

    /// `next_uptodate_folio`: the next folio of the window from `*index` on, locked and with a reference; `*index` is
    /// where it was found. Neither lock nor reference is waited for.
    fn next_uptodate_folio(
        &self,
        cpu: &Cpu<'_>,
        window: Window,
        index: &mut u32,
    ) -> Option<FolioId> {
        let mapping = self.mapping(window.file);
        while *index <= window.last {
            let at = *index;
            *index += 1;
            // Empty slots cost no step: the walk of the xarray does not visit them.
            if mapping.peek(at).is_none() {
                continue;
            }
            let Some(folio) = mapping.load(cpu, at) else { continue };
            if self.folio(folio).lock.is_locked() || !self.folio_try_get(cpu, folio) {
                continue;
            }
            // It may have been freed and reused, or split, before the reference was taken.
            if mapping.load(cpu, at) == Some(folio) && self.folio(folio).lock.trylock(cpu) {
                if self.may_be_mapped_at(cpu, folio, window.file, at) {
                    *index = at;
                    return Some(folio);
                }
                self.folio(folio).lock.unlock(cpu);
            }
            self.folio_put(cpu, folio);
        }
        None
    }

    /// Under the folio lock: not truncated, up to date, and within the file.
    fn may_be_mapped_at(&self, cpu: &Cpu<'_>, folio: FolioId, file: FileId, index: u32) -> bool {
        self.folio(folio).read_mapping(cpu) == Mapping::File(file)
            && self.folio(folio).has(flags::UPTODATE)
            && u64::from(index) < self.mapping(file).i_size.read_once(cpu)
    }

    /// `filemap_map_folio_range`: the pages of one locked folio from index `first` to `last` go into the empty entries,
    /// each run of them with its counter, its rmap, the entries and then the references. `true`: the faulting page is
    /// among them.
    fn filemap_map_folio_range(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        folio: FolioId,
        (first, last): (u32, u32),
    ) -> bool {
        let base = self.folio(folio).index();
        let last = last.min(base + self.folios.nr_pages(folio) - 1);
        let fault = self.vma(vmf.vma).spec().pgoff_of(vmf.addr);
        let addr_of = |index: u32| Vaddr(vmf.addr.0 + index - fault);
        let (mut covered, mut index) = (false, first);
        while index <= last {
            let mut end = index;
            while end <= last && self.ptep_get(cpu, pte, addr_of(end)).is_none() {
                end += 1;
            }
            if end > index {
                let page = Pfn(self.folios.head(folio).0 + index - base);
                self.set_file_ptes(cpu, vmf, pte, (addr_of(index), page, end - index));
                self.folio_ref_add(cpu, folio, i64::from(end - index));
                covered |= (index..end).contains(&fault);
            }
            index = end + 1;
        }
        covered
    }

    /// `set_pte_range` of a run of pages of the cache, for reading.
    fn set_file_ptes(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        (addr, page, nr): (Vaddr, Pfn, u32),
    ) {
        let write = self.vma(vmf.vma).spec().page_prot_write();
        let counter = self.mm_counter_file(self.folios.of(page));
        self.mm(vmf.mm).add_counter(cpu, counter, i64::from(nr));
        (0..nr).for_each(|i| self.page_add_file_rmap(cpu, Pfn(page.0 + i)));
        for i in 0..nr {
            let entry = Pte::present(Pfn(page.0 + i), write);
            self.set_pte_at(cpu, vmf.mm, pte, Vaddr(addr.0 + i), entry);
        }
    }
}
