//! Faults on mappings of a file (kernel-semantics section 10.6).

use super::fault::{FaultResult, VmFault};
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, FolioId, Pfn, Pte, Rss};
use crate::sync::Cpu;

impl Kernel {
    /// `do_fault`: the page is missing. A table that was allocated in advance and not used is freed at the end.
    pub(super) fn do_fault(&self, cpu: &Cpu<'_>, vmf: &mut VmFault, file: FileId) -> FaultResult {
        let write = vmf.write || vmf.unshare && (self.steps.unshare_missing_copies)();
        let result = match (write, self.vma(vmf.vma).spec().shared()) {
            (false, _) => self.do_read_fault(cpu, vmf, file),
            (true, false) => self.do_cow_fault(cpu, vmf, file),
            (true, true) => self.do_shared_fault(cpu, vmf, file),
        };
        if let Some(table) = vmf.prealloc_pte.take() {
            self.pte_free_now(cpu, table);
        }
        result
    }

    /// `do_read_fault`. The reference to the page of the cache becomes the entry's.
    fn do_read_fault(&self, cpu: &Cpu<'_>, vmf: &mut VmFault, file: FileId) -> FaultResult {
        let _f = cpu.enter(func::do_read_fault);
        if self.should_fault_around(vmf)
            && let Some(result) = self.do_fault_around(cpu, vmf, file)
        {
            return result;
        }
        // vm_ops->fault() may sleep for long, and may want mmap_lock dropped.
        if self.leave_vma_lock(cpu, vmf) {
            return FaultResult::Retry;
        }
        let folio = match self.__do_fault(cpu, vmf, file) {
            Ok(folio) => folio,
            Err(result) => return result,
        };
        let mapped = self.finish_fault(cpu, vmf, folio, None);
        self.folio(folio).lock.unlock(cpu);
        if mapped.is_err() {
            self.folio_put(cpu, folio);
        }
        mapped.err().unwrap_or(FaultResult::Done)
    }

    /// `do_cow_fault`: a write to a private mapping copies the page of the cache at once.
    fn do_cow_fault(&self, cpu: &Cpu<'_>, vmf: &mut VmFault, file: FileId) -> FaultResult {
        let _f = cpu.enter(func::do_cow_fault);
        // Besides, anon_vma_prepare() looks at the neighbours, which only mmap_lock keeps.
        if self.leave_vma_lock(cpu, vmf) {
            return FaultResult::Retry;
        }
        if self.anon_vma_prepare(cpu, vmf.vma).is_none() {
            return FaultResult::Oom;
        }
        let Some(cow) = self.vma_alloc_zeroed_folio(cpu) else { return FaultResult::Oom };
        let folio = match self.__do_fault(cpu, vmf, file) {
            Ok(folio) => folio,
            Err(result) => {
                self.folio_put(cpu, cow);
                return result;
            }
        };
        let source = self.fault_page(vmf, folio);
        self.copy_user_page(cpu, cow, source);
        let mapped = self.finish_fault(cpu, vmf, folio, Some(cow));
        self.folio(folio).lock.unlock(cpu);
        self.folio_put(cpu, folio);
        if mapped.is_err() {
            self.folio_put(cpu, cow);
        }
        mapped.err().unwrap_or(FaultResult::Done)
    }

    /// `do_shared_fault`. shmem has no `page_mkwrite`: the page only becomes dirty.
    fn do_shared_fault(&self, cpu: &Cpu<'_>, vmf: &mut VmFault, file: FileId) -> FaultResult {
        let _f = cpu.enter(func::do_shared_fault);
        if self.leave_vma_lock(cpu, vmf) {
            return FaultResult::Retry;
        }
        let folio = match self.__do_fault(cpu, vmf, file) {
            Ok(folio) => folio,
            Err(result) => return result,
        };
        if let Err(result) = self.finish_fault(cpu, vmf, folio, None) {
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
            return result;
        }
        // vm_ops->fault() may sleep for long, and may want mmap_lock dropped.
        if self.leave_vma_lock(cpu, vmf) {
            return FaultResult::Retry;
        }
        self.fault_dirty_shared_page(cpu, folio);
        FaultResult::Done
    }

    /// `fault_dirty_shared_page`: the locked folio is dirty, and unlocked.
    pub(super) fn fault_dirty_shared_page(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio_mark_dirty(cpu, folio);
        self.folio(folio).lock.unlock(cpu);
    }

