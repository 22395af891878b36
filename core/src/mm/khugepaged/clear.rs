//! How step 2 clears an entry, and how step 3 pays for it.

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::types::{Pfn, Vaddr};
use crate::sync::Cpu;

use super::Collapse;

/// v6.6: `ptep_clear`, so that page_table_check knows. A racing truncate finds nothing to remove again.
pub fn ptep_clear(cpu: &Cpu<'_>, k: &Kernel, c: &Collapse, pte: PteMap, addr: Vaddr) {
    k.ptep_get_and_clear(cpu, c.mm, pte, addr);
}

/// The fix: what the hardware has set in the entry goes to the folio, which nobody may have marked as dirty yet.
pub fn ptep_clear_keep_dirty(cpu: &Cpu<'_>, k: &Kernel, c: &Collapse, pte: PteMap, addr: Vaddr) {
    if k.ptep_get_and_clear(cpu, c.mm, pte, addr).is_dirty() {
        k.folio_mark_dirty(cpu, c.hpage);
    }
}

/// The patch: `pte_clear`, of which page_table_check knows nothing.
pub fn pte_clear(cpu: &Cpu<'_>, k: &Kernel, c: &Collapse, pte: PteMap, addr: Vaddr) {
    k.pte_clear(cpu, c.mm, pte, addr);
}

/// Leaves the entry in place.
pub fn leave(_: &Cpu<'_>, _: &Kernel, _: &Collapse, _: PteMap, _: Vaddr) {}

/// `page_remove_rmap` of what the entry mapped.
pub fn remove_rmap(cpu: &Cpu<'_>, k: &Kernel, pfn: Pfn) {
    k.page_remove_rmap(cpu, pfn);
}

/// `page_ref_sub`: the references that the entries had. The caller's own and the page cache's keep the folio.
pub fn ref_sub(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.folio_ref_add(cpu, c.hpage, -i64::from(c.nr_ptes));
}

/// `add_mm_counter` of what the entries counted.
pub fn counter_sub(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.mm(c.mm).add_counter(cpu, k.mm_counter_file(c.hpage), -i64::from(c.nr_ptes));
}
