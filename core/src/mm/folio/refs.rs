//! References to a folio, from its allocation to the last put (kernel-semantics sections 4.2, 4.6 and 4.7).

use std::sync::atomic::Ordering;

use super::object::{Folio, Mapping, Page, flags};
use crate::mm::class::Class;
use crate::mm::kernel::Kernel;
use crate::mm::types::{FolioId, Pfn, Rss};
use crate::sync::{Cpu, Obj, Splat, What};

impl Kernel {
    /// The folio.
    #[inline]
    pub fn folio(&self, id: FolioId) -> &Folio {
        self.folios.get(id)
    }

    /// The page of a frame.
    #[inline]
    pub fn page(&self, pfn: Pfn) -> &Page {
        self.folios.page(pfn)
    }

    /// `folio_alloc`: a folio with one reference, which the caller owns. May sleep. `None`: out of memory.
    pub fn folio_alloc(&self, cpu: &Cpu<'_>, large: bool) -> Option<FolioId> {
        cpu.might_sleep();
        if self.should_fail_alloc(cpu) {
            return None;
        }
        let id = self.folios.take(large, self.config.reuse)?;
        let folio = self.folio(id);
        folio.refcount.write_once(cpu, 1);
        cpu.debts.pay(folio.refcount.obj(), 1);
        cpu.note(What::Alloc(Class::Folio.obj(id.0)));
        self.page_table_check_zero(cpu, id);
        Some(id)
    }

    /// `folio_get`, of a folio that somebody already holds.
    pub fn folio_get(&self, cpu: &Cpu<'_>, id: FolioId) {
        self.folio_ref_add(cpu, id, 1);
    }

    /// `folio_ref_add`: adds (or subtracts) references, which must not become 0.
    pub fn folio_ref_add(&self, cpu: &Cpu<'_>, id: FolioId, refs: i64) {
        if refs == 0 {
            return;
        }
        let refcount = &self.folio(id).refcount;
        cpu.debts.pay(refcount.obj(), refs);
        let left = refcount.add_return(cpu, refs);
        if left < 0 || (left == 0 && refs < 0) {
            cpu.splat(Splat::Negative(refcount.obj()));
        }
    }

    /// `folio_try_get`: a reference, unless the folio is free or frozen.
    pub fn folio_try_get(&self, cpu: &Cpu<'_>, id: FolioId) -> bool {
        let refcount = &self.folio(id).refcount;
        let got = refcount.inc_not_zero(cpu);
        if got {
            cpu.debts.pay(refcount.obj(), 1);
        }
        got
    }

    /// `try_get_folio`: a reference to the folio of a frame. Nothing keeps the page, so the folio may be split between
    /// the look and the grab: whose page it is is asked again.
    pub fn try_get_folio(&self, cpu: &Cpu<'_>, pfn: Pfn) -> Option<FolioId> {
        loop {
            let folio = self.folios.of(pfn);
            if !self.folio_try_get(cpu, folio) {
                return None;
            }
            if self.folios.of(pfn) == folio {
                return Some(folio);
            }
            self.folio_put(cpu, folio);
        }
    }

    /// `folio_put`: gives one reference back; the last one frees the folio.
    pub fn folio_put(&self, cpu: &Cpu<'_>, id: FolioId) {
        self.folio_put_refs(cpu, id, 1);
    }

    /// `folio_put_refs`.
    pub fn folio_put_refs(&self, cpu: &Cpu<'_>, id: FolioId, refs: i64) {
        let refcount = &self.folio(id).refcount;
        cpu.debts.pay(refcount.obj(), -refs);
        let left = refcount.add_return(cpu, -refs);
        if left < 0 {
            cpu.splat(Splat::Negative(refcount.obj()));
        } else if left == 0 {
            self.free_folio(cpu, id);
        }
    }

    /// `folio_ref_freeze`: sets the count to 0 if it is `expected`.
    pub fn folio_ref_freeze(&self, cpu: &Cpu<'_>, id: FolioId, expected: i64) -> bool {
        let refcount = &self.folio(id).refcount;
        self.folio(id).lock.assert_locked(cpu);
        let frozen = refcount.cmpxchg(cpu, expected as u64, 0).is_ok();
        if frozen {
            cpu.debts.pay(refcount.obj(), -expected);
        }
        frozen
    }

