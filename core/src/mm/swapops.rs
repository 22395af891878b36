//! What entries that are not present name (`swapops.h`, kernel-semantics sections 3.1 and 5.7).

use super::kernel::Kernel;
use super::types::{FolioId, Pfn};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// `pfn_swap_entry_to_page` of a migration entry, under the lock of the table that it is in: the folio that it names,
    /// which is locked for as long as the entry exists (I5.2). `None`: there is no such page.
    pub(super) fn migration_entry_folio(&self, cpu: &Cpu<'_>, pfn: Pfn) -> Option<FolioId> {
        let folio = self.folios.is_valid(pfn).then(|| self.folios.of(pfn))?;
        if !self.folio(folio).lock.is_locked() {
            cpu.splat(Splat::MigrationEntryUnlocked(Kernel::folio_obj(folio)));
        }
        Some(folio)
    }
}
