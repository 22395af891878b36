//! Writes to pages that are mapped read-only (kernel-semantics sections 10.2 and 10.8).
//!
//! A copy replaces one entry by another under ptl alone: no folio lock keeps a page of a private mapping where it
//! is, not even that of the huge page which a collapse is about to install.

use super::fault::{FaultResult, VmFault};
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, Pfn, Pte, Rss, VmaId};
use crate::mm::userfaultfd::Reason;
use crate::sync::Cpu;

impl Kernel {
    /// `do_wp_page`: ptl is held and the entry is `orig_pte`. The table is unmapped and unlocked on return.
    pub fn do_wp_page(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        ptl: Lockptr,
    ) -> FaultResult {
        let _f = cpu.enter(func::do_wp_page);
        cpu.assert_held(self.lock_obj(ptl));
        if !vmf.unshare {
            if (self.steps.uffd.wp_fault)(self, vmf.vma, vmf.orig_pte) {
                self.pte_unmap_unlock(cpu, ptl);
                return self.handle_userfault(cpu, vmf, Reason::Wp);
            }
            (self.steps.uffd.wp_flush_pending)(cpu, self, vmf);
        }
        let page = self.vm_normal_page(vmf.orig_pte);
        if self.vma(vmf.vma).spec().shared() {
            return self.wp_page_shared(cpu, vmf, pte, ptl, page);
        }
        if page.is_some_and(|page| self.can_reuse(cpu, vmf, page)) {
            if vmf.unshare {
                self.pte_unmap_unlock(cpu, ptl);
                return FaultResult::Done;
            }
            self.wp_page_reuse(cpu, vmf, pte, ptl);
            return FaultResult::Done;
        }
        if vmf.vma_lock && !(self.steps.wp_vma_lock_anon)(cpu, self, vmf.vma) {
            self.pte_unmap_unlock(cpu, ptl);
            self.vma_end_read(cpu, vmf.vma);
            return FaultResult::Retry;
        }
        if let Some(page) = page {
            self.folio_get(cpu, self.folios.of(page));
        }
        self.pte_unmap_unlock(cpu, ptl);
        self.wp_page_copy(cpu, vmf, page)
    }

    /// `vm_normal_page`: the page that a present entry maps, unless it is the zero page.
    pub fn vm_normal_page(&self, entry: Pte) -> Option<Pfn> {
        (!entry.is_special() && self.folios.is_valid(entry.pfn())).then(|| entry.pfn())
    }

    /// Whether an anonymous page need not be copied: it is exclusive, or the entry holds its only reference
    /// (`wp_can_reuse_anon_folio`).
    fn can_reuse(&self, cpu: &Cpu<'_>, vmf: &VmFault, page: Pfn) -> bool {
        let folio = self.folio_of(page);
        if !folio.is_anon() {
            return false;
        }
        if self.page_anon_exclusive(page) {
            return true;
        }
        (self.steps.fork.wp_reuse)(cpu, self, vmf.vma, page)
    }

    /// `wp_page_shared`, without `page_mkwrite`: the entry becomes writable, the page dirty.
    fn wp_page_shared(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        ptl: Lockptr,
        page: Option<Pfn>,
    ) -> FaultResult {
        let Some(folio) = page.map(|page| self.folios.of(page)) else {
            self.wp_page_reuse(cpu, vmf, pte, ptl);
            return FaultResult::Done;
        };
        self.folio_get(cpu, folio);
        self.wp_page_reuse(cpu, vmf, pte, ptl);
        self.folio(folio).lock.lock(cpu);
        self.fault_dirty_shared_page(cpu, folio);
        self.folio_put(cpu, folio);
        FaultResult::Done
    }

    /// `wp_page_reuse`: the same page, writable and dirty. ptl is released.
    fn wp_page_reuse(&self, cpu: &Cpu<'_>, vmf: &VmFault, pte: PteMap, ptl: Lockptr) {
        let _f = cpu.enter(func::wp_page_reuse);
        let dirty = vmf.orig_pte.mkdirty();
        let entry = if self.vma(vmf.vma).spec().write() { dirty.mkwrite() } else { dirty };
        self.ptep_set_access_flags(cpu, vmf.mm, pte, vmf.addr, entry);
        self.pte_unmap_unlock(cpu, ptl);
    }

