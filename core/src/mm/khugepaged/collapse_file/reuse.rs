//! What khugepaged once did: the huge page of a collapse that failed is kept for the next one.
//!
//! While the huge page was in the page cache, somebody may have found it there, and wait for its lock: for the page of
//! the first range, which it is no longer.

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::types::FolioId;
use crate::sync::Cpu;

/// The page that was kept, or a new one.
pub(in crate::mm) fn alloc(cpu: &Cpu<'_>, k: &Kernel) -> Result<FolioId, ScanResult> {
    match k.slots.kept_hpage.xchg(cpu, 0).checked_sub(1) {
        Some(kept) => {
            let kept = FolioId(kept as u32);
            cpu.debts.owe(k.folio(kept).refcount.obj(), -1);
            k.charge_hpage(cpu, kept)
        }
        None => k.alloc_charge_hpage(cpu),
    }
}

/// Keeps the page, unless there is one already.
pub(in crate::mm) fn keep(cpu: &Cpu<'_>, k: &Kernel, hpage: FolioId) {
    if k.slots.kept_hpage.cmpxchg(cpu, 0, u64::from(hpage.0) + 1).is_err() {
        k.folio_put(cpu, hpage);
    } else {
        cpu.debts.owe(k.folio(hpage).refcount.obj(), 1);
    }
}
