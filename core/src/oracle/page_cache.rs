//! The page cache and its folios agree.
//!
//! Verified: at quiescence each slot's folio names this file, is aligned in it, lies at all of its indices and at no other,
//! and is up to date, unless fallocate() has left it; no slot holds a RETRY entry; nrpages is the number of pages, and
//! shmem is charged for no fewer, with those in swap; a regular file's nr_thps is the number of its huge pages; behind the
//! end of a file of shmem there is no page but in a huge one that lies across the end, and of no file a private copy but of
//! a page that such a one may have.
//! Not verified: pages beyond the end of a regular file, which a readahead may bring back.

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::{AddressSpace, Kernel, Mapping, Pmd, Pte, Slot, Vaddr, flags};

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

/// A truncate leaves no small page of shmem behind the end, nor one in swap: a fault that has made one since has seen the new
/// size.
fn nothing_beyond_the_end(file: &AddressSpace) -> Result<(), Wrong> {
    let size = file.i_size.peek() as u32;
    let pages = file.i_pages.len() as u32;
    let is_there = |&index: &u32| match file.slot(index) {
        Slot::Empty | Slot::Retry => false,
        Slot::Value(_) => true,
        // A huge page ends where it ends.
        Slot::Folio(_) => size == 0 || file.slot(index) != file.slot(size - 1),
    };
    let beyond = (size..pages).find(is_there).filter(|_| !file.regular);
    match beyond {
        None => Ok(()),
        Some(index) => {
            let detail = format!("f{} has {size} pages, but index {index} is in use", file.id.0);
            Err(Wrong::new(detail, [file.i_pages[index as usize].obj(), file.i_size.obj()]))
        }
    }
}

/// ... nor a private copy.
fn no_copies_beyond_the_end(k: &Kernel) -> Result<(), Wrong> {
    for (_, vma) in k.vmas.iter() {
        let spec = vma.spec();
        let Some(file) = spec.file.filter(|_| !spec.shared() && vma.anon_vma.peek() != 0) else {
            continue;
        };
        // Of a huge page across the end all pages are mapped, and copied.
        let size = (k.mapping(file).i_size.peek() as u32).next_multiple_of(k.hpn);
        let first = size.max(spec.pgoff) - spec.pgoff;
        for addr in (spec.start.0 + first..spec.end.0).map(Vaddr) {
            let pmd = k.pmdp(spec.mm, addr).peek();
            let live = |&id: &_| Pmd(pmd).is_table() && k.tables.is_valid(id);
            let Some(table) = Pmd(pmd).pgtable().filter(live) else { continue };
            let entry = k.tables.get(table).entry(addr.0);
            let pte = Pte(entry.peek());
            let copy = pte.swap_slot().is_some()
                || pte.is_present()
                    && k.folios.is_valid(pte.pfn())
                    && k.folio_of(pte.pfn()).is_anon();
            if copy {
                let detail = format!(
                    "page {} of m{} is a copy of a page behind the end of f{}",
                    addr.0, spec.mm.0, file.0
                );
                return Err(Wrong::new(detail, [entry.obj(), k.mapping(file).i_size.obj()]));
            }
        }
    }
    Ok(())
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
        no_copies_beyond_the_end(k)?;
        for file in &k.files {
            slots_are_counted(file)?;
            huge_pages_are_counted(k, file)?;
            nothing_beyond_the_end(file)?;
            for index in 0..file.i_pages.len() as u32 {
                let Some(id) = file.peek(index) else { continue };
                let folio = k.folio(id);
                let pages = folio.index()..folio.index() + k.folios.nr_pages(id);
                let covers = pages.contains(&index)
                    && pages.start.is_multiple_of(k.folios.nr_pages(id))
                    && (index != pages.start || pages.clone().all(|at| file.peek(at) == Some(id)));
                // fallocate() leaves pages that nobody has cleared yet: huge ones, whose pieces lie behind its end, too.
                let fallocend = file.fallocend.peek().next_multiple_of(u64::from(k.hpn));
                let fallocated = !file.regular && u64::from(index) < fallocend;
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
        "Every folio of a page cache belongs to this file and covers its index; nothing is left behind the file's end.",
    )
};
