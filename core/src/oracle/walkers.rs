//! What a walk of page tables counts is there.
//!
//! Verified: at each huge unit, while the walk holds its lock, the number of resident pages that smaps has counted.
//! Not verified: the other columns (single-threaded tests compare them with the page tables); that a walk ends is the
//! business of `livelock`.

use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::{Kernel, MmId, Pte, Rss, Vaddr};
use crate::sync::What;

/// Section 13.2, litmus 27.
pub(super) const WALK_MISCOUNTED: Oracle = Oracle {
    facts: &[Fact::Counted],
    event: Some(|view: &View<'_>, cpu, what| match what {
        What::Counted { mm, start, pages, resident } => {
            let there = (start..start + pages)
                .filter(|&page| is_resident(view.kernel, MmId(mm), Vaddr(page)))
                .count();
            if there == resident as usize {
                return Ok(());
            }
            let detail = format!(
                "cpu{} counted {resident} resident pages in pages {start} to {} of m{mm}, but there are {there}",
                cpu.id(),
                start + pages
            );
            Err(Wrong::new(detail, [view.kernel.pmdp(MmId(mm), Vaddr(start)).obj()]))
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "walk_miscounted",
        "13.2",
        "What smaps counts of a huge unit is what the page tables hold while it has the lock.",
    )
};

fn is_resident(kernel: &Kernel, mm: MmId, addr: Vaddr) -> bool {
    let pmd = kernel.peek_pmd(mm, addr);
    if !pmd.is_table() {
        return kernel.rss_of_pmd(pmd).0.is_some();
    }
    let table = pmd.pgtable().filter(|&id| kernel.tables.is_valid(id));
    table.is_some_and(|table| {
        let entry = Pte(kernel.tables.get(table).entry(addr.0).peek());
        kernel.rss_of(entry).0.is_some_and(|which| which != Rss::Swap)
    })
}
