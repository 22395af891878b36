//! What becomes of the table after step 4.

use crate::mm::kernel::Kernel;
use crate::sync::Cpu;

use super::Collapse;

/// `mm_dec_nr_ptes`.
pub fn dec_nr_ptes(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.mm(c.mm).dec_nr_ptes(cpu);
}

/// `page_table_check_pte_clear_range`: nothing to do in an empty table.
pub fn ptc_clear_range(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if k.config.page_table_check && c.pgt_pmd.is_table() {
        k.page_table_check_pte_clear_range(cpu, k.pgtable(cpu, c.pgt_pmd));
    }
}

/// `pte_free_defer`: a walker that has read the PMD entry may still be inside.
pub fn free_defer(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let table = k.pgtable(cpu, c.pgt_pmd);
    k.pte_free_defer(cpu, table);
}

/// `pte_free`: at once.
pub fn free_now(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let table = k.pgtable(cpu, c.pgt_pmd);
    k.pte_free(cpu, table);
}
