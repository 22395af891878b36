//! What `collapse_pte_mapped_thp` promises while it runs, and when it returns.
//!
//! Verified: no PTE of the range appears between the unlinking of its table and the end of the collapse, but for pages that
//! userfaultfd gives a private mapping; a success means what it says; when MADV_COLLAPSE returns 0, a huge PMD was there
//! at some instant of the call in each of its ranges.
//! Not verified: the results on failure (any reason is right that was true at some instant).

use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::func;
use crate::mm::{MmId, Pfn, Pte, Vaddr};
use crate::sync::What;

/// S7.
pub(super) const HPAGE_PTE_APPEARED: Oracle = Oracle {
    facts: &[Fact::Establish],
    event: Some(|view, cpu, what| match what {
        What::Establish { mm, start, pages: 1, pfn } => {
            match view.observed.unlinked_by(mm, start) {
                // 16.1, W7: userfaultfd needs no folio lock to give a private mapping a page of its own, and whatever
                // becomes of that. A fault on the empty entry does need it.
                Some(_) if cpu.function() != func::finish_fault && !of_file(view, pfn) => Ok(()),
                Some(collapser) => {
                    let detail = format!(
                        "cpu{} mapped page {start} of m{mm} while cpu{collapser} holds the range's huge page and has unlinked its table",
                        cpu.id()
                    );
                    Err(Wrong::new(detail, [view.kernel.pmdp(MmId(mm), Vaddr(start)).obj()]))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "hpage_pte_appeared",
        "S7",
        "While the huge page is locked and its page table unlinked, no PTE appears in the range.",
    )
};

fn of_file(view: &View<'_>, pfn: u32) -> bool {
    Pfn(pfn) != Pte::zero_page().pfn() && !view.kernel.folio_of(Pfn(pfn)).is_anon()
}

/// S16.
pub(super) const COLLAPSE_RESULT: Oracle = Oracle {
    facts: &[Fact::CollapseResult],
    event: Some(|view: &View<'_>, cpu, what| match what {
        What::CollapseResult { mm, haddr, install, result }
            if result == ScanResult::Succeed as u8 =>
        {
            let (k, at) = (view.kernel, Vaddr(haddr));
            let kept = if install {
                view.observed.has_installed(cpu.id(), mm, haddr)
            } else {
                // The CPU unlinked the table itself, or found none: somebody may have brought another since.
                view.observed.has_unlinked(cpu.id(), mm, haddr)
                    || !k.peek_pmd(MmId(mm), at).is_table()
            };
            if kept {
                return Ok(());
            }
            let promise =
                if install { "no huge PMD was installed" } else { "the page table is still there" };
            let detail = format!("SCAN_SUCCEED for page {haddr} of m{mm}, but {promise}");
            Err(Wrong::new(detail, [k.pmdp(MmId(mm), at).obj()]))
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "collapse_result",
        "S16",
        "SCAN_SUCCEED means that the PMD was huge, or (without install) that the page table is gone.",
    )
};

/// S17.
pub(super) const MADVISE_RESULT: Oracle = Oracle {
    facts: &[Fact::CollapseReturn],
    event: Some(|view: &View<'_>, cpu, what| match what {
        What::CollapseReturn { mm, start, end, success: true } => {
            match view.observed.range_never_huge(cpu.id(), mm, start, end) {
                Some(haddr) => {
                    let detail = format!(
                        "MADV_COLLAPSE returns 0, but page {haddr} of m{mm} was not mapped by a huge PMD since it began"
                    );
                    let pmd = view.kernel.pmdp(MmId(mm), Vaddr(haddr)).obj();
                    Err(Wrong::new(detail, [pmd]))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "madvise_result",
        "S17",
        "When MADV_COLLAPSE returns 0, each of its ranges was mapped by a huge PMD at some instant of the call.",
    )
};
