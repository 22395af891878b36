//! `do_huge_pmd_wp_page`: a write to a huge anonymous page that is mapped read-only (kernel-semantics section 10.2).

use super::fault::HugeFault;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::memory::{FaultResult, VmFault};
use crate::mm::pgtable::Lockptr;
use crate::mm::place::func;
use crate::mm::types::{FolioId, Pmd};
use crate::sync::{Cpu, Word};

impl Kernel {
    /// `do_huge_pmd_wp_page`: the page becomes writable if nobody else can have it. If somebody may, or if it is the
    /// huge zero page, it is split: one small page is copied then. `None` is VM_FAULT_FALLBACK.
    pub fn do_huge_pmd_wp_page(&self, cpu: &Cpu<'_>, vmf: &VmFault, orig_pmd: Pmd) -> HugeFault {
        let _f = cpu.enter(func::do_huge_pmd_wp_page);
        if !self.is_huge_zero_pmd(orig_pmd)
            && let Some(result) = self.huge_pmd_try_reuse(cpu, vmf, orig_pmd)
        {
            return Some(result);
        }
        self.__split_huge_pmd(cpu, vmf.vma, vmf.addr);
        None
    }

    /// Tries to make the entry writable, under pml. `None`: the page may be shared. Nothing is held afterwards.
    fn huge_pmd_try_reuse(&self, cpu: &Cpu<'_>, vmf: &VmFault, orig_pmd: Pmd) -> HugeFault {
        let (page, folio) = (orig_pmd.pfn(), self.folios.of(orig_pmd.pfn()));
        let lock = &self.folio(folio).lock;
        let pmdp = self.pmdp(vmf.mm, vmf.addr);
        let pml = self.pmd_lock(cpu, vmf.mm);
        if !(self.steps.huge.wp_recheck)(cpu, pmdp, orig_pmd) {
            self.lock(pml).unlock(cpu);
            return Some(FaultResult::Done);
        }
        if self.page_anon_exclusive(page) {
            return Some(self.huge_pmd_reuse(cpu, vmf, pml, orig_pmd));
        }
        if !lock.trylock(cpu) {
            // The folio lock is taken before pml: drop that, and look again.
            self.folio_get(cpu, folio);
            self.lock(pml).unlock(cpu);
            lock.lock(cpu);
            self.lock(pml).lock(cpu);
            let same = (self.steps.huge.wp_relock_recheck)(cpu, pmdp, orig_pmd);
            if !same {
                self.lock(pml).unlock(cpu);
                lock.unlock(cpu);
            }
            self.folio_put(cpu, folio);
            if !same {
                return Some(FaultResult::Done);
            }
        }
        if self.page_anon_exclusive(page) {
            lock.unlock(cpu);
            return Some(self.huge_pmd_reuse(cpu, vmf, pml, orig_pmd));
        }
        if (self.steps.huge.wp_only_ref)(cpu, self, folio) {
            self.page_move_anon_rmap(cpu, page, vmf.vma);
            lock.unlock(cpu);
            return Some(self.huge_pmd_reuse(cpu, vmf, pml, orig_pmd));
        }
        lock.unlock(cpu);
        self.lock(pml).unlock(cpu);
        None
    }

    /// `reuse:` the entry becomes writable and dirty. pml is released.
    fn huge_pmd_reuse(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        pml: Lockptr,
        orig_pmd: Pmd,
    ) -> FaultResult {
        if vmf.unshare {
            // It is nobody else's: that was all that was wanted.
            self.lock(pml).unlock(cpu);
            return FaultResult::Done;
        }
        let entry = self.maybe_pmd_mkwrite(orig_pmd.mkyoung().mkdirty(), vmf.vma);
        self.pmdp_set_access_flags(cpu, vmf.mm, self.haddr(vmf.addr), entry);
        self.lock(pml).unlock(cpu);
        FaultResult::Done
    }
}

/// Under pml: the entry is still the one that faulted.
pub(in crate::mm) fn pmd_same(cpu: &Cpu<'_>, pmdp: &Word, orig: Pmd) -> bool {
    Pmd(pmdp.read_once(cpu)) == orig
}

/// The entry holds the only reference to the locked folio, but for the swap cache, out of which it is taken.
pub(in crate::mm) fn only_ref(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    let f = k.folio(folio);
    let cached = if f.has(flags::SWAPCACHE) { k.folios.nr_pages(folio) } else { 0 };
    if f.refcount.read_once(cpu) > 1 + u64::from(cached) {
        return false;
    }
    k.folio_free_swap(cpu, folio);
    f.refcount.read_once(cpu) == 1
}

/// As it was once: nobody else maps it, by any of its counters. A split of another mm's entry counts first its pages and
/// then the huge page, and may come between the looks.
pub(in crate::mm) fn only_map(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    let mapped = |mapcount: &Word| mapcount.read_once(cpu) as i64 + 1;
    let pages: i64 = k.folios.pfns(folio).map(|pfn| mapped(&k.page(pfn).mapcount)).sum();
    pages + mapped(&k.folio(folio).entire_mapcount) == 1
}
