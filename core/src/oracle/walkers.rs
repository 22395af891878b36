//! What a walk of page tables counts is there.
//!
//! Verified: at each huge unit, while the walk holds its lock, the number of resident pages that smaps has counted.
//! Verified too: when mincore() finds a huge page in the page cache that is not up to date, no small page has its data still.
//! Not verified: the other columns (single-threaded tests compare them with the page tables); that a walk ends is the
//! business of `livelock`; a migration, which shows a folio that is not up to date until it has copied the data.

use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::{FileId, Kernel, Mapping, MmId, Pte, Rss, Vaddr, flags};
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

/// Section 13.4. A small folio that a collapse has taken out of the page cache names its file until its data are in the huge
/// one.
pub(super) const CACHED_DATA_HIDDEN: Oracle = Oracle {
    facts: &[Fact::NotUptodate],
    event: Some(|view: &View<'_>, cpu, what| match what {
        What::NotUptodate { file, index } => {
            let k = view.kernel;
            let Some(shown) = k.mapping(FileId(file)).peek(index) else { return Ok(()) };
            let has_data = |&id: &_| {
                let folio = k.folio(id);
                folio.peek_mapping() == Mapping::File(FileId(file))
                    && folio.index() == index
                    && k.folios.nr_pages(id) < k.folios.nr_pages(shown)
                    && folio.has(flags::UPTODATE)
            };
            let Some(hidden) = k.folios.touched().find(has_data) else { return Ok(()) };
            let detail = format!(
                "cpu{} took page {index} of f{file} for missing while folio {} has its data",
                cpu.id(),
                hidden.0
            );
            Err(Wrong::new(detail, [Kernel::folio_obj(hidden)]))
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "cached_data_hidden",
        "13.4",
        "A huge page that takes the place of small ones in a page cache is up to date when somebody finds it there.",
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
