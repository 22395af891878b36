//! What a walk of page tables counts is there.
//!
//! Verified: at each huge unit, while the walk holds its lock, the number of resident pages that smaps has counted.
//! Verified too: when mincore() finds a folio in the page cache that is not up to date, no other folio holds that page's data.
//! Not verified: the other columns (single-threaded tests compare them with the page tables); that a walk ends is the
//! business of `livelock`.

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

/// Section 13.4. A folio that is in the cache of a file names the file until it has left it, or until its data are elsewhere.
pub(super) const CACHED_DATA_HIDDEN: Oracle = Oracle {
    facts: &[Fact::NotUptodate],
    event: Some(|view: &View<'_>, cpu, what| match what {
        What::NotUptodate { file, index } => {
            let k = view.kernel;
            let shown = k.mapping(FileId(file)).peek(index);
            let has_data = |&id: &_| {
                let folio = k.folio(id);
                let pages = folio.index()..folio.index() + k.folios.nr_pages(id);
                Some(id) != shown
                    && folio.peek_mapping() == Mapping::File(FileId(file))
                    && pages.contains(&index)
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
        "Who looks into a page cache without a lock finds what is in it up to date, or nobody has its data.",
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
