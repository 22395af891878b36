//! `do_huge_pmd_anonymous_page`: the first access to a range of anonymous memory that may be a huge page
//! (kernel-semantics section 10.2).

use super::fault::HugeFault;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::memory::{FaultResult, VmFault};
use crate::mm::place::func;
use crate::mm::types::{FolioId, Pmd, Rss, TableId};
use crate::mm::userfaultfd::Reason;
use crate::sync::{Cpu, Word};

impl Kernel {
    /// `do_huge_pmd_anonymous_page`: the huge zero page for a read (if that is wanted), a new huge page for a write.
    ///
    /// Either deposits a page table: a split must not fail for want of memory.
    pub fn do_huge_pmd_anonymous_page(&self, cpu: &Cpu<'_>, vmf: &VmFault) -> HugeFault {
        let _f = cpu.enter(func::do_huge_pmd_anonymous_page);
        if !self.vma(vmf.vma).spec().transhuge_suitable(self.haddr(vmf.addr), self.hpn) {
            return None;
        }
        if self.anon_vma_prepare(cpu, vmf.vma).is_none() {
            return Some(FaultResult::Oom);
        }
        self.khugepaged_enter_vma(cpu, vmf.vma, self.vma(vmf.vma).spec().flags);
        if !vmf.write && self.config.use_zero_page {
            let Some(table) = self.pte_alloc_one(cpu) else { return Some(FaultResult::Oom) };
            return Some(self.map_huge_page(cpu, vmf, table, None));
        }
        // No huge page, or none that may be charged: then small ones.
        let folio = self.folio_alloc(cpu, true)?;
        if !self.mem_cgroup_charge(cpu, folio) {
            self.folio_put(cpu, folio);
            return None;
        }
        Some(self.__do_huge_pmd_anonymous_page(cpu, vmf, folio))
    }

    /// `__do_huge_pmd_anonymous_page`: with a new huge page, which is put if it is not needed.
    fn __do_huge_pmd_anonymous_page(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        folio: FolioId,
    ) -> FaultResult {
        let Some(table) = self.pte_alloc_one(cpu) else {
            self.folio_put(cpu, folio);
            return FaultResult::Oom;
        };
        // clear_huge_page(): nobody knows the folio yet.
        self.folios.pfns(folio).for_each(|pfn| self.page(pfn).content.poke(0));
        self.folio(folio).flags.poke_bits(flags::UPTODATE, 0);
        self.map_huge_page(cpu, vmf, table, Some(folio))
    }

    /// The part under pml: maps the folio, or (`None`) the huge zero page, and deposits the table, unless somebody else
    /// was faster. What is not used is freed.
    fn map_huge_page(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        table: TableId,
        folio: Option<FolioId>,
    ) -> FaultResult {
        let pml = self.pmd_lock(cpu, vmf.mm);
        let empty = (self.steps.huge.pmd_recheck)(cpu, self.pmdp(vmf.mm, vmf.addr));
        let missing = empty && (self.steps.uffd.missing)(self, vmf.vma);
        if empty && !missing {
            match folio {
                Some(folio) => self.set_huge_anon_page(cpu, vmf, table, folio),
                None => self.set_huge_zero_page(cpu, vmf, table),
            }
            self.lock(pml).unlock(cpu);
            return FaultResult::Done;
        }
        self.lock(pml).unlock(cpu);
        if let Some(folio) = folio {
            self.folio_put(cpu, folio);
        }
        self.pte_free_now(cpu, table);
        if missing { self.handle_userfault(cpu, vmf, Reason::Missing) } else { FaultResult::Done }
    }

    fn set_huge_anon_page(&self, cpu: &Cpu<'_>, vmf: &VmFault, table: TableId, folio: FolioId) {
        let haddr = self.haddr(vmf.addr);
        let spec = self.vma(vmf.vma).spec();
        let entry = spec.page_prot().mk_huge_pmd(self.folios.head(folio), false).mkdirty();
        let entry = self.maybe_pmd_mkwrite(entry, vmf.vma);
        self.folio_add_new_anon_rmap(cpu, folio, vmf.vma, haddr);
        self.folio_add_lru(cpu, folio);
        (self.steps.huge.deposit)(cpu, self, vmf.mm, table);
        self.set_pmd_at(cpu, vmf.mm, haddr, entry);
        self.mm(vmf.mm).add_counter(cpu, Rss::Anon, i64::from(self.hpn));
        self.mm(vmf.mm).inc_nr_ptes(cpu);
    }

    /// `set_huge_zero_page`.
    fn set_huge_zero_page(&self, cpu: &Cpu<'_>, vmf: &VmFault, table: TableId) {
        let entry = self
            .vma(vmf.vma)
            .spec()
            .page_prot()
            .mk_huge_pmd(self.folios.get_huge_zero_page(), false);
        (self.steps.huge.deposit)(cpu, self, vmf.mm, table);
        self.set_pmd_at(cpu, vmf.mm, self.haddr(vmf.addr), entry);
        self.mm(vmf.mm).inc_nr_ptes(cpu);
    }
}

/// Under pml: nobody has installed anything meanwhile.
pub(in crate::mm) fn pmd_is_none(cpu: &Cpu<'_>, pmdp: &Word) -> bool {
    Pmd(pmdp.read_once(cpu)).is_none()
}
