//! Of an mm only what somebody uses is left.
//!
//! Verified: at quiescence, that khugepaged has a slot for each mm that says so, and for no mm that has ended; that an
//! mm_struct has a reference for its users and one for that slot; that no gather is in flight.
//! Not verified: when the slot of an mm that ends goes, if it is being scanned.

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::mmf;

/// Q20.
pub(super) const KHUGEPAGED_SLOT_MISMATCH: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        for mm in &view.kernel.mms {
            let listed = view.kernel.peek_khugepaged_slot(mm.id);
            let says = mm.is_alive() && mm.flags.peek() & mmf::VM_HUGEPAGE != 0;
            if listed != says {
                let has = if listed { "has" } else { "has no" };
                let detail =
                    format!("khugepaged {has} slot for m{}, which says otherwise", mm.id.0);
                return Err(Wrong::new(detail, [mm.flags.obj()]));
            }
        }
        Ok(())
    }),
    ..Oracle::new(
        "khugepaged_slot_mismatch",
        "Q20",
        "khugepaged has a slot for an mm exactly if the mm has MMF_VM_HUGEPAGE and users.",
    )
};

/// Section 1.4.
pub(super) const MM_COUNT_MISMATCH: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        for mm in &view.kernel.mms {
            let slot = view.kernel.peek_khugepaged_slot(mm.id);
            let (says, is) = (mm.mm_count.peek(), u64::from(mm.is_alive()) + u64::from(slot));
            if says != is {
                let detail =
                    format!("mm_count of m{} says {}, a recount says {is}", mm.id.0, says as i64);
                return Err(Wrong::new(detail, [mm.mm_count.obj()]));
            }
        }
        Ok(())
    }),
    ..Oracle::new(
        "mm_count_mismatch",
        "1.4, Q18",
        "An mm_struct has one reference for all its users, and one for khugepaged's slot.",
    )
};

/// Q11.
pub(super) const GATHER_LEFT_OPEN: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        match view.kernel.mms.iter().find(|mm| mm.tlb_flush_pending.peek() != 0) {
            Some(mm) => {
                let pending = mm.tlb_flush_pending.peek() as i64;
                let detail = format!("tlb_flush_pending of m{} is {pending}", mm.id.0);
                Err(Wrong::new(detail, [mm.tlb_flush_pending.obj()]))
            }
            None => Ok(()),
        }
    }),
    ..Oracle::new("gather_left_open", "Q11", "Every tlb_gather_mmu() has its tlb_finish_mmu().")
};
