//! What userfaultfd promises its monitor.
//!
//! Verified: (1) no page that was missing when its VMA was registered, and that nobody has filled since who may do so, is
//! accessed by the user: the monitor must have been asked before. (2) No store reaches a page that is write-protected, and
//! at quiescence its entry still says so, or a marker does in its place. (3) No thread that was in the queue when its fault
//! was resolved sleeps on until a signal comes.
//! Not verified: pages that were missing, filled and dropped again; protections in ranges that an operation in flight may
//! drop, or has dropped; protections of anonymous pages that were not there, or that reclaim has thrown away; the content of
//! events.

use super::observed::uffd::{Promise, Uffd};
use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::{Kernel, MmId, Pte, Vaddr, VmFlags};
use crate::sync::{UffdFact, What};

/// Catalogue 16, litmus 17.
pub(super) const UFFD_EVENT_LOST: Oracle = Oracle {
    facts: &[Fact::UserLoad, Fact::UserStore],
    event: Some(|view: &View<'_>, _, what| match what {
        What::UserLoad { mm, page, .. } | What::UserStore { mm, page, .. } => {
            let registered = registered(view.kernel, mm, page, VmFlags::UFFD_MISSING);
            match registered && view.observed.uffd.is(mm, page, Promise::Missing) {
                true => Err(wrong(view, mm, page, "was filled and the monitor never asked")),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "uffd_event_lost",
        "11.11",
        "Whoever touches a missing page of a registered VMA waits for the monitor.",
    )
};

/// Litmus 16.
pub(super) const UFFD_WP_LOST: Oracle = Oracle {
    facts: &[Fact::UserStore],
    event: Some(|view: &View<'_>, _, what| match what {
        What::UserStore { mm, page, .. } => {
            let registered = registered(view.kernel, mm, page, VmFlags::UFFD_WP);
            match registered && view.observed.uffd.is(mm, page, Promise::Protected) {
                true => Err(wrong(view, mm, page, "is write-protected and was written to")),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    // Nothing is left that could have a marker, when the ioctl returns.
    op_end: Some(|view: &View<'_>, cpu| {
        view.observed.uffd.protected_by(cpu.id()).try_for_each(|(mm, page)| {
            let due = registered(view.kernel, mm, page, VmFlags::UFFD_WP);
            match due && view.kernel.peek_pmd(MmId(mm), Vaddr(page)).is_none() {
                true => {
                    Err(wrong(view, mm, page, "was to be write-protected, and has no page table"))
                }
                false => Ok(()),
            }
        })
    }),
    quiesce: Some(|view: &View<'_>, _| {
        view.observed.uffd.all(Promise::Protected).try_for_each(|(mm, page)| {
            let alive = view.kernel.mm(MmId(mm)).is_alive();
            let due = alive && registered(view.kernel, mm, page, VmFlags::UFFD_WP);
            match due && !is_protected(view.kernel, MmId(mm), Vaddr(page)) {
                true => Err(wrong(view, mm, page, "was write-protected, and is not any longer")),
                false => Ok(()),
            }
        })
    }),
    ..Oracle::new(
        "uffd_wp_lost",
        "16.1",
        "A page that userfaultfd write-protects stays so until the monitor lifts it.",
    )
};

/// S15, for those who wait for a monitor.
pub(super) const UFFD_WAKE_LOST: Oracle = Oracle {
    facts: &[Fact::Killed],
    event: Some(|view: &View<'_>, cpu, what| match what {
        What::Uffd { mm, page, fact: UffdFact::Killed, .. } => {
            match view.observed.uffd.was_resolved(cpu.id()) {
                true => Err(wrong(view, mm, page, "was resolved, and its waiter not woken")),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "uffd_wake_lost",
        "S15",
        "Whoever waits in the queue of a userfaultfd is woken when the fault is resolved.",
    )
};

fn wrong(view: &View<'_>, mm: u8, page: u32, what: &str) -> Wrong {
    let obj = view.kernel.pmdp(MmId(mm), Vaddr(page)).obj();
    Wrong::new(format!("page {page} of m{mm} {what}"), [obj])
}

fn registered(kernel: &Kernel, mm: u8, page: u32, modes: VmFlags) -> bool {
    Uffd::flags(kernel, mm, page).has(modes)
}

/// Whether the entry of the page says that it is write-protected.
fn is_protected(kernel: &Kernel, mm: MmId, addr: Vaddr) -> bool {
    let pmd = kernel.peek_pmd(mm, addr);
    if pmd.is_trans_huge() || pmd.is_migration() {
        return pmd.is_uffd_wp() && !pmd.is_write() || pmd.is_swp_uffd_wp();
    }
    let table = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id));
    table.is_some_and(|table| {
        let entry = Pte(kernel.tables.get(table).entry(addr.0).peek());
        let present = entry.is_uffd_wp() && !entry.is_write();
        present || entry.is_swp_uffd_wp() || entry.is_uffd_wp_marker() || entry.is_poisoned_marker()
    })
}
