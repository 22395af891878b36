//! VMAs are where they should be.
//!
//! Verified: at quiescence a VMA is in the tree or detached, a file VMA in the tree is in i_mmap, entries lie in VMAs,
//! and a VMA with anonymous pages has an anon_vma.
//! Not verified: splitting and merging (nothing does it yet).

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::class::Class;
use crate::mm::{Kernel, Pte, Vaddr, VmaId};

/// Q18.
pub(super) const VMA_INCONSISTENT: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        view.kernel.vmas.iter().try_for_each(|(id, _)| {
            linked(view.kernel, id).and_then(|()| anonymous(view.kernel, id))
        })
    }),
    ..Oracle::new(
        "vma_inconsistent",
        "Q18, I2.1 to I2.4",
        "A VMA is in its mm's tree and in i_mmap, or in neither; anonymous pages have an anon_vma.",
    )
};

fn linked(kernel: &Kernel, id: VmaId) -> Result<(), Wrong> {
    let vma = kernel.vma(id);
    let in_tree = kernel.mm(vma.spec().mm).vma_tree.peek() >> id.0 & 1 == 1;
    let in_i_mmap = vma.spec().file.map(|file| kernel.mapping(file).i_mmap.peek() >> id.0 & 1 == 1);
    if in_i_mmap.is_none_or(|mapped| mapped == in_tree) {
        return Ok(());
    }
    let detail = format!("v{} is in one of the VMA tree and i_mmap only", id.0);
    Err(Wrong::new(detail, [Class::Vma.obj(u32::from(id.0))]))
}

/// I2.3, I2.4, and that a VMA which is gone has left nothing behind.
fn anonymous(kernel: &Kernel, id: VmaId) -> Result<(), Wrong> {
    let vma = kernel.vma(id);
    let in_tree = kernel.mm(vma.spec().mm).vma_tree.peek() >> id.0 & 1 == 1;
    for page in vma.spec().start.0..vma.spec().end.0 {
        let pmd = kernel.peek_pmd(vma.spec().mm, Vaddr(page));
        let Some(table) =
            pmd.pgtable().filter(|&table| pmd.is_table() && kernel.tables.is_valid(table))
        else {
            if pmd.is_trans_huge() && !in_tree {
                return Err(left(kernel, id, page));
            }
            continue;
        };
        let pte = Pte(kernel.tables.get(table).entry(page).peek());
        if !pte.is_none() && !in_tree {
            return Err(left(kernel, id, page));
        }
        let anon = pte.is_present() && !pte.is_special() && kernel.folio_of(pte.pfn()).is_anon();
        if anon && vma.anon_vma.peek() == 0 {
            let detail =
                format!("page {page} of v{} is anonymous, but the VMA has no anon_vma", id.0);
            return Err(Wrong::new(detail, [Class::Vma.obj(u32::from(id.0))]));
        }
    }
    Ok(())
}

fn left(kernel: &Kernel, id: VmaId, page: u32) -> Wrong {
    let pmd = kernel.pmdp(kernel.vma(id).spec().mm, Vaddr(page)).obj();
    Wrong::new(format!("v{} is unmapped, but page {page} is still there", id.0), [pmd])
}
