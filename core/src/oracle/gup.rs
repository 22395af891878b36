//! What get_user_pages returns is what was asked for, and stays so for as long as it is held.
//!
//! Verified: a page of GUP-fast was mapped, with the permission that was needed, at some instant when the reference was
//! already there; a long-term pin for writing is of anonymous memory or shmem that was not truncated; a page that is held
//! is not freed; a pinned page, anonymous, of shared memory, or for long of a private mapping, is not replaced under its
//! mm, unless the mm drops it; an anonymous page that one process holds is not written to by another; at quiescence,
//! pincounts.
//! Not verified: that GUP-fast succeeds where it could.

use super::counters::{equal, settled};
use super::view::Wrong;
use super::{Fact, Oracle, Recount, View};
use crate::mm::class::Class;
use crate::mm::{FollFlags, GupHeld, Kernel, Mapping, MmId, Pfn, Vaddr};
use crate::sync::{Obj, What};

/// S13.
pub(super) const GUP_PAGE_NOT_MAPPED: Oracle = Oracle {
    facts: &[Fact::GupDone],
    event: Some(|view, cpu, what| match what {
        What::GupDone { mm, page, pfn, flags } => {
            let flags = FollFlags::from_bits(flags);
            // By force also what is mapped read-only is written to, if it is the mm's own.
            let write = flags.write && !flags.force;
            let now = view.kernel.peek_maps(MmId(mm), Vaddr(page), Pfn(pfn), write);
            // The slow path reads through a NUMA hint.
            let hinted = !write
                && !cpu.irqs_disabled()
                && view.kernel.peek_protnone(MmId(mm), Vaddr(page), Pfn(pfn));
            if now || hinted || view.observed.gup_was_mapped(cpu.id()) {
                return Ok(());
            }
            let detail = format!(
                "cpu{} got frame {pfn} for page {page} of m{mm}, which has not mapped it since it was grabbed",
                cpu.id()
            );
            Err(Wrong::new(detail, objects(view.kernel, mm, page, pfn)))
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "gup_page_not_mapped",
        "S13",
        "At some instant between the grab and the return of GUP-fast, the entry mapped the page that is returned.",
    )
};

/// Section 6.6, `folio_fast_pin_allowed`.
pub(super) const GUP_PIN_NOT_ALLOWED: Oracle = Oracle {
    facts: &[Fact::GupDone],
    event: Some(|view, cpu, what| match what {
        What::GupDone { mm, page, pfn, flags } => {
            let flags = FollFlags::from_bits(flags);
            let k = view.kernel;
            let mapping = k.folio(k.folios.of(Pfn(pfn))).peek_mapping();
            let wrong = match mapping {
                // The slow path holds the lock of an entry that maps it.
                Mapping::None => cpu.irqs_disabled().then_some("a page that was truncated"),
                Mapping::Anon(_) => None,
                Mapping::File(file) => {
                    (!k.shmem_mapping(file)).then_some("a page whose writes must be tracked")
                }
            };
            match wrong.filter(|_| flags.pin && flags.longterm && flags.write) {
                Some(what) => {
                    let detail =
                        format!("a long-term pin for writing of {what}: page {page} of m{mm}");
                    Err(Wrong::new(detail, objects(k, mm, page, pfn)))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "gup_pin_not_allowed",
        "6.6",
        "GUP-fast pins for long, for writing, only what needs no dirty tracking: anonymous memory and shmem.",
    )
};

/// Section 4.2.
pub(super) const HELD_PAGE_FREED: Oracle = Oracle {
    facts: &[Fact::Free],
    event: Some(|view, _, what| match what {
        What::Free(folio) if Class::Folio.has(folio) => {
            let k = view.kernel;
            let of_it = |held: &crate::mm::HeldPage| {
                let its = k.folios.of(held.pfn);
                its.0 == folio.index() && k.generation(its) == held.generation
            };
            match (0..).zip(&k.gup_held).find(|(_, held)| held.iter().any(|held| of_it(&held))) {
                Some((cpu, _)) => {
                    let detail =
                        format!("folio {} was freed while cpu{cpu} holds it", folio.index());
                    Err(Wrong::new(detail, [folio]))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "held_page_freed",
        "4.2, S3",
        "A page that get_user_pages returned is not freed before it is given back.",
    )
};

/// Section 4.4.
pub(super) const PIN_SEPARATED: Oracle = Oracle {
    facts: &[Fact::Establish],
    event: Some(|view, _, what| match what {
        What::Establish { mm, start, pfn, pages } => {
            let range = start..start + pages;
            let other = |page: u32, pinned: u32| pfn + (page - start) != pinned;
            match view
                .observed
                .pins()
                .find(|pin| pin.mm == mm && range.contains(&pin.page) && other(pin.page, pin.pfn))
            {
                Some(pin) => {
                    let detail = format!(
                        "page {} of m{mm} is frame {} now, while cpu{} has frame {} of it pinned",
                        pin.page,
                        pfn + (pin.page - start),
                        pin.cpu,
                        pin.pfn
                    );
                    Err(Wrong::new(detail, objects(view.kernel, mm, pin.page, pin.pfn)))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "pin_separated",
        "4.4",
        "While a page of anonymous or shared memory is pinned, the mm maps no other in its place: both would see different contents.",
    )
};

/// Section 4.4: who has got a page before a fork, or while it was shared, does not see what others store afterwards.
pub(super) const HELD_PAGE_WRITTEN: Oracle = Oracle {
    facts: &[Fact::UserStore],
    event: Some(|view, _, what| match what {
        What::UserStore { mm, page, .. } => {
            let k = view.kernel;
            let of_others =
                || k.gup_held.iter().flat_map(GupHeld::iter).filter(|held| held.mm.0 != mm);
            // Nearly always nobody holds anything.
            if of_others().next().is_none() {
                return Ok(());
            }
            let Some((pfn, _)) = k.peek_translation(MmId(mm), Vaddr(page)) else { return Ok(()) };
            let mut leaks = of_others().filter(|held| held.pfn == pfn);
            match leaks.next().filter(|_| k.folio_of(pfn).is_anon()) {
                Some(held) => {
                    let detail = format!(
                        "m{mm} stores to frame {} at page {page}, which is held as page {} of m{}",
                        pfn.0, held.addr.0, held.mm.0
                    );
                    Err(Wrong::new(detail, objects(k, mm, page, pfn.0)))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "held_page_written",
        "4.4",
        "What a process has got of its own memory is not written to by another one.",
    )
};

/// Q8, of the pins.
pub(super) const PINCOUNT_MISMATCH: Oracle = Oracle {
    op_end: Some(|view, cpu| settled(view, cpu, &[Class::Pincount])),
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        view.kernel.folios.touched().try_for_each(|id| {
            let pincount = &view.kernel.folio(id).pincount;
            let name = || format!("pincount of folio {}", id.0);
            equal(name, pincount.obj(), pincount.peek() as i64, i64::from(recount.pins[id.idx()]))
        })?;
        match view.kernel.gup_held.iter().flat_map(GupHeld::iter).next() {
            Some(held) => {
                let detail = format!("frame {} is still held", held.pfn.0);
                Err(Wrong::new(detail, objects(view.kernel, held.mm.0, held.addr.0, held.pfn.0)))
            }
            None => Ok(()),
        }
    }),
    ..Oracle::new(
        "pincount_mismatch",
        "Q8",
        "A large folio has as many pins as there are holders, and in the end nobody holds anything.",
    )
};

fn objects(kernel: &Kernel, mm: u8, page: u32, pfn: u32) -> Vec<Obj> {
    let folio = kernel.folios.of(Pfn(pfn));
    vec![Kernel::folio_obj(folio), kernel.pmdp(MmId(mm), Vaddr(page)).obj()]
}
