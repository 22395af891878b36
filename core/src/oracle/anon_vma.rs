//! The anon_vmas agree with their VMAs and pages.
//!
//! Verified: at quiescence, that the links between VMAs and anon_vmas are the same from both sides, that the counts and
//! references of each anon_vma are what a recount says, and that rmap finds every anonymous page where it is mapped;
//! at every step, that nobody holds the lock of an anon_vma that was freed.
//! Not verified: that an anon_vma which could be reused is.

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::{AnonVma, AnonVmaId, Kernel, Mapping, MmStruct, Pmd, Pte, Vaddr, object_name};
use crate::sync::Splat;

/// S3.
pub(super) const ANON_VMA_USED_AFTER_FREE: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::AnonVmaUseAfterFree(anon_vma) => {
            let name = object_name(anon_vma, view.kernel.hpn);
            let detail =
                format!("{name} was freed while a VMA is linked with it, or its lock held");
            Some(Wrong::new(detail, [anon_vma]))
        }
        _ => None,
    }),
    ..Oracle::new(
        "anon_vma_used_after_free",
        "S3",
        "An anon_vma lives as long as VMAs or walks need it.",
    )
};

/// I2.3.
pub(super) const ANON_VMA_INCONSISTENT: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        let k = view.kernel;
        k.anon_vmas.iter().try_for_each(|(id, anon_vma)| counted(k, id, anon_vma))?;
        k.vmas.iter().try_for_each(|(id, vma)| {
            let dead = vma.anon_vma_chain.iter().find(|&link| !k.anon_vma(link).tree.has(id));
            match dead {
                Some(link) => Err(Wrong::new(
                    format!("v{} has a link with av{}, which does not know of it", id.0, link.0),
                    [k.anon_vma(link).obj(), vma.obj()],
                )),
                None => Ok(()),
            }
        })?;
        k.mms.iter().try_for_each(|mm| pages(k, mm))
    }),
    ..Oracle::new(
        "anon_vma_inconsistent",
        "I2.3",
        "rmap finds an anonymous page wherever it is mapped; an anon_vma counts its VMAs and descendants.",
    )
};

fn counted(k: &Kernel, id: AnonVmaId, anon_vma: &AnonVma) -> Result<(), Wrong> {
    let others = || k.anon_vmas.iter().filter(move |&(other, _)| other != id);
    let populated = |anon_vma: &AnonVma| anon_vma.tree.peek() != 0;
    let (root, alive) = (k.anon_vma_root(id) == id, u32::from(populated(anon_vma)));
    let active = k.vmas.iter().filter(|&(vma, _)| k.peek_anon_vma(vma) == Some(id)).count() as u32;
    let children = others().filter(|(_, o)| o.parent() == id && populated(o)).count() as u32
        + if root { alive } else { 0 };
    let descendants = others().filter(|&(o, _)| root && k.anon_vma_root(o) == id).count() as u32;
    let unknown = (0..64)
        .filter(|vma| anon_vma.tree.peek() >> vma & 1 == 1)
        .map(crate::mm::VmaId)
        .find(|&vma| !k.vma(vma).is_allocated() || !k.vma(vma).anon_vma_chain.has(id));
    if let Some(vma) = unknown {
        let detail = format!("av{} has v{} in its tree, which has no link with it", id.0, vma.0);
        return Err(Wrong::new(detail, [anon_vma.obj(), k.vma(vma).obj()]));
    }
    for (name, says, is) in [
        ("num_active_vmas", anon_vma.num_active_vmas(), active),
        ("num_children", anon_vma.num_children(), children),
        ("refcount", anon_vma.refcount.peek() as u32, alive + descendants),
    ] {
        if says != is {
            let detail = format!("{name} of av{} says {says}, a recount says {is}", id.0);
            return Err(Wrong::new(detail, [anon_vma.obj()]));
        }
    }
    Ok(())
}

/// Every anonymous page is found by its anon_vma, at the address where it is mapped.
fn pages(k: &Kernel, mm: &MmStruct) -> Result<(), Wrong> {
    for (unit, pmd) in (0..).zip(&mm.pmds) {
        let (pmd, haddr) = (Pmd(pmd.peek()), unit * k.hpn);
        if pmd.is_trans_huge() {
            found(k, mm, Vaddr(haddr), Pte(pmd.0))?;
        }
        let table = pmd.pgtable().filter(|&id| pmd.is_table() && k.tables.is_valid(id));
        let Some(table) = table else { continue };
        for (page, pte) in (haddr..).zip(k.tables.get(table).entries()) {
            found(k, mm, Vaddr(page), Pte(pte.peek()))?;
        }
    }
    Ok(())
}

fn found(k: &Kernel, mm: &MmStruct, addr: Vaddr, entry: Pte) -> Result<(), Wrong> {
    if !entry.is_present() || entry.is_special() || !k.folios.is_valid(entry.pfn()) {
        return Ok(());
    }
    let folio = k.folio_of(entry.pfn());
    let Mapping::Anon(id) = folio.peek_mapping() else { return Ok(()) };
    // A mapping that is in no VMA, or in one without an anon_vma, is another oracle's business.
    let Some(vma) = k.peek_vma(mm.id, addr) else { return Ok(()) };
    let offset = entry.pfn().0 - k.folios.head(k.folios.of(entry.pfn())).0;
    let there =
        k.anon_vma(id).tree.has(vma) && k.vma(vma).spec().pgoff_of(addr) == folio.index() + offset;
    if there || k.peek_anon_vma(vma).is_none() {
        return Ok(());
    }
    let detail = format!("page {} of m{} is not found by its anon_vma av{}", addr.0, mm.id.0, id.0);
    Err(Wrong::new(detail, [k.anon_vma(id).obj(), k.vma(vma).obj()]))
}
