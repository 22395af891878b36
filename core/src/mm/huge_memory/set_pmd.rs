//! `do_set_pmd`: maps a huge page of the page cache by a PMD entry (kernel-semantics section 4.5).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `do_set_pmd`: maps `folio` at `haddr`. `false`: it cannot be, fall back to PTEs.
    ///
    /// The caller holds the folio lock, and a reference; none is taken here: a fault donates its own,
    /// `set_huge_pmd` takes one afterwards. No table is deposited and none is counted.
    pub fn do_set_pmd(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        haddr: Vaddr,
        folio: FolioId,
        write: bool,
    ) -> bool {
        let _f = cpu.enter(func::do_set_pmd);
        let spec = self.vma(vma).spec();
        if !spec.transhuge_suitable(haddr, self.hpn) || !self.folios.is_large(folio) {
            return false;
        }
        // By PTEs an access to the broken page can be told.
        if self.folio_has_hwpoisoned(folio) {
            return false;
        }
        let pml = self.pmd_lock(cpu, spec.mm);
        cpu.pass(ip::dsp1);
        if !(self.steps.set_pmd_recheck)(cpu, self.pmdp(spec.mm, haddr)) {
            self.lock(pml).unlock(cpu);
            return false;
        }
        let mut entry = spec.page_prot().mk_huge_pmd(self.folios.head(folio), false);
        if write {
            entry = self.maybe_pmd_mkwrite(entry.mkdirty(), vma);
        }
        self.mm(spec.mm).add_counter(cpu, self.mm_counter_file(folio), i64::from(self.hpn));
        cpu.pass(ip::dsp2);
        self.folio_add_file_rmap_pmd(cpu, folio);
        cpu.pass(ip::dsp3);
        self.set_pmd_at(cpu, spec.mm, haddr, entry);
        cpu.pass(ip::dsp4);
        self.lock(pml).unlock(cpu);
        true
    }
}
