//! The final abstract state: what two eras must agree on after the same history (kernel-semantics 9.10).

use crate::mm::{Kernel, MMS_MAX, MmId, Pfn, Pte, UNITS_MAX, Vaddr};
use crate::oracle::Recount;

/// The state in words. Frames and table numbers do not count, contents do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FinalState {
    /// Page tables, counters, page caches: all that can be told apart.
    pub exact: String,
    /// The same, but for pages that the page cache can give back at any time: whether they are mapped, and how,
    /// does not count. An era that collapses sooner than another differs in no more than that.
    pub refaultable: String,
}

impl FinalState {
    pub(super) fn of(kernel: &Kernel, recount: &Recount) -> FinalState {
        let (mut exact, mut refaultable) = (caches(kernel, true), caches(kernel, false));
        for mm in (0..MMS_MAX as u8).map(MmId) {
            let [file, anon, swap, shmem] = recount.rss[mm.idx()];
            let tables = recount.nr_ptes[mm.idx()];
            exact += &format!(
                "; m{}: file {file} anon {anon} swap {swap} shmem {shmem} tables {tables}",
                mm.0
            );
            refaultable += &format!("; m{}: anon {anon} swap {swap}", mm.0);
            for page in 0..UNITS_MAX as u32 * kernel.hpn {
                let (is, own) = page_in_words(kernel, mm, Vaddr(page));
                if let Some(is) = is {
                    exact += &format!(" {page}={is}");
                    if own {
                        refaultable += &format!(" {page}={is}");
                    }
                }
            }
        }
        FinalState { exact, refaultable }
    }
}

/// What the files hold. If not `exact`, what a program would read: a hole is zero, whether a collapse has filled it or
/// not, and beyond the end is nothing, whether a huge page that was not split reaches there or not.
fn caches(kernel: &Kernel, exact: bool) -> String {
    let file = |file: &crate::mm::AddressSpace| {
        let pages = if exact { file.i_pages.len() as u32 } else { file.i_size.peek() as u32 };
        let pages = (0..pages).map(|index| match kernel.file_content(file.id, index) {
            Some(content) => format!("{content:x}"),
            None if !exact => "0".to_owned(),
            None => "-".to_owned(),
        });
        format!(
            "f{}: size {} {}",
            file.id.0,
            file.i_size.peek(),
            pages.collect::<Vec<_>>().join(",")
        )
    };
    kernel.files.iter().map(file).collect::<Vec<_>>().join("; ")
}

/// What is at a page, and whether it is the mm's own: no page cache has it.
fn page_in_words(kernel: &Kernel, mm: MmId, addr: Vaddr) -> (Option<String>, bool) {
    let pmd = kernel.peek_pmd(mm, addr);
    if pmd.is_trans_huge() {
        let anon = kernel.pmd_folio(pmd).is_some_and(|folio| kernel.folio(folio).is_anon());
        if !anon {
            return (Some("huge".to_owned()), false);
        }
        let page = Pfn(pmd.pfn().0 + addr.0 % kernel.hpn);
        return (Some(format!("anon huge:{:x}", kernel.page(page).content.peek())), true);
    }
    let Some(table) = pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id))
    else {
        return (None, false);
    };
    let pte = Pte(kernel.tables.get(table).entry(addr.0).peek());
    if let Some(slot) = pte.swap_slot() {
        let content = match kernel.swap.cached(slot) {
            Some(folio) => kernel.page(kernel.folios.head(folio)).content.peek(),
            None => kernel.swap.slot(slot).content.peek(),
        };
        return (Some(format!("swap:{content:x}")), true);
    }
    if pte.is_marker() {
        let kind = if pte.is_poisoned_marker() { "poisoned" } else { "uffd-wp" };
        return (Some(format!("marker:{kind}")), true);
    }
    if !pte.is_present() {
        return (None, false);
    }
    let content = kernel.page(pte.pfn()).content.peek();
    let anon = !pte.is_special() && kernel.folio_of(pte.pfn()).is_anon();
    (Some(format!("{}:{content:x}", if anon { "anon" } else { "file" })), anon)
}