    /// `wp_page_copy`: a copy of `page` (of the zero page, if `None`) takes its place. No page-table lock is held;
    /// the caller's reference to `page` is put.
    ///
    /// Between the drop of ptl and its retaking anything may have happened to the entry, so it is compared.
    fn wp_page_copy(&self, cpu: &Cpu<'_>, vmf: &VmFault, page: Option<Pfn>) -> FaultResult {
        let _f = cpu.enter(func::wp_page_copy);
        let old = page.map(|page| self.folios.of(page));
        let prepared = self.anon_vma_prepare(cpu, vmf.vma);
        let Some(new) = prepared.and_then(|_| self.vma_alloc_zeroed_folio(cpu)) else {
            self.put_if_any(cpu, old);
            return FaultResult::Oom;
        };
        if let Some(page) = page {
            self.copy_user_page(cpu, new, page);
        }
        cpu.pass(ip::wp1);
        self.mmu_notifier_invalidate_range_start(cpu, vmf.mm, vmf.addr, 1);
        cpu.pass(ip::wp2);
        let mut copied = false;
        if let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, vmf.mm, vmf.addr) {
            if !self.vmf_pte_changed(cpu, vmf, pte) {
                self.replace_by_copy(cpu, vmf, pte, page, new);
                copied = true;
            }
            self.pte_unmap_unlock(cpu, ptl);
        }
        self.mmu_notifier_invalidate_range_end(cpu, vmf.mm, vmf.addr, 1);
        if !copied {
            self.folio_put(cpu, new);
        } else if let Some(old) = old {
            // The reference that the old entry had.
            self.folio_put(cpu, old);
            self.free_swap_cache(cpu, old);
        }
        self.put_if_any(cpu, old);
        FaultResult::Done
    }

    /// `mk_pte` and `maybe_mkwrite`: a write that was forced leaves the entry read-only.
    pub(super) fn maybe_mkwrite(&self, vma: VmaId, page: Pfn) -> Pte {
        Pte::present(page, self.vma(vma).spec().write())
    }

    fn put_if_any(&self, cpu: &Cpu<'_>, folio: Option<FolioId>) {
        if let Some(folio) = folio {
            self.folio_put(cpu, folio);
        }
    }

    /// The part of `wp_page_copy` under ptl. The old entry is flushed before the new one is set: else one CPU
    /// could still read the old page while another already writes to the new one.
    fn replace_by_copy(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        page: Option<Pfn>,
        new: FolioId,
    ) {
        let mm = self.mm(vmf.mm);
        match page.map(|page| self.folios.of(page)) {
            Some(old) if self.folio(old).is_anon() => {}
            old => {
                if let Some(old) = old {
                    mm.add_counter(cpu, self.mm_counter_file(old), -1);
                }
                mm.add_counter(cpu, Rss::Anon, 1);
            }
        }
        self.ptep_clear_flush(cpu, vmf.mm, pte, vmf.addr);
        cpu.pass(ip::wp3);
        self.folio_add_new_anon_rmap(cpu, new, vmf.vma, vmf.addr);
        self.folio_add_lru(cpu, new);
        let page_of_its_own = self.folios.head(new);
        let entry = match vmf.unshare {
            true if vmf.orig_pte.is_uffd_wp() => Pte::present(page_of_its_own, false).mkuffd_wp(),
            true => Pte::present(page_of_its_own, false),
            false => self.maybe_mkwrite(vmf.vma, page_of_its_own).mkdirty(),
        };
        self.set_pte_at(cpu, vmf.mm, pte, vmf.addr, entry);
        cpu.pass(ip::wp4);
        if let Some(page) = page {
            self.page_remove_rmap(cpu, page);
        }
    }
}

/// `wp_can_reuse_anon_folio`: the entry holds the only reference to the page, which becomes exclusive.
pub(in crate::mm) fn reuse_if_only_ref(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId, page: Pfn) -> bool {
    let folio = k.folio_of(page);
    // Not worth the lock if others hold it, but for the swap cache and this CPU's batch.
    if folio.refcount.read_once(cpu) > 3 {
        return false;
    }
    if !folio.has(flags::LRU) {
        k.lru_add_drain(cpu);
    }
    let cached = u64::from(folio.has(flags::SWAPCACHE));
    // Under ptl only a trylock is allowed. Whoever holds the folio lock may be unmapping the page.
    if folio.refcount.read_once(cpu) > 1 + cached || !folio.lock.trylock(cpu) {
        return false;
    }
    k.folio_free_swap(cpu, k.folios.of(page));
    let only = folio.refcount.read_once(cpu) == 1;
    if only {
        k.page_move_anon_rmap(cpu, page, vma);
    }
    folio.lock.unlock(cpu);
    only
}

/// As it was once: nobody else maps the page. Who holds it without mapping it is not asked.
pub(in crate::mm) fn reuse_if_only_map(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId, page: Pfn) -> bool {
    let folio = k.folio_of(page);
    if folio.has(flags::SWAPCACHE) || !folio.lock.trylock(cpu) {
        return false;
    }
    let only = k.page(page).mapcount.read_once(cpu) == 0;
    if only {
        k.page_move_anon_rmap(cpu, page, vma);
    }
    folio.lock.unlock(cpu);
    only
}
