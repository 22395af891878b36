//! VMAs are where they should be.
//!
//! Verified: at quiescence a VMA in the tree is not detached, a VMA is in the tree and in i_mmap or gone, no two VMAs of
//! an mm overlap, entries lie in VMAs, and a VMA with anonymous pages has an anon_vma; at every step, that nobody
//! touches a VMA that was freed; of an mm that has ended nothing is left.
//! Not verified: that every VMA that could be merged is.

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::class::Class;
use crate::mm::{Kernel, MmStruct, Pmd, Pte, Vaddr, VmaId, object_name};
use crate::sync::Splat;

/// S3.
pub(super) const VMA_USED_AFTER_FREE: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::VmaUseAfterFree(vma) => {
            let name = object_name(vma, view.kernel.hpn);
            Some(Wrong::new(
                format!("{name} was touched after it was freed, or freed while in use"),
                [vma],
            ))
        }
        _ => None,
    }),
    ..Oracle::new("vma_used_after_free", "S3", "Nobody touches a VMA that has been freed.")
};

/// Q18.
pub(super) const VMA_INCONSISTENT: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        view.kernel.vmas.iter().try_for_each(|(id, _)| linked(view.kernel, id))?;
        view.kernel.mms.iter().try_for_each(|mm| entries(view.kernel, mm))?;
        view.kernel.mms.iter().filter(|mm| !mm.is_alive()).try_for_each(gone)
    }),
    ..Oracle::new(
        "vma_inconsistent",
        "Q18, I2.1 to I2.4",
        "A VMA is in its mm's tree and in i_mmap, or gone; entries lie in VMAs; anonymous pages have an anon_vma.",
    )
};

/// I2.1, I2.2, and that no two VMAs overlap.
fn linked(kernel: &Kernel, id: VmaId) -> Result<(), Wrong> {
    let vma = kernel.vma(id);
    let tree = kernel.mm(vma.spec().mm).vma_tree.peek();
    let wrong = |what: &str| {
        Err(Wrong::new(format!("v{} {what}", id.0), [Class::Vma.obj(u32::from(id.0))]))
    };
    if tree >> id.0 & 1 == 0 {
        return wrong("is neither in the tree of its mm nor freed");
    }
    if vma.detached.peek() != 0 {
        return wrong("is in the tree of its mm, and detached");
    }
    let in_i_mmap = |file| kernel.mapping(file).i_mmap.peek() >> id.0 & 1 == 1;
    if !vma.spec().file.is_none_or(in_i_mmap) {
        return wrong("is in the VMA tree, but not in i_mmap");
    }
    let spec = vma.spec();
    let overlaps =
        |other: VmaId| other != id && kernel.vma(other).spec().overlaps(spec.start, spec.end);
    if kernel.vmas_of(tree).any(overlaps) {
        wrong("overlaps another VMA of its mm")
    } else {
        Ok(())
    }
}

/// I2.3, I2.4, and that a VMA which is gone has left nothing behind.
fn entries(kernel: &Kernel, mm: &MmStruct) -> Result<(), Wrong> {
    for (unit, pmd) in (0..).zip(&mm.pmds) {
        let (pmd, haddr) = (Pmd(pmd.peek()), Vaddr(unit * kernel.hpn));
        if pmd.is_trans_huge() {
            of_a_vma(kernel, mm, haddr)?;
        }
        let table = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id));
        let Some(table) = table else { continue };
        for (page, pte) in (haddr.0..).zip(kernel.tables.get(table).entries()) {
            let pte = Pte(pte.peek());
            if pte.is_none() {
                continue;
            }
            let vma = of_a_vma(kernel, mm, Vaddr(page))?;
            let anon =
                pte.is_present() && !pte.is_special() && kernel.folio_of(pte.pfn()).is_anon();
            if anon && kernel.vma(vma).anon_vma.peek() == 0 {
                let detail =
                    format!("page {page} of v{} is anonymous, but the VMA has no anon_vma", vma.0);
                return Err(Wrong::new(detail, [kernel.vma(vma).obj()]));
            }
        }
    }
    Ok(())
}

/// Nothing is left of an mm without users.
fn gone(mm: &MmStruct) -> Result<(), Wrong> {
    let counters = mm.rss.iter().chain([&mm.nr_ptes, &mm.vma_tree]).chain(&mm.pmds);
    match counters.into_iter().find(|word| word.peek() != 0) {
        Some(word) => {
            let detail = format!("m{} has no users, but something is left of it", mm.id.0);
            Err(Wrong::new(detail, [word.obj()]))
        }
        None => Ok(()),
    }
}

fn of_a_vma(kernel: &Kernel, mm: &MmStruct, addr: Vaddr) -> Result<VmaId, Wrong> {
    let mut vmas = kernel.vmas_of(mm.vma_tree.peek());
    vmas.find(|&id| kernel.vma(id).spec().contains(addr)).ok_or_else(|| {
        let detail = format!("page {} of m{} is mapped, but lies in no VMA", addr.0, mm.id.0);
        Wrong::new(detail, [mm.pmdp(addr, kernel.hpn).obj()])
    })
}
