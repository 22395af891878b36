//! Faults on entries that are not present but not empty: swapped out, or about to be elsewhere
//! (kernel-semantics section 10.9).

use super::fault::{FaultResult, VmFault};
use super::swapin_sync::PastCache;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::rmap::RmapFlags;
use crate::mm::types::{FolioId, MmId, Pte, Rss, SwapId, Vaddr};
use crate::sync::Cpu;

/// A page that comes in.
#[derive(Clone, Copy, Debug)]
struct SwapIn {
    slot: SwapId,
    folio: FolioId,
    /// It was read past the swap cache: nobody else has ever seen it.
    fresh: bool,
}

impl Kernel {
    /// `do_swap_page`: the entry `orig_pte` was found without a lock. `Retry` means that the fault's lock was dropped.
    ///
    /// If a write fault finds that the page may be shared, it maps it read-only and is done: the write-protect
    /// fault that follows is one of its own, where the kernel goes on to `do_wp_page` at once.
    pub(in crate::mm) fn do_swap_page(&self, cpu: &Cpu<'_>, vmf: &mut VmFault) -> FaultResult {
        let _f = cpu.enter(func::do_swap_page);
        let VmFault { mm, addr, orig_pte: orig, .. } = *vmf;
        if orig.is_migration() {
            self.migration_entry_wait(cpu, mm, addr);
            return FaultResult::Done;
        }
        if orig.is_marker() {
            return self.handle_pte_marker(cpu, vmf);
        }
        let Some(slot) = orig.swap_slot() else { return FaultResult::Sigbus };
        let found = match self.swapin_past_cache(cpu, slot) {
            PastCache::No => {
                let folio = self.read_swap_cache(cpu, slot);
                folio.map(|folio| SwapIn { slot, folio, fresh: false })
            }
            PastCache::Busy => return FaultResult::Done,
            PastCache::Nomem => None,
            PastCache::Read(folio) => Some(SwapIn { slot, folio, fresh: true }),
        };
        let result = match found {
            None => self.swapin_failed(cpu, mm, addr, orig),
            Some(swapin) => self.swapin_finish(cpu, vmf, swapin),
        };
        if found.is_some_and(|swapin| swapin.fresh) {
            (self.steps.swap.swapcache_clear)(cpu, self, slot);
        }
        result
    }

    /// There is a folio: it is locked, and mapped if the entry is still the same.
    fn swapin_finish(&self, cpu: &Cpu<'_>, vmf: &VmFault, swapin: SwapIn) -> FaultResult {
        let folio = swapin.folio;
        cpu.pass(ip::sw1);
        if !self.folio_lock_or_retry(cpu, vmf, folio) {
            self.folio_put(cpu, folio);
            return FaultResult::Retry;
        }
        let mapped = self.swapin_map(cpu, vmf, swapin);
        if mapped != Ok(true) {
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
        }
        mapped.err().unwrap_or(FaultResult::Done)
    }

    /// No folio: out of memory, unless somebody else has dealt with the entry meanwhile.
    fn swapin_failed(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, orig: Pte) -> FaultResult {
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, addr) else {
            return FaultResult::Done;
        };
        let same = self.ptep_get(cpu, pte, addr) == orig;
        self.pte_unmap_unlock(cpu, ptl);
        if same { FaultResult::Oom } else { FaultResult::Done }
    }

    /// `folio_lock_or_retry`, always as on a fault's first attempt: if the folio is locked, the fault's lock is dropped
    /// and the wait is without either. `false`: that lock is gone, and the folio is not locked.
    fn folio_lock_or_retry(&self, cpu: &Cpu<'_>, vmf: &VmFault, folio: FolioId) -> bool {
        let lock = &self.folio(folio).lock;
        if lock.trylock(cpu) {
            return true;
        }
        self.release_fault_lock(cpu, vmf);
        lock.wait_unlocked(cpu);
        false
    }

    /// The part of `do_swap_page` under the folio lock. `Ok(true)`: mapped, the reference is the entry's, and the
    /// folio is unlocked. Otherwise the folio is still locked, and the caller's.
    fn swapin_map(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        swapin: SwapIn,
    ) -> Result<bool, FaultResult> {
        let VmFault { mm, addr, write, orig_pte: orig, .. } = *vmf;
        let SwapIn { slot, folio, fresh } = swapin;
        // Reclaim, or another fault, may have taken the folio out of the swap cache before it was locked; the
        // reference alone does not prevent that.
        if !fresh && self.folio_swap_slot(folio) != Some(slot) {
            return Ok(false);
        }
        // Our own batch would be taken for somebody else who holds it.
        if write && !self.folio(folio).has(flags::LRU) {
            self.lru_add_drain(cpu);
        }
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, addr) else { return Ok(false) };
        let same = self.ptep_get(cpu, pte, addr) == orig;
        let uptodate = self.folio(folio).has(flags::UPTODATE);
        if same && uptodate {
            cpu.pass(ip::sw2);
            self.swapin_set_pte(cpu, vmf, pte, swapin);
            self.folio(folio).lock.unlock(cpu);
        }
        self.pte_unmap_unlock(cpu, ptl);
        if same && !uptodate { Err(FaultResult::Sigbus) } else { Ok(same) }
    }

    /// The entry is still the one that faulted, ptl and the folio lock are held: it becomes a present one.
    fn swapin_set_pte(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pte: PteMap,
        SwapIn { slot, folio, fresh }: SwapIn,
    ) {
        let VmFault { mm, vma, addr, write, orig_pte: orig, .. } = *vmf;
        let f = self.folio(folio);
        cpu.vm_bug_on(
            f.is_anon() && self.page_anon_exclusive(self.folios.head(folio)),
            "a swap entry names an anonymous page that is exclusive",
        );
        self.swap_free(cpu, slot);
        cpu.pass(ip::sw3);
        // should_try_to_free_swap(): for a write, if nobody but the swap cache and this fault holds the folio.
        if write && !fresh && f.refcount.read_once(cpu) == 2 {
            self.folio_free_swap(cpu, folio);
        }
        self.mm(mm).add_counter(cpu, Rss::Anon, 1);
        self.mm(mm).add_counter(cpu, Rss::Swap, -1);
        // A fresh page was never exposed to the swap cache.
        let exclusive = fresh || orig.is_exclusive_entry() || f.refcount.read_once(cpu) == 1;
        let pfn = self.folios.head(folio);
        let mut entry = self.vma(vma).spec().page_prot().mk_pte(pfn, false);
        if exclusive && write {
            entry = entry.mkdirty();
            if self.vma(vma).spec().write() {
                entry = entry.mkwrite();
            }
        }
        entry = (self.steps.uffd.swapin_wp)(orig, entry);
        self.page_add_anon_rmap(cpu, pfn, vma, addr, RmapFlags { exclusive, compound: false });
        self.set_pte_at(cpu, mm, pte, addr, entry);
    }

    /// `migration_entry_wait`: if there is a migration entry at `addr`, waits until its folio is unlocked.
    ///
    /// As in the kernel mmap_lock stays held, and no reference is taken: whoever waits must not be the reason why
    /// the migration fails.
    pub fn migration_entry_wait(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        let _f = cpu.enter(func::migration_entry_wait);
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, addr) else { return };
        let entry = self.ptep_get(cpu, pte, addr);
        let folio = Some(entry).filter(|entry| entry.is_migration());
        let folio = folio.and_then(|entry| self.migration_entry_folio(cpu, entry.pfn()));
        self.pte_unmap_unlock(cpu, ptl);
        if let Some(folio) = folio {
            self.folio(folio).lock.wait_unlocked(cpu);
        }
    }
}
