//! What a fork hands on: which pages of the child are copies of its parent's, and what they hold.

use crate::mm::{Kernel, MmId, Pfn, Pte, Vaddr, VmFlags, flags};

/// Whether a child has its parent's content at a page: its VMA there is private, and was not wiped.
pub(super) fn inherits(kernel: &Kernel, child: u8, page: u32) -> bool {
    kernel.peek_vma(MmId(child), Vaddr(page)).is_some_and(|vma| {
        let spec = kernel.vma(vma).spec();
        !spec.shared() && !spec.flags.has(VmFlags::WIPEONFORK)
    })
}

/// The content of a page, wherever it is: in memory, on its way elsewhere, or swapped out.
pub(super) fn content_at(kernel: &Kernel, mm: MmId, addr: Vaddr) -> Option<u64> {
    match found_at(kernel, mm, addr)? {
        Found::Page(pfn, _) => Some(kernel.page(pfn).content.peek()),
        Found::Swapped(content) => Some(content),
    }
}

/// The same of a page that is the mm's own, and whether it stays so: a page after MADV_FREE may go. That is one which is
/// clean: PG_swapbacked tells too late, since the mark waits in a batch.
pub(super) fn own_content(kernel: &Kernel, mm: MmId, addr: Vaddr) -> Option<(u64, bool)> {
    match found_at(kernel, mm, addr)? {
        Found::Page(pfn, dirty) if !kernel.is_zero_page(pfn) && kernel.folio_of(pfn).is_anon() => {
            let folio = kernel.folio_of(pfn);
            let stays = folio.has(flags::SWAPBACKED) && (dirty || folio.has(flags::DIRTY));
            Some((kernel.page(pfn).content.peek(), stays))
        }
        Found::Page(..) => None,
        Found::Swapped(content) => Some((content, true)),
    }
}

enum Found {
    /// In memory, and whether the entry is dirty.
    Page(Pfn, bool),
    Swapped(u64),
}

fn found_at(kernel: &Kernel, mm: MmId, addr: Vaddr) -> Option<Found> {
    let pmd = kernel.peek_pmd(mm, addr);
    if pmd.is_trans_huge() || pmd.is_migration() {
        let dirty = pmd.is_dirty() || pmd.is_migration_dirty();
        return Some(Found::Page(Pfn(pmd.pfn().0 + addr.0 % kernel.hpn), dirty));
    }
    let table = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id))?;
    let pte = Pte(kernel.tables.get(table).entry(addr.0).peek());
    if let Some(slot) = pte.swap_slot() {
        // What is being read in does not have the content yet.
        let cached = kernel.swap.cached(slot).filter(|&f| kernel.folio(f).has(flags::UPTODATE));
        return Some(Found::Swapped(match cached {
            Some(folio) => kernel.page(kernel.folios.head(folio)).content.peek(),
            None => kernel.swap.slot(slot).content.peek(),
        }));
    }
    let dirty = pte.is_dirty() || pte.is_migration_dirty();
    (pte.is_present() || pte.is_migration()).then(|| Found::Page(pte.pfn(), dirty))
}
