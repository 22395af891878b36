//! `ptep_modify_prot_start`, and what is decided by the old entry (kernel-semantics sections 3.6 and 11.10).

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::types::{MmId, Pte, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `ptep_modify_prot_start`: the entry is empty until the new one is set, so that the hardware cannot change it
    /// meanwhile. Under ptl. The commit is `set_pte_at`.
    pub(in crate::mm) fn ptep_modify_prot_start(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        pte: PteMap,
        addr: Vaddr,
    ) -> Pte {
        self.ptep_get_and_clear(cpu, mm, pte, addr)
    }
}

/// The entry stays what it is until it is replaced: a CPU may set its dirty bit in between.
pub(in crate::mm) fn read_only(
    cpu: &Cpu<'_>,
    k: &Kernel,
    _: MmId,
    pte: PteMap,
    addr: Vaddr,
) -> Pte {
    k.ptep_get(cpu, pte, addr)
}

/// `pte_needs_flush`: a CPU may have cached of the old entry what the new one does not say. The young bit does not matter.
pub(super) fn needs_flush(old: Pte, new: Pte) -> bool {
    let same_access =
        new.is_user_accessible() && old.is_write() == new.is_write() && old.pfn() == new.pfn();
    old.is_user_accessible() && (!same_access || old.is_dirty() && !new.is_dirty())
}

/// `make_readable_migration_entry`, or of an anonymous page `make_readable_exclusive_migration_entry`.
pub(in crate::mm) fn migration_readable(k: &Kernel, entry: Pte) -> Pte {
    entry.mkmigration_protected(k.folio_of(entry.pfn()).is_anon())
}
