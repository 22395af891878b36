//! A user's store is not lost.
//!
//! Verified: each user load against the last user store to the same page, and at quiescence the content that is found
//! through page table, swap or page cache against the last store. Pages that an operation in flight may drop
//! (MADV_DONTNEED, munmap, truncate) are unknown until they are stored to again. What mremap moves is found at its new
//! address, and no longer at the old one; what MADV_DONTNEED has dropped is gone.
//! Not verified: the content of pages that were never stored to; mixed shared and private views of one file page.

use super::observed::Cell;
use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::{FileId, Kernel, MmId, Pfn, Pte, Vaddr};
use crate::sync::{Obj, What};

/// Q17.
pub(super) const LOST_WRITE: Oracle = Oracle {
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
            if found == Some(stored) {
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
            (private(kernel, MmId(mm), addr), format!("page {page} of m{mm}"), obj)
        }
    }
}

fn private(kernel: &Kernel, mm: MmId, addr: Vaddr) -> Option<u64> {
    let pmd = kernel.peek_pmd(mm, addr);
    if pmd.is_trans_huge() || pmd.is_migration() {
        return Some(kernel.page(Pfn(pmd.pfn().0 + addr.0 % kernel.hpn)).content.peek());
    }
    let table = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id))?;
    let pte = Pte(kernel.tables.get(table).entry(addr.0).peek());
    if let Some(slot) = pte.swap_slot() {
        return Some(match kernel.swap.cached(slot) {
            Some(folio) => kernel.page(kernel.folios.head(folio)).content.peek(),
            None => kernel.swap.slot(slot).content.peek(),
        });
    }
    let has_page = pte.is_present() || pte.is_migration();
    has_page.then(|| kernel.page(pte.pfn()).content.peek())
}
