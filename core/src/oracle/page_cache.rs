//! The page cache and its folios agree.
//!
//! Verified: at quiescence each slot's folio names this file, is aligned in it, lies at all of its indices and at no other,
//! and is up to date; no slot holds a
//! RETRY entry; nrpages is the number of pages, and shmem is charged for no fewer, with those in swap; a regular file's nr_thps is the number
//! of its huge pages.
//! Not verified: pages beyond the end of the file that a failed split keeps.

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::{AddressSpace, Kernel, Mapping, Slot, flags};

/// No RETRY entry is left, and nrpages is right.
fn slots_are_counted(file: &AddressSpace) -> Result<(), Wrong> {
    let mut pages = 0;
    for index in 0..file.i_pages.len() as u32 {
        match file.slot(index) {
            Slot::Empty | Slot::Value(_) => {}
            Slot::Folio(_) => pages += 1,
            Slot::Retry => {
                let detail = format!("index {index} of file f{} holds a RETRY entry", file.id.0);
                return Err(Wrong::new(detail, [file.i_pages[index as usize].obj()]));
            }
        }
    }
    let nrpages = file.nrpages.peek();
    if nrpages == pages {
        return Ok(());
    }
    let detail =
        format!("f{} has {pages} pages in its cache, but nrpages {}", file.id.0, nrpages as i64);
    Err(Wrong::new(detail, [file.nrpages.obj()]))
}

/// `nr_thps` of a regular file.
fn huge_pages_are_counted(k: &Kernel, file: &AddressSpace) -> Result<(), Wrong> {
    let heads = |&index: &u32| {
        let folio = file.peek(index).filter(|&folio| k.folios.is_large(folio));
        folio.is_some_and(|folio| k.folio(folio).index() == index)
    };
    let huge = (0..file.i_pages.len() as u32).filter(heads).count() as u64;
    let nr_thps = file.nr_thps.peek();
    if nr_thps == if file.regular { huge } else { 0 } {
        return Ok(());
    }
    let detail = format!("f{} has {huge} huge pages, but nr_thps {}", file.id.0, nr_thps as i64);
    Err(Wrong::new(detail, [file.nr_thps.obj()]))
}

/// Q19: what shmem is charged for.
pub(super) const BAD_SHMEM_ACCOUNTING: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        for file in view.kernel.files.iter().filter(|file| !file.regular) {
            let (alloced, nrpages) = (file.alloced.peek(), file.nrpages.peek());
            let swapped = file.swapped.peek();
            // More is fine: reclaim drops clean pages, and shmem_recalc_inode() finds that out later; so it does with a
            // page that was being swapped out when it looked.
            if (alloced as i64) < (nrpages + swapped) as i64 {
                let detail = format!(
                    "f{} is charged for {} pages only, and has {} and {} in swap",
                    file.id.0, alloced as i64, nrpages as i64, swapped as i64
                );
                return Err(Wrong::new(detail, [file.alloced.obj()]));
            }
        }
        Ok(())
    }),
    ..Oracle::new(
        "bad_shmem_accounting",
        "Q19",
        "An inode of shmem is charged for all the pages that it has.",
    )
};

/// Q14.
pub(super) const PAGE_CACHE_INCONSISTENT: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        let k = view.kernel;
        for file in &k.files {
            slots_are_counted(file)?;
            huge_pages_are_counted(k, file)?;
            for index in 0..file.i_pages.len() as u32 {
                let Some(id) = file.peek(index) else { continue };
                let folio = k.folio(id);
                let pages = folio.index()..folio.index() + k.folios.nr_pages(id);
                let covers = pages.contains(&index)
                    && pages.start.is_multiple_of(k.folios.nr_pages(id))
                    && (index != pages.start || pages.clone().all(|at| file.peek(at) == Some(id)));
                // fallocate() leaves pages that nobody has cleared yet.
                let fallocated = !file.regular && u64::from(folio.index()) < file.fallocend.peek();
                let right = folio.peek_mapping() == Mapping::File(file.id)
                    && (folio.has(flags::UPTODATE) || fallocated);
                if !covers || !right {
                    let detail = format!(
                        "index {index} of file f{} holds folio {}, which does not belong there",
                        file.id.0, id.0
                    );
                    return Err(Wrong::new(
                        detail,
                        [Kernel::folio_obj(id), file.i_pages[index as usize].obj()],
                    ));
                }
            }
        }
        Ok(())
    }),
    ..Oracle::new(
        "page_cache_inconsistent",
        "Q14",
        "Every folio of a page cache belongs to this file and covers its index.",
    )
};
