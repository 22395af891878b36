//! No CPU translates to what it must not reach.
//!
//! Verified: a folio that is freed while a TLB still translates to it (without waiting for an access), an access through
//! such a translation, a PMD entry that comes in place of one of which a CPU still caches something, and at quiescence
//! every cached translation and cached table against the page tables.
//! Not verified: weak memory orderings (the model is sequentially consistent), what speculation on a lazy CPU
//! takes in through a table that was given away (it cannot use it; a table that it walks is found out by its generation).
//! What a CPU has to flush before it can use it again does not count: it has another mm loaded, or is lazy, and its
//! `tlb_gen` is behind.

use super::view::Wrong;
use super::{Fact, Oracle, View};
use crate::mm::class::Class;
use crate::mm::{FolioId, Kernel, MmId, Pmd, Pte, TableId, Translation, UNITS_MAX, Vaddr};
use crate::sync::{Splat, What, Word};

/// S9, I6.1, Q12.
pub(super) const STALE_TRANSLATION: Oracle = Oracle {
    splat: Some(|_, splat| match splat {
        Splat::FolioUseAfterFree(folio) => Some(Wrong::new(
            format!("folio {} was accessed after it was freed", folio.index()),
            [folio],
        )),
        _ => None,
    }),
    facts: &[Fact::Free],
    event: Some(|view, _, what| match what {
        What::Free(folio) if Class::Folio.has(folio) => {
            freed_while_cached(view.kernel, FolioId(folio.index()))
        }
        _ => Ok(()),
    }),
    quiesce: Some(|view: &View<'_>, _| {
        (0..).zip(&view.kernel.tlbs).try_for_each(|(cpu, tlb)| {
            let usable = |mm: MmId| view.kernel.tlb_is_usable(tlb, mm);
            let mut used = tlb.translations().filter(|t| usable(t.mm));
            used.try_for_each(|t| backed(view.kernel, cpu, t))?;
            let mut used = tlb.cached_tables().filter(|&(mm, ..)| usable(mm));
            used.try_for_each(|(mm, unit, table, _)| {
                let pmd = view.kernel.peek_pmd(mm, Vaddr(unit * view.kernel.hpn));
                if pmd == Pmd::table(table) {
                    return Ok(());
                }
                let detail =
                    format!("cpu{cpu} still caches pt{} for m{} unit {unit}", table.0, mm.0);
                Err(Wrong::new(detail, [view.kernel.tables.get(table).obj()]))
            })
        })
    }),
    ..Oracle::new(
        "stale_translation",
        "S9, I6.1, I6.3, Q12",
        "No CPU can translate to a frame or a page table after it was given away: whoever unmaps flushes first.",
    )
};

fn freed_while_cached(kernel: &Kernel, id: FolioId) -> Result<(), Wrong> {
    let (head, pages) = (kernel.folios.head(id).0, kernel.folios.nr_pages(id));
    for (cpu, tlb) in (0..).zip(&kernel.tlbs) {
        for t in tlb.translations().filter(|t| kernel.tlb_is_usable(tlb, t.mm)) {
            let size = if t.huge { kernel.hpn } else { 1 };
            let overlaps = t.pfn.0 < head + pages && head < t.pfn.0 + size;
            if overlaps && t.generation == kernel.generation(id) {
                let detail = format!(
                    "folio {} was freed while cpu{cpu} still translates m{} page {} to it",
                    id.0, t.mm.0, t.addr.0
                );
                return Err(Wrong::new(
                    detail,
                    [Kernel::folio_obj(id), kernel.pmdp(t.mm, t.addr).obj()],
                ));
            }
        }
    }
    Ok(())
}

/// What is cached is in memory too, with at least the same permission.
fn backed(kernel: &Kernel, cpu: u8, t: Translation) -> Result<(), Wrong> {
    let pmd = kernel.peek_pmd(t.mm, t.addr);
    let in_memory = if pmd.is_user_accessible() {
        let offset = if t.huge { 0 } else { t.addr.0 % kernel.hpn };
        pmd.pfn().0 + offset == t.pfn.0 && (!t.write || pmd.is_write())
    } else {
        match pmd.pgtable().filter(|&id| !t.huge && pmd.is_table() && kernel.tables.is_valid(id)) {
            Some(table) => {
                let pte = Pte(kernel.tables.get(table).entry(t.addr.0).peek());
                pte.is_user_accessible() && pte.pfn() == t.pfn && (!t.write || pte.is_write())
            }
            None => false,
        }
    };
    if in_memory {
        return Ok(());
    }
    let detail = format!(
        "cpu{cpu} still translates m{} page {} to frame {}, the page table does not",
        t.mm.0, t.addr.0, t.pfn.0
    );
    let folio = kernel.folios.of(t.pfn);
    Err(Wrong::new(detail, [kernel.pmdp(t.mm, t.addr).obj(), Kernel::folio_obj(folio)]))
}

