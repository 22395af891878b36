//! Step 5: the huge page is mapped by a PMD.

use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::Pmd;
use crate::sync::{Cpu, Word};

use super::{Collapse, ScanResult};

/// `set_huge_pmd`. The reference of the PMD is taken after the PMD is visible: safe, because the caller's own
/// reference and the folio lock pin the page.
pub fn set_huge_pmd(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> ScanResult {
    let _f = cpu.enter(func::set_huge_pmd);
    cpu.vm_bug_on(!k.folios.is_large(c.hpage), "set_huge_pmd() of a page that is not huge");
    cpu.assert_held(k.mm(c.mm).mmap_lock.obj());
    if !k.do_set_pmd(cpu, c.vma, c.haddr, c.hpage, false) {
        return ScanResult::Fail;
    }
    (k.steps.set_huge_pmd_ref)(cpu, k, c);
    ScanResult::Succeed
}

/// `get_page`, for the PMD.
pub fn get_hpage(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.folio_get(cpu, c.hpage);
}

/// `do_set_pmd` under pml: nobody has installed anything meanwhile.
pub fn pmd_is_none(cpu: &Cpu<'_>, pmdp: &Word) -> bool {
    Pmd(pmdp.read_once(cpu)).is_none()
}