    /// `__do_fault`: the folio of the cache, locked and with a reference.
    ///
    /// A table is allocated before: reclaim, which an allocation may enter, wants folio locks of its own.
    fn __do_fault(
        &self,
        cpu: &Cpu<'_>,
        vmf: &mut VmFault,
        file: FileId,
    ) -> Result<FolioId, FaultResult> {
        if self.pmdp_get_lockless(cpu, vmf.mm, vmf.addr).is_none() && vmf.prealloc_pte.is_none() {
            vmf.prealloc_pte = Some(self.pte_alloc_one(cpu).ok_or(FaultResult::Oom)?);
        }
        let index = self.vma(vmf.vma).spec().pgoff_of(vmf.addr);
        let folio = if self.mapping(file).regular {
            self.filemap_fault(cpu, file, index)
        } else {
            self.shmem_fault(cpu, vmf, file, index)
        };
        cpu.pass(ip::df1);
        folio
    }

    /// `finish_fault`: maps the page of the locked `folio`, or its copy `cow`. `Err(Done)` is VM_FAULT_NOPAGE:
    /// somebody else was faster, and the caller keeps its reference.
    pub(super) fn finish_fault(
        &self,
        cpu: &Cpu<'_>,
        vmf: &mut VmFault,
        folio: FolioId,
        cow: Option<FolioId>,
    ) -> Result<(), FaultResult> {
        let _f = cpu.enter(func::finish_fault);
        self.folio(folio).lock.assert_locked(cpu);
        if self.pmdp_get_lockless(cpu, vmf.mm, vmf.addr).is_none() {
            cpu.pass(ip::ff1);
            let haddr = self.haddr(vmf.addr);
            let huge = cow.is_none() && self.folios.is_large(folio);
            if huge && self.do_set_pmd(cpu, vmf.vma, haddr, folio, vmf.write) {
                return Ok(());
            }
            // A collapse that holds this folio's lock cannot come here; one of another mapping may retract the
            // table again as soon as it is installed.
            cpu.pass(ip::ff2);
            match vmf.prealloc_pte.take() {
                Some(table) => vmf.prealloc_pte = self.pmd_install(cpu, vmf.mm, vmf.addr, table),
                None if !self.pte_alloc(cpu, vmf.mm, vmf.addr) => return Err(FaultResult::Oom),
                None => {}
            }
        }
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, vmf.mm, vmf.addr) else {
            return Err(FaultResult::Done);
        };
        let changed = self.vmf_pte_changed(cpu, vmf, pte);
        if !changed {
            self.set_pte_range(cpu, vmf, pte, folio, cow);
        }
        self.pte_unmap_unlock(cpu, ptl);
        if changed { Err(FaultResult::Done) } else { Ok(()) }
    }

    /// `set_pte_range` of one page, under ptl: counters and rmap first, then the entry.
    fn set_pte_range(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        folio: FolioId,
        cow: Option<FolioId>,
    ) {
        let page = cow.map_or_else(|| self.fault_page(vmf, folio), |cow| self.folios.head(cow));
        let spec = self.vma(vmf.vma).spec();
        let writable = spec.page_prot_write() || vmf.write && spec.write();
        let mut entry = Pte::present(page, writable);
        if vmf.write {
            entry = entry.mkdirty();
        }
        if vmf.orig_uffd_wp() {
            entry = entry.mkuffd_wp();
        }
        match cow {
            Some(cow) => {
                self.mm(vmf.mm).add_counter(cpu, Rss::Anon, 1);
                self.folio_add_new_anon_rmap(cpu, cow, vmf.vma, vmf.addr);
                self.folio_add_lru(cpu, cow);
            }
            None => {
                self.mm(vmf.mm).add_counter(cpu, self.mm_counter_file(folio), 1);
                self.page_add_file_rmap(cpu, page);
            }
        }
        self.set_pte_at(cpu, vmf.mm, pte, vmf.addr, entry);
    }

    /// `folio_file_page`: the page of the cache's folio that the fault is about.
    fn fault_page(&self, vmf: &VmFault, folio: FolioId) -> Pfn {
        let index = self.vma(vmf.vma).spec().pgoff_of(vmf.addr);
        Pfn(self.folios.head(folio).0 + index % self.folios.nr_pages(folio))
    }

    /// `copy_user_highpage`: one step, the reading of the source. Nobody knows the copy yet.
    pub(super) fn copy_user_page(&self, cpu: &Cpu<'_>, copy: FolioId, source: Pfn) {
        let content = self.page(source).content.read_once(cpu);
        self.page(self.folios.head(copy)).content.poke(content);
    }
}
