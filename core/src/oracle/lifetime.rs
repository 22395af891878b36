//! What is freed is not used, and what is used is not freed.
//!
//! Verified: reads of and writes to freed page tables, writes to unlinked ones, folios that are freed while they
//! are mapped, locked or in a page cache, and the assertions of the kernel code itself.
//! Not verified: reads of an unlinked table that is not freed yet (RCU allows them).

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::object_name;
use crate::sync::{Obj, Splat};

fn about(view: &View<'_>, obj: Obj, what: &str) -> Wrong {
    Wrong::new(format!("{} {what}", object_name(obj, view.kernel.hpn)), [obj])
}

/// S3.
pub(super) const PGTABLE_USED_AFTER_FREE: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::TableUseAfterFree(table) => Some(about(view, table, "was used after it was freed")),
        _ => None,
    }),
    ..Oracle::new("pgtable_used_after_free", "S3", "Nobody walks a page table that has been freed.")
};

/// I3.4.
pub(super) const WRITE_TO_DETACHED_TABLE: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::WriteToDetachedTable(table) => {
            Some(about(view, table, "got an entry after it was unlinked"))
        }
        _ => None,
    }),
    ..Oracle::new(
        "write_to_detached_table",
        "I3.4",
        "No entry becomes non-empty in a page table that is linked no longer.",
    )
};

/// Section 4.7.
pub(super) const FOLIO_FREED_IN_USE: Oracle = Oracle {
    splat: Some(|view: &View<'_>, splat| match splat {
        Splat::FolioFreedInUse(folio) => {
            let id = crate::mm::FolioId(folio.index());
            let maps = view.kernel.folio_mapcount(id);
            Some(about(
                view,
                folio,
                &format!("was freed while {maps} entries map it, or locked, or in a page cache"),
            ))
        }
        _ => None,
    }),
    ..Oracle::new(
        "folio_freed_in_use",
        "4.7",
        "A folio is freed only when nothing maps it, nobody holds its lock and no page cache has it.",
    )
};

/// The assertions of the kernel code.
pub(super) const VM_BUG_ON: Oracle = Oracle {
    splat: Some(|_, splat| match splat {
        Splat::VmBug(condition) => Some(Wrong::new(condition, [])),
        _ => None,
    }),
    ..Oracle::new("vm_bug_on", "S5", "The assertions in the kernel's own code hold.")
};
