//! Whoever mirrors a page table is told in time.
//!
//! Verified: each removal of a translation against the open invalidation ranges of the acting CPU, ranges left open,
//! a folio that is freed while the secondary MMU maps it, and at quiescence every mirrored page.
//! Not verified: interval subscribers that keep device state of their own.

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::class::Class;
use crate::mm::{FolioId, Kernel, MmId, Shadow, Vaddr};
use crate::sync::What;

/// Q13, I7.1.
pub(super) const SECONDARY_MMU_STALE: Oracle = Oracle {
    event: Some(|view, _, what| match what {
        What::Free(folio) if Class::Folio.has(folio) => {
            freed_while_mirrored(view.kernel, FolioId(folio.index()))
        }
        _ => Ok(()),
    }),
    quiesce: Some(|view: &View<'_>, _| {
        view.kernel.mms.iter().try_for_each(|mm| {
            mm.notifier
                .shadows()
                .try_for_each(|(addr, shadow)| mirrored(view.kernel, mm.id, addr, shadow))
        })
    }),
    ..Oracle::new(
        "secondary_mmu_stale",
        "Q13, I7.1",
        "What the secondary MMU maps, the page table maps too: it holds no reference, so it must have been told.",
    )
};

fn freed_while_mirrored(kernel: &Kernel, id: FolioId) -> Result<(), Wrong> {
    for mm in &kernel.mms {
        let mut shadows = mm.notifier.shadows();
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
        match view.kernel.mms.iter().find(|mm| mm.notifier.active.peek() != 0) {
            Some(mm) => Err(Wrong::new(
                format!(
                    "{} invalidations of m{} are in progress",
                    mm.notifier.active.peek(),
                    mm.id.0
                ),
                [mm.notifier.active.obj()],
            )),
            None => Ok(()),
        }
    }),
    ..Oracle::new(
        "notifier_range_left_open",
        "Q11, N3",
        "Every invalidate_range_start() has its end, on all ways out.",
    )
};
