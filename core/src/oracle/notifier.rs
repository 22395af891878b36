//! Whoever mirrors a page table is told in time.
//!
//! Verified: each removal of a translation against the open invalidation ranges of the acting CPU, ranges left open,
//! a folio that is freed while KVM or a device maps it, at the end of each range that nobody has mirrored it meanwhile,
//! and at quiescence every mirrored page.

use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::class::Class;
use crate::mm::{FolioId, Kernel, MmId, MmStruct, Shadow, Vaddr};
use crate::sync::What;

/// Q13, I7.1.
pub(super) const SECONDARY_MMU_STALE: Oracle = Oracle {
    facts: &[Fact::Free, Fact::NotifierEnd],
    event: Some(|view, _, what| match what {
        What::Free(folio) if Class::Folio.has(folio) => {
            freed_while_mirrored(view.kernel, FolioId(folio.index()))
        }
        What::Notifier { mm, start, pages, open: false } => {
            let range = Vaddr(start)..Vaddr(start + pages);
            match all_mirrored(view.kernel.mm(MmId(mm))).find(|(addr, _)| range.contains(addr)) {
                Some((Vaddr(page), _)) => {
                    let detail = format!(
                        "page {page} of m{mm} was mirrored during an invalidation of pages {start} to {}",
                        start + pages
                    );
                    Err(Wrong::new(detail, [view.kernel.pmdp(MmId(mm), Vaddr(page)).obj()]))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    quiesce: Some(|view: &View<'_>, _| {
        view.kernel.mms.iter().try_for_each(|mm| {
            all_mirrored(mm)
                .try_for_each(|(addr, shadow)| mirrored(view.kernel, mm.id, addr, shadow))
        })
    }),
    ..Oracle::new(
        "secondary_mmu_stale",
        "Q13, I7.1, N4",
        "What the secondary MMU maps, the page table maps too: it holds no reference, so it must have been told.",
    )
};

/// What KVM and the device map of an mm.
fn all_mirrored(mm: &MmStruct) -> impl Iterator<Item = (Vaddr, Shadow)> {
    mm.notifier.shadows().chain(mm.notifier.itree.mirrored())
}

fn freed_while_mirrored(kernel: &Kernel, id: FolioId) -> Result<(), Wrong> {
    for mm in &kernel.mms {
        let mut shadows = all_mirrored(mm);
        let of_it =
            |s: &Shadow| kernel.folios.of(s.pfn) == id && s.generation == kernel.generation(id);
        if let Some((addr, _)) = shadows.find(|(_, shadow)| of_it(shadow)) {
            let detail = format!(
                "folio {} was freed while the secondary MMU of m{} maps it at page {}",
                id.0, mm.id.0, addr.0
            );
            return Err(Wrong::new(
                detail,
                [Kernel::folio_obj(id), kernel.pmdp(mm.id, addr).obj()],
            ));
        }
    }
    Ok(())
}

fn mirrored(kernel: &Kernel, mm: MmId, addr: Vaddr, shadow: Shadow) -> Result<(), Wrong> {
    if kernel.peek_maps(mm, addr, shadow.pfn, shadow.write) {
        return Ok(());
    }
    let detail = format!(
        "the secondary MMU of m{} maps page {} to frame {}, the page table does not",
        mm.0, addr.0, shadow.pfn.0
    );
    Err(Wrong::new(detail, [kernel.pmdp(mm, addr).obj()]))
}

/// S10.
pub(super) const CHANGE_OUTSIDE_NOTIFIER_RANGE: Oracle = Oracle {
    facts: &[Fact::Downgrade],
    event: Some(|view, cpu, what| match what {
        What::Downgrade { mm, start, pages } if !cpu.debts.covers(mm, start, pages) => {
            let detail =
                format!("page {start} of m{mm} was unmapped outside of an invalidation range");
            Err(Wrong::new(detail, [view.kernel.pmdp(MmId(mm), Vaddr(start)).obj()]))
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "change_outside_notifier_range",
        "S10, N1",
        "Every removal of a translation lies between an invalidate_range_start() and its end.",
    )
};

/// Q11, N3.
pub(super) const NOTIFIER_RANGE_LEFT_OPEN: Oracle = Oracle {
    op_end: Some(|_, cpu| match cpu.debts.ranges().first() {
        Some((mm, start, pages)) => {
            let detail = format!(
                "the operation ended with the invalidation of m{mm} pages {start} to {} open",
                start + pages
            );
            Err(Wrong::new(detail, [Class::NotifierActive.obj(u32::from(*mm))]))
        }
        None => Ok(()),
    }),
    quiesce: Some(|view: &View<'_>, _| {
        view.kernel.mms.iter().try_for_each(|mm| {
            let itree = &mm.notifier.itree;
            for active in [&mm.notifier.active, &itree.active] {
                let (n, id) = (active.peek(), mm.id.0);
                if n != 0 {
                    let detail = format!("{n} invalidations of m{id} are in progress");
                    return Err(Wrong::new(detail, [active.obj()]));
                }
            }
            if itree.seq.peek() & 1 == 1 {
                let detail = format!("invalidate_seq of m{} is odd", mm.id.0);
                return Err(Wrong::new(detail, [itree.seq.obj()]));
            }
            Ok(())
        })
    }),
    ..Oracle::new(
        "notifier_range_left_open",
        "Q11, I7.2, N3",
        "Every invalidate_range_start() has its end, on all ways out.",
    )
};
