//! The way back: the range is as it was, but that its pages are not mapped any longer. They can be faulted in again.

use super::run::CollapseFile;
use crate::mm::folio::Mapping;
use crate::mm::kernel::Kernel;
use crate::sync::Cpu;

impl Kernel {
    /// `rollback:`. xa_lock is not held.
    pub(super) fn collapse_file_rollback(&self, cpu: &Cpu<'_>, c: &mut CollapseFile) {
        if c.charged {
            (self.steps.cf_uncharge_holes)(cpu, self, c);
        }
        for &old in &c.pagelist {
            self.folio(old).lock.unlock_inherited(cpu);
            self.folio_putback_lru(cpu, old);
            self.folio_put(cpu, old);
        }
        self.folio(c.hpage).set_mapping(cpu, Mapping::None);
        self.folio(c.hpage).lock.unlock(cpu);
        self.folio_put(cpu, c.hpage);
    }
}

/// `nrpages` is what it was, and `shmem_uncharge`.
pub(in crate::mm) fn uncharge(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.shmem_uncharge(cpu, c.file, i64::from(c.nr_none));
}
