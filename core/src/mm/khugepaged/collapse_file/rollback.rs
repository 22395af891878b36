//! The way back: the range is as it was, but that its pages are not mapped any longer. They can be faulted in again.

use super::run::CollapseFile;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::types::FolioId;
use crate::sync::Cpu;

/// `rollback:`. xa_lock is not held.
pub(in crate::mm) fn rollback(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile, result: ScanResult) {
    if c.charged {
        (k.steps.file.uncharge_holes)(cpu, k, c);
    }
    for &old in &c.pagelist {
        (k.steps.file.unlock_old)(cpu, k, old);
        k.folio_putback_lru(cpu, old);
        k.folio_put(cpu, old);
    }
    if k.mapping(c.file).regular && result == ScanResult::CopyMc {
        // All other failures come before it is counted.
        k.mapping(c.file).filemap_nr_thps_add(cpu, -1);
    }
}

/// The old page is unlocked: whoever waits for it goes on.
pub(in crate::mm) fn unlock_old(cpu: &Cpu<'_>, k: &Kernel, old: FolioId) {
    k.folio(old).lock.unlock_inherited(cpu);
}

/// `nrpages` is what it was, and `shmem_uncharge`.
pub(in crate::mm) fn uncharge(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.shmem_uncharge(cpu, c.file, i64::from(c.nr_none));
}
