//! The counters agree with what they count.
//!
//! Verified: at the end of each operation, that it owes nothing to any counter (so a lost correction is found even if
//! another error hides it in the sum); at quiescence, each counter against a recount of page tables and caches; at
//! every step, that none goes below zero. page_table_check is judged apart from the truth: its own counters against
//! the recount, and each of its complaints against a recount at that instant.
//! Not verified: the kernel's per-CPU batching of rss counters.

use super::view::Wrong;
use super::{Oracle, Recount, View};
use crate::mm::class::Class;
use crate::mm::{FolioId, Kernel, MMS_MAX, Rss, object_name};
use crate::sync::{Cpu, Obj, Splat};

/// What the operation still owes to counters of these classes.
pub(super) fn settled(view: &View<'_>, cpu: &Cpu<'_>, classes: &[Class]) -> Result<(), Wrong> {
    if cpu.debts.is_settled() {
        return Ok(());
    }
    match cpu.debts.open().into_iter().find(|debt| classes.iter().any(|class| class.has(debt.to))) {
        Some(debt) => {
            let (name, amount) = (object_name(debt.to, view.kernel.hpn), debt.amount);
            let detail = format!("the operation ended with {amount:+} still owed to {name}");
            Err(Wrong::new(detail, [debt.to]))
        }
        None => Ok(()),
    }
}

fn negative(view: &View<'_>, splat: Splat, classes: &[Class]) -> Option<Wrong> {
    match splat {
        Splat::Negative(obj) if classes.iter().any(|class| class.has(obj)) => Some(Wrong::new(
            format!("{} went below what it can be", object_name(obj, view.kernel.hpn)),
            [obj],
        )),
        _ => None,
    }
}

/// `check_mm`: "Bad rss-counter state", "non-zero pgtables_bytes on freeing mm".
fn left_at_exit(view: &View<'_>, splat: Splat, class: Class) -> Option<Wrong> {
    match splat {
        Splat::CheckMm(obj) if class.has(obj) => {
            let name = object_name(obj, view.kernel.hpn);
            Some(Wrong::new(format!("{name} is not 0 when its mm is freed"), [obj]))
        }
        _ => None,
    }
}

pub(super) fn equal(
    name: impl FnOnce() -> String,
    obj: Obj,
    counter: i64,
    counted: i64,
) -> Result<(), Wrong> {
    if counter == counted {
        return Ok(());
    }
    let name = name();
    Err(Wrong::new(format!("{name} says {counter}, a recount says {counted}"), [obj]))
}

/// Q9, I8.1.
pub(super) const PAGE_TABLE_CHECK: Oracle = Oracle {
    splat: Some(|_, splat| match splat {
        Splat::PageTableCheck(what) => Some(Wrong::new(what, [])),
        _ => None,
    }),
    op_end: Some(|view, cpu| settled(view, cpu, &[Class::Ptc])),
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        if !view.kernel.config.page_table_check {
            return Ok(());
        }
        view.kernel.folios.touched().try_for_each(|id| {
            let name = || format!("page_table_check of folio {}", id.0);
            equal(
                name,
                Class::Ptc.obj(id.0),
                view.kernel.ptc_of(id),
                i64::from(recount.user_maps[id.idx()]),
            )
        })
    }),
    ..Oracle::new(
        "page_table_check",
        "Q9",
        "page_table_check's own counters equal the number of user mappings of each page.",
    )
};

/// Q9: what the checker says against what a recount says at that instant.
pub(super) const PAGE_TABLE_CHECK_FALSE_ALARM: Oracle = Oracle {
    splat: Some(|_, splat| match splat {
        Splat::CheckerFalseAlarm(what) => Some(Wrong::new(
            format!("page_table_check says: {what}; the page tables do not bear it out"),
            [],
        )),
        _ => None,
    }),
    ..Oracle::new(
        "page_table_check_false_alarm",
        "Q9",
        "When page_table_check stops the machine, the page tables are really wrong.",
    )
};

/// Q5 to Q7.
pub(super) const MAPCOUNT_MISMATCH: Oracle = Oracle {
    splat: Some(|view, splat| negative(view, splat, &[Class::Mapcount, Class::EntireMapcount])),
    op_end: Some(|view, cpu| settled(view, cpu, &[Class::Mapcount, Class::EntireMapcount])),
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        view.kernel.folios.touched().try_for_each(|id| mapcounts(view.kernel, recount, id))
    }),
    ..Oracle::new(
        "mapcount_mismatch",
        "Q5, Q6, Q7, S2",
        "A page's mapcount equals the number of entries that map it.",
    )
};