/// I6.2.
pub(super) const HUGE_AND_SMALL_COEXIST: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        for (cpu, tlb) in view.kernel.tlbs.iter().enumerate() {
            // A lazy CPU flushes the one before it can use either.
            let usable = |t: &Translation| view.kernel.tlb_is_usable(tlb, t.mm);
            for small in tlb.translations().filter(|t| !t.huge && usable(t)) {
                let huge = |t: &Translation| {
                    t.huge && t.mm == small.mm && t.addr == view.kernel.haddr(small.addr)
                };
                if tlb.translations().any(|t| huge(&t)) {
                    let detail = format!(
                        "cpu{cpu} caches m{} page {} both huge and small",
                        small.mm.0, small.addr.0
                    );
                    return Err(Wrong::new(detail, [view.kernel.pmdp(small.mm, small.addr).obj()]));
                }
            }
        }
        Ok(())
    }),
    ..Oracle::new(
        "huge_and_small_coexist",
        "I6.2",
        "No CPU caches both a huge and a small translation of one address that it can use.",
    )
};

/// S11.
pub(super) const REPLACED_BEFORE_FLUSH: Oracle = Oracle {
    facts: &[Fact::Link, Fact::Establish],
    event: Some(|view, _, what| match what {
        What::Link { table, pmd } => {
            let units = UNITS_MAX as u32;
            let (mm, unit) = (MmId((pmd.index() / units) as u8), pmd.index() % units);
            let linked = TableId(table.index() as u16);
            match caches_a_table(view.kernel, mm, unit).find(|&(_, table)| table != linked) {
                Some((cpu, table)) => Err(replaced(view, (mm, unit), cpu, table)),
                None => Ok(()),
            }
        }
        What::Establish { mm, start, pages, .. } if pages > 1 => {
            let (mm, unit) = (MmId(mm), start / view.kernel.hpn);
            match caches_a_table(view.kernel, mm, unit).next() {
                Some((cpu, table)) => Err(replaced(view, (mm, unit), cpu, table)),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "replaced_before_flush",
        "S11",
        "A PMD entry that linked a table gets another value only when no CPU caches that table any more.",
    )
};

/// The CPUs that cache a table for a unit, and which. One that has to flush before it can use it does not count.
fn caches_a_table(
    kernel: &Kernel,
    mm: MmId,
    unit: u32,
) -> impl Iterator<Item = (usize, TableId)> + '_ {
    let tlbs = kernel.tlbs.iter().enumerate();
    tlbs.filter(move |(_, tlb)| kernel.tlb_is_usable(tlb, mm)).filter_map(move |(cpu, tlb)| {
        let cached = tlb.cached_tables().find(|&(m, u, ..)| (m, u) == (mm, unit));
        let table = cached.map(|(_, _, table, _)| table)?;
        (!may_be_cached_on(kernel, table)).then_some((cpu, table))
    })
}

/// Where MADV_DONTNEED frees tables, an empty one may be cached for a while when its place is taken: a CPU finds nothing in
/// it, and it is not freed before the flush.
fn may_be_cached_on(kernel: &Kernel, table: TableId) -> bool {
    let is_empty = |entry: &Word| entry.peek() == 0;
    (kernel.steps.pt_reclaim.reclaim)() && kernel.tables.get(table).entries().iter().all(is_empty)
}

fn replaced(view: &View<'_>, (mm, unit): (MmId, u32), cpu: usize, table: TableId) -> Wrong {
    let detail = format!(
        "the PMD entry of m{} unit {unit} has a new value, while cpu{cpu} still caches pt{} for it",
        mm.0, table.0
    );
    let pmd = view.kernel.pmdp(mm, Vaddr(unit * view.kernel.hpn)).obj();
    Wrong::new(detail, [pmd, view.kernel.tables.get(table).obj()])
}
