//! Nobody gets at what a mapping does not permit.
//!
//! Verified: each user access against the flags of the VMA that it goes to, unless somebody holds mmap_lock for write and
//! may be changing them; at quiescence each entry against the flags of its VMA.
//! Not verified: that what a mapping permits is possible (a fault may always be needed first).

use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::{Kernel, MmId, MmStruct, Pmd, Pte, Vaddr};
use crate::sync::{CPUS_MAX, What};

/// Section 11.10.
pub(super) const ACCESS_NOT_PERMITTED: Oracle = Oracle {
    facts: &[Fact::UserLoad, Fact::UserStore],
    event: Some(|view, _, what| match what {
        What::UserLoad { mm, page, .. } => permitted(view.kernel, mm, page, false),
        What::UserStore { mm, page, .. } => permitted(view.kernel, mm, page, true),
        _ => Ok(()),
    }),
    quiesce: Some(|view: &View<'_>, _| {
        view.kernel.mms.iter().try_for_each(|mm| entries(view.kernel, mm))
    }),
    ..Oracle::new(
        "access_not_permitted",
        "11.10",
        "Once mprotect() has returned, no CPU and no entry permits more than the mapping does.",
    )
};

fn permitted(kernel: &Kernel, mm: u8, page: u32, write: bool) -> Result<(), Wrong> {
    let (mm, addr) = (kernel.mm(MmId(mm)), Vaddr(page));
    let mut vmas = kernel.vmas_of(mm.vma_tree.peek()).map(|vma| kernel.vma(vma).spec());
    let Some(spec) = vmas.find(|spec| spec.contains(addr)) else { return Ok(()) };
    let changing = || (0..CPUS_MAX as u8).any(|cpu| mm.mmap_lock.is_write_locked_by(cpu));
    if spec.permits(write) || changing() {
        return Ok(());
    }
    let how = if write { "written to" } else { "read" };
    let detail = format!("page {page} of m{} is {how}, which the mapping does not permit", mm.id.0);
    Err(Wrong::new(detail, [mm.pmdp(addr, kernel.hpn).obj()]))
}

/// What the entries permit.
fn entries(kernel: &Kernel, mm: &MmStruct) -> Result<(), Wrong> {
    for (unit, pmd) in (0..).zip(&mm.pmds) {
        let (first, pmd) = (unit * kernel.hpn, Pmd(pmd.peek()));
        if pmd.is_trans_huge() {
            entry(kernel, mm, first, (pmd.is_user_accessible(), pmd.is_write()))?;
        }
        let table = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id));
        let Some(table) = table else { continue };
        for (page, pte) in (first..).zip(kernel.tables.get(table).entries()) {
            let pte = Pte(pte.peek());
            entry(kernel, mm, page, (pte.is_user_accessible(), pte.is_write()))?;
        }
    }
    Ok(())
}

fn entry(
    kernel: &Kernel,
    mm: &MmStruct,
    page: u32,
    (accessible, write): (bool, bool),
) -> Result<(), Wrong> {
    let mut vmas = kernel.vmas_of(mm.vma_tree.peek()).map(|vma| kernel.vma(vma).spec());
    let Some(spec) = vmas.find(|spec| spec.contains(Vaddr(page))) else { return Ok(()) };
    if (!accessible || spec.accessible()) && (!write || spec.write()) {
        return Ok(());
    }
    let what = if write { "writable" } else { "accessible" };
    let detail = format!("page {page} of m{} is {what}, but its mapping is not", mm.id.0);
    Err(Wrong::new(detail, [mm.pmdp(Vaddr(page), kernel.hpn).obj()]))
}