fn mapcounts(kernel: &Kernel, recount: &Recount, id: FolioId) -> Result<(), Wrong> {
    let folio = kernel.folio(id);
    let mut mapped = 0;
    for pfn in kernel.folios.pfns(id) {
        let mapcount = &kernel.page(pfn).mapcount;
        let count = mapcount.peek() as i64 + 1;
        mapped += i64::from(count > 0);
        equal(
            || format!("mapcount of page {}", pfn.0),
            mapcount.obj(),
            count,
            i64::from(recount.ptes[pfn.0 as usize]),
        )?;
    }
    let entire = folio.entire_mapcount.peek() as i64 + 1;
    let name = || format!("entire_mapcount of folio {}", id.0);
    equal(name, folio.entire_mapcount.obj(), entire, i64::from(recount.pmds[id.idx()]))?;
    if kernel.folios.is_large(id) {
        let expected = mapped + if entire > 0 { crate::mm::COMPOUND_MAPPED } else { 0 };
        let obj = folio.nr_pages_mapped.obj();
        equal(
            || format!("nr_pages_mapped of folio {}", id.0),
            obj,
            folio.nr_pages_mapped.peek() as i64,
            expected,
        )?;
    }
    Ok(())
}

/// Q8.
pub(super) const REFCOUNT_MISMATCH: Oracle = Oracle {
    splat: Some(|view, splat| negative(view, splat, &[Class::Refcount])),
    op_end: Some(|view, cpu| settled(view, cpu, &[Class::Refcount])),
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        view.kernel.folios.touched().try_for_each(|id| {
            let refcount = &view.kernel.folio(id).refcount;
            let name = || format!("refcount of folio {}", id.0);
            equal(name, refcount.obj(), refcount.peek() as i64, i64::from(recount.refs[id.idx()]))
        })
    }),
    ..Oracle::new(
        "refcount_mismatch",
        "Q8, S2",
        "A folio has as many references as there are entries, cache slots and holders.",
    )
};

/// Q1 to Q3.
pub(super) const BAD_RSS_COUNTER: Oracle = Oracle {
    splat: Some(|view, splat| left_at_exit(view, splat, Class::Rss)),
    op_end: Some(|view, cpu| settled(view, cpu, &[Class::Rss])),
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        (0..MMS_MAX * 4).try_for_each(|n| {
            let counter = &view.kernel.mms[n / 4].rss[n % 4];
            let name = || format!("{} of m{}", Rss::NAMES[n % 4], n / 4);
            equal(name, counter.obj(), counter.peek() as i64, recount.rss[n / 4][n % 4])
        })
    }),
    ..Oracle::new(
        "bad_rss_counter",
        "Q1, Q2, Q3",
        "An mm's rss counters equal the entries of its page tables.",
    )
};

/// Q4.
pub(super) const NR_PTES_MISMATCH: Oracle = Oracle {
    splat: Some(|view, splat| {
        negative(view, splat, &[Class::NrPtes]).or_else(|| left_at_exit(view, splat, Class::NrPtes))
    }),
    op_end: Some(|view, cpu| settled(view, cpu, &[Class::NrPtes])),
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        (0..MMS_MAX).try_for_each(|mm| {
            let counter = &view.kernel.mms[mm].nr_ptes;
            equal(
                || format!("nr_ptes of m{mm}"),
                counter.obj(),
                counter.peek() as i64,
                recount.nr_ptes[mm],
            )
        })
    }),
    ..Oracle::new(
        "nr_ptes_mismatch",
        "Q4",
        "An mm counts as many page tables as its PMD entries link and its huge pages have deposited.",
    )
};

/// Q10.
pub(super) const SWAP_COUNT_MISMATCH: Oracle = Oracle {
    splat: Some(|view, splat| negative(view, splat, &[Class::SwapCount])),
    op_end: Some(|view, cpu| settled(view, cpu, &[Class::SwapCount])),
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        view.kernel.swap.touched().try_for_each(|(id, slot)| {
            let name = || format!("use count of swap slot {}", id.0);
            equal(
                name,
                slot.count.obj(),
                slot.count.peek() as i64,
                i64::from(recount.swap[id.idx()]),
            )
        })
    }),
    ..Oracle::new(
        "swap_count_mismatch",
        "Q10",
        "A swap slot is counted once for each entry that names it.",
    )
};
