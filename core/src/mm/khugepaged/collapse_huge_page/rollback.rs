//! The way back: the old table is linked again, with all that is in it, and its pages are released.

use super::CollapseHuge;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::scan_pmd::is_none_or_zero;
use crate::mm::types::Pmd;
use crate::sync::Cpu;

/// `pmd_populate(mm, pmd, pmd_pgtable(_pmd))` under pml: whatever `_pmd` is.
pub fn restore_pmd(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseHuge) {
    let pml = k.pmd_lock(cpu, c.mm);
    let none = Pmd(k.pmdp(c.mm, c.haddr).read_once(cpu)).is_none();
    cpu.vm_bug_on(!none, "collapse_huge_page() finds something in the entry that it has emptied");
    let table = k.pgtable(cpu, c.pmd);
    k.pmd_populate(cpu, c.mm, c.haddr, table);
    k.lock(pml).unlock(cpu);
}

/// `release_pte_pages`: the pages of the first `isolated` entries, the large folios last.
pub fn release_pages(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseHuge, isolated: u32) {
    let s = &k.steps.anon;
    for i in (0..isolated).rev() {
        let entry = k.ptep_get(cpu, c.pte, c.addr(i));
        if is_none_or_zero(entry) {
            continue;
        }
        let folio = k.folios.of(entry.pfn());
        if !k.folios.is_large(folio) {
            (s.unlock_page)(cpu, k, folio);
            (s.putback_lru)(cpu, k, folio);
        }
    }
    for folio in std::mem::take(&mut c.compound) {
        (s.unlock_page)(cpu, k, folio);
        (s.putback_lru)(cpu, k, folio);
    }
}

/// `__collapse_huge_page_copy_failed`: the table first, then the pages. Their locks have kept rmap away.
pub fn restore_then_release(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseHuge) {
    (k.steps.anon.restore_pmd)(cpu, k, c);
    (k.steps.anon.release_pages)(cpu, k, c, k.hpn);
}

/// The other way round.
pub fn release_then_restore(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseHuge) {
    (k.steps.anon.release_pages)(cpu, k, c, k.hpn);
    (k.steps.anon.restore_pmd)(cpu, k, c);
}
