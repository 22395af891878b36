//! The stages of `collapse_file`, in their order.

use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, FolioId};
use crate::sync::{Cpu, What};

/// A collapse of a file's range in flight: the local variables of the function.
#[derive(Debug)]
pub struct CollapseFile {
    /// The file.
    pub file: FileId,
    /// The first index of the range.
    pub start: u32,
    /// The index behind the last.
    pub end: u32,
    /// The new huge page: locked, and nobody else's until it is stored.
    pub hpage: FolioId,
    /// The old pages, each locked, isolated from the LRU and with a reference.
    pub pagelist: Vec<FolioId>,
    /// Holes that were counted.
    pub nr_none: u32,
    /// Whether the holes are charged, so that a rollback must give them back.
    pub charged: bool,
}

impl Kernel {
    /// `collapse_file`: nothing is held, neither before nor after. May sleep.
    ///
    /// SCAN_PTE_MAPPED_HUGEPAGE means, for MADV_COLLAPSE, that it is done but for the caller's own page table.
    pub fn collapse_file(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        start: u32,
        is_khugepaged: bool,
    ) -> ScanResult {
        let _f = cpu.enter(func::collapse_file);
        let Some(hpage) = self.alloc_charge_hpage(cpu) else {
            return ScanResult::AllocHugePageFail;
        };
        let mut c = CollapseFile {
            file,
            start,
            end: start + self.hpn,
            hpage,
            pagelist: Vec::with_capacity(self.hpn as usize),
            nr_none: 0,
            charged: false,
        };
        self.folio(hpage).lock.lock(cpu);
        self.folio(hpage).flags.poke_bits(flags::SWAPBACKED, 0);
        self.folio(hpage).init_mapping(Mapping::File(file), start);
        let result = self.collapse_file_stages(cpu, &mut c);
        if result != ScanResult::Succeed {
            self.collapse_file_rollback(cpu, &mut c);
            return result;
        }
        (self.steps.cf_unlock_hpage_early)(cpu, self, &mut c);
        cpu.pass(ip::cf9);
        (self.steps.cf_retract)(cpu, self, &mut c);
        cpu.note(What::Retracted { file: file.0, index: start });
        (self.steps.cf_unlock_hpage)(cpu, self, &mut c);
        self.free_old_pages(cpu, &mut c);
        if is_khugepaged { ScanResult::Succeed } else { ScanResult::PteMappedHugepage }
    }

    /// `alloc_charge_hpage`.
    pub(in crate::mm) fn alloc_charge_hpage(&self, cpu: &Cpu<'_>) -> Option<FolioId> {
        self.folio_alloc(cpu, true)
    }

    /// Everything that can fail.
    fn collapse_file_stages(&self, cpu: &Cpu<'_>, c: &mut CollapseFile) -> ScanResult {
        let steps = &self.steps;
        self.mapping(c.file).xa_lock.lock(cpu);
        cpu.pass(ip::cf1);
        let mut result = self.gather_pages(cpu, c);
        // The flush of all that was unmapped: no CPU may write to an old page once it is being copied.
        (steps.cf_flush)(cpu, self);
        cpu.pass(ip::cf5);
        if result == ScanResult::Succeed && c.nr_none > 0 {
            (steps.cf_charge_holes)(cpu, self, c);
        }
        if result == ScanResult::Succeed {
            result = self.copy_pages(cpu, c);
        }
        if result == ScanResult::Succeed {
            result = if c.nr_none > 0 {
                (steps.cf_seal_holes)(cpu, self, c)
            } else {
                self.mapping(c.file).xa_lock.lock(cpu);
                ScanResult::Succeed
            };
        }
        if result == ScanResult::Succeed {
            (steps.cf_flush_late)(cpu, self);
            self.store_hpage(cpu, c);
        }
        result
    }
}

/// The huge page is unlocked, and whoever waits for it may map it.
pub(in crate::mm) fn unlock_hpage(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.folio(c.hpage).lock.unlock(cpu);
}

/// `retract_page_tables`.
pub(in crate::mm) fn retract(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.retract_page_tables(cpu, c.file, c.start);
}

/// `try_to_unmap_flush`.
pub(in crate::mm) fn flush(cpu: &Cpu<'_>, k: &Kernel) {
    k.try_to_unmap_flush(cpu);
}
