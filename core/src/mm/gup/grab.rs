//! References and pins, and how they are given back (kernel-semantics sections 4.2, 6.6).
//!
//! A pin of a small folio is [`GUP_PIN_COUNTING_BIAS`] references at once; of a large one it is a reference, and one more
//! in `_pincount`. So whoever asks `folio_maybe_dma_pinned` may be told yes for no reason, but never no.

use super::flags::FollFlags;
use crate::mm::folio::Mapping;
use crate::mm::kernel::Kernel;
use crate::mm::rmap::GUP_PIN_COUNTING_BIAS;
use crate::mm::types::{FolioId, Pfn, ZERO_PFN};
use crate::sync::Cpu;

impl Kernel {
    /// `try_grab_folio(page, 1, flags)`: a reference or a pin of the folio to which a frame belongs, with nothing to keep
    /// it until then. `None`: it is free or frozen.
    ///
    /// The reference comes before the pin: between the two the folio looks like one that is merely referenced.
    pub(super) fn try_grab_folio(
        &self,
        cpu: &Cpu<'_>,
        page: Pfn,
        flags: FollFlags,
    ) -> Option<FolioId> {
        if !self.folios.is_valid(page) {
            return None;
        }
        if page == ZERO_PFN {
            return Some(self.folios.of(page));
        }
        let folio = (self.steps.gup_try_get)(cpu, self, page)?;
        if flags.pin {
            if self.folios.is_large(folio) {
                self.add_pincount(cpu, folio, 1);
            } else {
                self.folio_ref_add(cpu, folio, GUP_PIN_COUNTING_BIAS - 1);
            }
        }
        Some(folio)
    }

    /// `try_grab_page`: the same under the lock of an entry that maps the page. The entry's own reference keeps it, so
    /// the count cannot be 0.
    pub(super) fn try_grab_page(&self, cpu: &Cpu<'_>, page: Pfn, flags: FollFlags) {
        if page == ZERO_PFN {
            return;
        }
        let folio = self.folios.of(page);
        let refs = self.folio(folio).refcount.peek() as i64;
        cpu.vm_bug_on(refs <= 0, "try_grab_page() of a page without references that is mapped");
        let large = self.folios.is_large(folio);
        self.folio_ref_add(cpu, folio, grab_refs(flags, large));
        if flags.pin && large {
            self.add_pincount(cpu, folio, 1);
        }
    }

    /// `gup_put_folio(folio, 1, flags)`: undoes either of the two.
    pub(super) fn gup_put_folio(&self, cpu: &Cpu<'_>, folio: FolioId, flags: FollFlags) {
        if self.folios.head(folio) == ZERO_PFN {
            return;
        }
        let large = self.folios.is_large(folio);
        if flags.pin && large {
            self.add_pincount(cpu, folio, -1);
        }
        self.folio_put_refs(cpu, folio, grab_refs(flags, large));
    }

    fn add_pincount(&self, cpu: &Cpu<'_>, folio: FolioId, pins: i64) {
        let pincount = &self.folio(folio).pincount;
        cpu.debts.pay(pincount.obj(), pins);
        let left = pincount.add_return(cpu, pins);
        cpu.vm_bug_on(left < 0, "a folio is unpinned that is not pinned");
    }

    /// How many references and pins a page costs its folio that was grabbed with these flags.
    pub fn gup_refs(&self, page: Pfn, flags: FollFlags) -> (i64, i64) {
        if page == ZERO_PFN || !self.folios.is_valid(page) {
            return (0, 0);
        }
        let large = self.folios.is_large(self.folios.of(page));
        (grab_refs(flags, large), i64::from(flags.pin && large))
    }
}

/// References that a grab takes.
fn grab_refs(flags: FollFlags, large: bool) -> i64 {
    if flags.pin && !large { GUP_PIN_COUNTING_BIAS } else { 1 }
}

/// `try_get_folio` without asking again whose frame it is.
pub(in crate::mm) fn try_get_folio_unchecked(
    cpu: &Cpu<'_>,
    k: &Kernel,
    page: Pfn,
) -> Option<FolioId> {
    let folio = k.folios.of(page);
    k.folio_try_get(cpu, folio).then_some(folio)
}

/// `folio_fast_pin_allowed`: a long-term pin for writing is for anonymous memory and shmem only, whose file system does
/// not have to be told of a write. A folio that was truncated meanwhile does not say what it was.
pub(in crate::mm) fn folio_fast_pin_allowed(
    cpu: &Cpu<'_>,
    k: &Kernel,
    folio: FolioId,
    flags: FollFlags,
) -> bool {
    if !(flags.pin && flags.longterm && flags.write) {
        return true;
    }
    cpu.vm_bug_on(!cpu.irqs_disabled(), "folio_fast_pin_allowed() with interrupts on");
    match k.folio(folio).read_mapping(cpu) {
        Mapping::None => false,
        Mapping::Anon(_) => true,
        Mapping::File(file) => k.shmem_mapping(file),
    }
}
