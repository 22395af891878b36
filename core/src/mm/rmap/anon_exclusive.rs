//! PG_anon_exclusive: whether an anonymous page may be written in place, and who may take that away
//! (kernel-semantics section 4.4).
//!
//! A page that may be pinned keeps it: whoever holds the pin must go on to see what the mm writes. GUP-fast takes its pin
//! without a lock and looks at the entry again, so the entry must be cleared before the pins are counted.

use crate::mm::kernel::Kernel;
use crate::mm::types::{FolioId, Pfn};
use crate::sync::Cpu;

/// GUP_PIN_COUNTING_BIAS: how many references a FOLL_PIN of a small folio takes.
pub const GUP_PIN_COUNTING_BIAS: i64 = 1024;

impl Kernel {
    /// `PageAnonExclusive`, without a step.
    #[inline]
    pub fn page_anon_exclusive(&self, pfn: Pfn) -> bool {
        self.page(pfn).anon_exclusive.peek() != 0
    }

    /// `folio_maybe_dma_pinned`: whether somebody holds a FOLL_PIN, or very many references. One step.
    pub fn folio_maybe_dma_pinned(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let f = self.folio(folio);
        if self.folios.is_large(folio) {
            f.pincount.read_once(cpu) as i64 > 0
        } else {
            f.refcount.read_once(cpu) as i64 >= GUP_PIN_COUNTING_BIAS
        }
    }

    /// `page_try_share_anon_rmap`: an exclusive page is not any longer; its entry has been cleared. `false`: it may be
    /// pinned, and the entry must come back.
    pub fn page_try_share_anon_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn) -> bool {
        cpu.vm_bug_on(!self.page_anon_exclusive(pfn), "a page is shared that is not exclusive");
        if (self.steps.share_pinned_check)(cpu, self, self.folios.of(pfn)) {
            return false;
        }
        self.page(pfn).anon_exclusive.write_once(cpu, 0);
        true
    }

    /// `page_dup_file_rmap`: a fork copies an entry of a page that is mapped, so of the counters only one changes.
    pub fn page_dup_file_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn, compound: bool) {
        let folio = self.folio_of(pfn);
        let mapcount = if compound { &folio.entire_mapcount } else { &self.page(pfn).mapcount };
        cpu.debts.pay(mapcount.obj(), 1);
        mapcount.add_return(cpu, 1);
    }

    /// `page_try_dup_anon_rmap`: a fork copies an entry of an anonymous page, which is shared from now on. `false`: it
    /// may be pinned (`page_needs_cow_for_dma`), the child needs a copy.
    ///
    /// MMF_HAS_PINNED only spares mms that never pinned anything the look at the folio.
    pub fn page_try_dup_anon_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn, compound: bool) -> bool {
        let anon = self.folio_of(pfn).is_anon();
        cpu.vm_bug_on(!anon, "page_try_dup_anon_rmap() of a page that is not anonymous");
        if self.page_anon_exclusive(pfn) {
            if (self.steps.fork.pinned_check)(cpu, self, self.folios.of(pfn)) {
                return false;
            }
            (self.steps.fork.clear_exclusive)(cpu, self, pfn);
        }
        self.page_dup_file_rmap(cpu, pfn, compound);
        true
    }
}

/// `ClearPageAnonExclusive`.
pub(in crate::mm) fn clear(cpu: &Cpu<'_>, k: &Kernel, pfn: Pfn) {
    k.page(pfn).anon_exclusive.write_once(cpu, 0);
}
