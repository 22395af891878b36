//! The stages of `collapse_file`, in their order.

use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, FolioId, MmId, Vaddr};
use crate::sync::{Cpu, What};

/// A collapse of a file's range in flight: the local variables of the function.
#[derive(Debug)]
pub struct CollapseFile {
    /// For whom: the mm, and the address of the range in it. Whoever else maps the range may be affected too.
    pub target: (MmId, Vaddr),
    /// Whether khugepaged does it, and not MADV_COLLAPSE.
    pub is_khugepaged: bool,
    /// The file.
    pub file: FileId,
    /// The first index of the range.
    pub start: u32,
    /// The index behind the last.
    pub end: u32,
    /// The index behind the last that was gathered.
    pub gathered: u32,
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
        target: (MmId, Vaddr),
        file: FileId,
        start: u32,
        is_khugepaged: bool,
    ) -> ScanResult {
        let _f = cpu.enter(func::collapse_file);
        self.assert_nothing_held(cpu);
        let steps = &self.steps.file;
        let hpage = match (steps.alloc_hpage)(cpu, self) {
            Ok(hpage) => hpage,
            Err(result) => return result,
        };
        let mut c = CollapseFile {
            target,
            is_khugepaged,
            file,
            start,
            end: start + self.hpn,
            gathered: start,
            hpage,
            pagelist: Vec::with_capacity(self.hpn as usize),
            nr_none: 0,
            charged: false,
        };
        self.folio(hpage).lock.lock(cpu);
        if !self.mapping(file).regular {
            self.folio(hpage).flags.poke_bits(flags::SWAPBACKED, 0);
        }
        self.folio(hpage).init_mapping(Mapping::File(file), start);
        let result = (steps.stages)(cpu, self, &mut c);
        if result != ScanResult::Succeed {
            (steps.rollback)(cpu, self, &mut c, result);
            self.folio(c.hpage).set_mapping(cpu, Mapping::None);
            self.folio(c.hpage).lock.unlock(cpu);
            (steps.put_hpage)(cpu, self, c.hpage);
            return result;
        }
        (steps.unlock_hpage_early)(cpu, self, &mut c);
        cpu.pass(ip::cf9);
        let result = (steps.retract)(cpu, self, &mut c);
        cpu.note(What::Retracted { file: file.0, index: start });
        (steps.unlock_hpage)(cpu, self, &mut c);
        cpu.pass(ip::cf10);
        (steps.free_old_pages)(cpu, self, &mut c);
        self.assert_nothing_held(cpu);
        result
    }

    /// `alloc_charge_hpage`: a new huge page, or why there is none.
    pub(in crate::mm) fn alloc_charge_hpage(&self, cpu: &Cpu<'_>) -> Result<FolioId, ScanResult> {
        let hpage = self.folio_alloc(cpu, true).ok_or(ScanResult::AllocHugePageFail)?;
        self.charge_hpage(cpu, hpage)
    }

    /// The charge; a page that may not be charged is put.
    pub(super) fn charge_hpage(
        &self,
        cpu: &Cpu<'_>,
        hpage: FolioId,
    ) -> Result<FolioId, ScanResult> {
        if self.mem_cgroup_charge(cpu, hpage) {
            return Ok(hpage);
        }
        self.folio_put(cpu, hpage);
        Err(ScanResult::CgroupChargeFail)
    }
}

/// `xas_create_range`: the nodes for the range, so that the stores cannot fail. Under xa_lock memory comes only if it is
/// at hand; else the lock is dropped for the allocation. `false`: no memory, and xa_lock is not held.
pub(in crate::mm) fn create_range(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseFile) -> bool {
    let xa_lock = &k.mapping(c.file).xa_lock;
    xa_lock.lock(cpu);
    while k.should_fail_alloc(cpu) {
        xa_lock.unlock(cpu);
        // xas_nomem()
        if k.should_fail_alloc(cpu) {
            return false;
        }
        xa_lock.lock(cpu);
    }
    cpu.pass(ip::cf1);
    true
}

/// Everything that can fail.
pub(in crate::mm) fn stages(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    let steps = &k.steps.file;
    if !create_range(cpu, k, c) {
        return ScanResult::Fail;
    }
    let mut result = k.gather_pages(cpu, c);
    // The flush of all that was unmapped: no CPU may write to an old page once it is being copied.
    (steps.flush)(cpu, k);
    cpu.pass(ip::cf5);
    if result == ScanResult::Succeed && c.nr_none > 0 {
        if k.should_fail_alloc(cpu) {
            result = ScanResult::Fail;
        } else {
            (steps.charge_holes)(cpu, k, c);
        }
    }
    if result == ScanResult::Succeed {
        result = k.copy_pages(cpu, c);
    }
    if result == ScanResult::Succeed {
        result = if c.nr_none > 0 {
            (steps.seal_holes)(cpu, k, c)
        } else {
            k.mapping(c.file).xa_lock.lock(cpu);
            ScanResult::Succeed
        };
    }
    if result == ScanResult::Succeed {
        (steps.flush_late)(cpu, k);
        k.store_hpage(cpu, c);
    }
    result
}

/// The huge page is unlocked, and whoever waits for it may map it.
pub(in crate::mm) fn unlock_hpage(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.folio(c.hpage).lock.unlock(cpu);
}

/// `retract_page_tables`. MADV_COLLAPSE goes on with its own page table.
pub(in crate::mm) fn retract(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    k.retract_page_tables(cpu, c.file, c.start);
    retract_nothing(cpu, k, c)
}

/// The page tables stay.
pub(in crate::mm) fn retract_nothing(_: &Cpu<'_>, _: &Kernel, c: &mut CollapseFile) -> ScanResult {
    if c.is_khugepaged { ScanResult::Succeed } else { ScanResult::PteMappedHugepage }
}

/// `try_to_unmap_flush`.
pub(in crate::mm) fn flush(cpu: &Cpu<'_>, k: &Kernel) {
    k.try_to_unmap_flush(cpu);
}