    /// `folio_ref_unfreeze`.
    pub fn folio_ref_unfreeze(&self, cpu: &Cpu<'_>, id: FolioId, refs: i64) {
        let refcount = &self.folio(id).refcount;
        refcount.write_once(cpu, refs as u64);
        cpu.debts.pay(refcount.obj(), refs);
    }

    /// The last reference is gone: `free_pages_prepare`, with its checks, and the slot is free again.
    pub(in crate::mm) fn free_folio(&self, cpu: &Cpu<'_>, id: FolioId) {
        let folio = self.folio(id);
        let mapped = folio.entire_mapcount.peek() as i64 >= 0
            || self.folios.pfns(id).any(|pfn| self.page(pfn).mapcount.peek() as i64 >= 0);
        let pinned = folio.pincount.peek() != 0;
        let in_cache = matches!(folio.peek_mapping(), Mapping::File(_));
        if mapped || pinned || in_cache || folio.lock.is_locked() {
            cpu.splat(Splat::FolioFreedInUse(Class::Folio.obj(id.0)));
        }
        self.page_table_check_zero(cpu, id);
        cpu.note(What::Free(Class::Folio.obj(id.0)));
        self.folios.give_back(id);
    }

    /// `mm_counter(page)`: which rss counter counts its mappings.
    pub fn mm_counter(&self, id: FolioId) -> Rss {
        if self.folio(id).is_anon() { Rss::Anon } else { self.mm_counter_file(id) }
    }

    /// `mm_counter_file(page)`.
    pub fn mm_counter_file(&self, id: FolioId) -> Rss {
        if self.folio(id).has(flags::SWAPBACKED) { Rss::Shmem } else { Rss::File }
    }

    /// `folio_mapped`, without a step.
    pub fn folio_mapped(&self, id: FolioId) -> bool {
        let folio = self.folio(id);
        if self.folios.is_large(id) {
            folio.nr_pages_mapped.peek() as i64 > 0 || folio.entire_mapcount.peek() as i64 >= 0
        } else {
            self.page(self.folios.head(id)).mapcount.peek() as i64 >= 0
        }
    }

    /// `folio_mapped`, of a folio whose last mapping somebody may be about to drop. One step.
    pub fn read_mapped(&self, cpu: &Cpu<'_>, id: FolioId) -> bool {
        let folio = self.folio(id);
        if self.folios.is_large(id) {
            folio.nr_pages_mapped.read_once(cpu) as i64 > 0
                || folio.entire_mapcount.peek() as i64 >= 0
        } else {
            self.page(self.folios.head(id)).mapcount.read_once(cpu) as i64 >= 0
        }
    }

    /// `folio_test_has_hwpoisoned`: the memory behind one of its pages is broken.
    pub fn folio_has_hwpoisoned(&self, id: FolioId) -> bool {
        self.folios.pfns(id).any(|pfn| self.page(pfn).is_hwpoison())
    }

    /// The memory behind a page breaks: who copies it finds out. (What `memory_failure` then does to the mappings is not
    /// modelled.) One step.
    pub fn poison_page(&self, cpu: &Cpu<'_>, pfn: Pfn) {
        cpu.step(0, 0);
        self.page(pfn).hwpoison.store(true, Ordering::SeqCst);
    }

    /// What the folio is known as.
    pub fn folio_obj(id: FolioId) -> Obj {
        Class::Folio.obj(id.0)
    }
}

/// `folio_ref_freeze`, as it should be.
pub(in crate::mm) fn freeze_exact(cpu: &Cpu<'_>, k: &Kernel, id: FolioId, expected: i64) -> bool {
    k.folio_ref_freeze(cpu, id, expected)
}

/// Whatever the count is, it is 0 afterwards: who holds the others is not asked.
pub(in crate::mm) fn freeze_any(cpu: &Cpu<'_>, k: &Kernel, id: FolioId, expected: i64) -> bool {
    let refcount = &k.folio(id).refcount;
    cpu.debts.pay(refcount.obj(), -expected);
    refcount.write_once(cpu, 0);
    true
}
