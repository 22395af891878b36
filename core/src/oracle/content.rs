//! A user's store is not lost.
//!
//! Verified: each user load against the last user store to the same page, and at quiescence the content that is found
//! through page table, swap or page cache against the last store. Pages that an operation in flight may drop
//! (MADV_DONTNEED, munmap, truncate) are unknown until they are stored to again. A child is born with what its parent has
//! stored, and from then on neither sees what the other stores to private memory. What mremap moves is found at its new
//! address, and no longer at the old one; what MADV_DONTNEED has dropped is gone.
//! Not verified: the content of pages that were never stored to; mixed shared and private views of one file page.

use super::forked;
use super::observed::Cell;
use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::{FileId, Kernel, MmId, Vaddr};
use crate::sync::{Obj, What};

/// Q17.
pub(super) const LOST_WRITE: Oracle = Oracle {
    facts: &[Fact::UserLoad, Fact::Fork],
    event: Some(|view, _, what| match what {
        What::UserLoad { mm, page, value } => {
            if view
                .observed
                .cell_of(view.kernel, mm, page)
                .is_some_and(|at| view.observed.has_left(at, value))
            {
                return Err(left_behind(view.kernel, mm, page, value));
            }
            let known = view
                .observed
                .cell_of(view.kernel, mm, page)
                .and_then(|at| view.observed.last_store(at));
            match known.filter(|&stored| stored != value) {
                Some(stored) => {
                    let detail = format!(
                        "page {page} of m{mm} reads {value:#x}, but {stored:#x} was stored last"
                    );
                    Err(Wrong::new(detail, [view.kernel.pmdp(MmId(mm), Vaddr(page)).obj()]))
                }
                None => Ok(()),
            }
        }
        What::Fork { parent, child, done: true } => born(view, parent, child),
        _ => Ok(()),
    }),
    quiesce: Some(|view: &View<'_>, _| {
        // What a process had of its own is gone with it.
        let kept = |at| match at {
            Cell::Private(mm, _) => view.kernel.mm(MmId(mm)).is_alive(),
            Cell::File(..) => true,
        };
        view.observed.known().filter(|&(at, _)| kept(at)).try_for_each(|(at, stored)| {
            let (found, name, obj) = find(view.kernel, at);
            // A hole reads as zeroes.
            if found.unwrap_or_default() == stored {
                return Ok(());
            }
            let found =
                found.map_or_else(|| "is gone".to_owned(), |value| format!("holds {value:#x}"));
            Err(Wrong::new(format!("{name} {found}, but {stored:#x} was stored last"), [obj]))
        })?;
        view.observed.left().filter(|&(at, _)| kept(at)).try_for_each(|(at, gone)| match at {
            Cell::Private(mm, page) if find(view.kernel, at).0 == Some(gone) => {
                Err(left_behind(view.kernel, mm, page, gone))
            }
            _ => Ok(()),
        })
    }),
    ..Oracle::new(
        "lost_write",
        "Q17",
        "A user's store survives collapse, copy, swap and migration.",
    )
};

/// A child has what its parent stored last, unless that was while it was being copied: then it has one or the other.
fn born(view: &View<'_>, parent: u8, child: u8) -> Result<(), Wrong> {
    view.observed.inherited(view.kernel, parent, child).try_for_each(|(page, stored)| {
        let (found, name, obj) = find(view.kernel, Cell::Private(child, page));
        // Whoever holds the lock of the entry may have taken it out for a moment: then the next look finds out.
        let Some(found) = found.filter(|&found| found != stored) else { return Ok(()) };
        let detail = format!(
            "{name} holds {found:#x} after the fork, but m{parent} has stored {stored:#x} there"
        );
        Err(Wrong::new(detail, [obj]))
    })
}

fn left_behind(kernel: &Kernel, mm: u8, page: u32, value: u64) -> Wrong {
    let detail =
        format!("page {page} of m{mm} still holds {value:#x}, which was dropped or moved away");
    Wrong::new(detail, [kernel.pmdp(MmId(mm), Vaddr(page)).obj()])
}

/// The content of a page, its name, and the object that holds it.
fn find(kernel: &Kernel, at: Cell) -> (Option<u64>, String, Obj) {
    match at {
        Cell::File(file, page) => {
            let content = kernel.file_content(FileId(file), page);
            let obj = kernel.mapping(FileId(file)).i_pages[page as usize].obj();
            (content, format!("page {page} of file f{file}"), obj)
        }
        Cell::Private(mm, page) => {
            let addr = Vaddr(page);
            let obj = kernel.pmdp(MmId(mm), addr).obj();
            (forked::content_at(kernel, MmId(mm), addr), format!("page {page} of m{mm}"), obj)
        }
    }
}
