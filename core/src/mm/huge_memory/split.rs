//! `__split_huge_pmd`: the huge PMD entry around an address goes (kernel-semantics section 11.7).

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{FolioId, Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `__split_huge_pmd` of whatever is there: afterwards the entry is not huge. May sleep.
    ///
    /// Anonymous memory is mapped by PTEs then. Of a file the entry is empty: its pages can be faulted in again.
    pub fn __split_huge_pmd(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr) {
        self.__split_huge_pmd_of(cpu, vma, addr, false, None);
    }

    /// `__split_huge_pmd` of the entry that maps `folio`, which is locked (`split_huge_pmd_address`). With `freeze` the
    /// PTEs of anonymous memory are migration entries, unless the page may be pinned. May sleep.
    pub fn __split_huge_pmd_of(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        freeze: bool,
        folio: Option<FolioId>,
    ) {
        let _f = cpu.enter(func::split_huge_pmd);
        let mm = self.vma(vma).spec().mm;
        self.assert_vma_stable(cpu, vma);
        let haddr = self.haddr(addr);
        self.mmu_notifier_invalidate_range_start(cpu, mm, haddr, self.hpn);
        let locked = (self.steps.fs.split_lock_folio)(cpu, self, vma, haddr);
        let pml = self.pmd_lock(cpu, mm);
        cpu.vm_bug_on(freeze && folio.is_none(), "a split of a PMD freezes some page");
        if let Some(folio) = folio {
            cpu.assert_held(self.folio(folio).lock.obj());
        }
        // A zap or another split may have been faster.
        let pmd = Pmd(self.pmdp(mm, haddr).read_once(cpu));
        let about = |folio| (self.steps.huge.split_about)(cpu, self, pmd, folio);
        if (self.steps.huge.split_recheck)(pmd) && folio.is_none_or(about) {
            self.__split_huge_pmd_locked(cpu, vma, haddr, freeze);
        }
        self.lock(pml).unlock(cpu);
        if let Some(folio) = locked {
            self.unlock_and_put(cpu, folio);
        }
        self.mmu_notifier_invalidate_range_end(cpu, mm, haddr, self.hpn);
    }

    /// `__split_huge_pmd_locked`, under pml.
    fn __split_huge_pmd_locked(&self, cpu: &Cpu<'_>, vma: VmaId, haddr: Vaddr, freeze: bool) {
        if self.vma(vma).spec().file.is_none() {
            return self.split_anon_pmd_locked(cpu, vma, haddr, freeze);
        }
        let mm = self.vma(vma).spec().mm;
        let old = self.pmdp_huge_clear_flush(cpu, mm, haddr);
        cpu.pass(crate::mm::place::ip::spd1);
        if !self.folios.is_valid(old.pfn()) {
            return;
        }
        let folio = self.folios.of(old.pfn());
        if old.is_migration() {
            // Rmap and reference went when the entry came.
            let pages = -i64::from(self.hpn);
            self.mm(mm).add_counter(cpu, self.mm_counter_file(folio), pages);
            return;
        }
        if old.is_dirty() && !self.folio(folio).has(flags::DIRTY) {
            self.folio_mark_dirty(cpu, folio);
        }
        self.folio_remove_rmap_pmd(cpu, folio);
        (self.steps.split_uncount)(cpu, self, mm, folio);
    }
}

/// What once kept the page from being freed or migrated meanwhile: its lock, also for a file's page, though whoever splits
/// its PMD may be a zap under i_mmap_rwsem, for which others wait with the folio locked.
pub(in crate::mm) fn lock_file_folio(
    cpu: &Cpu<'_>,
    k: &Kernel,
    vma: VmaId,
    haddr: Vaddr,
) -> Option<FolioId> {
    let mm = k.vma(vma).spec().mm;
    let pml = k.pmd_trans_huge_lock(cpu, mm, haddr)?;
    let pmd = Pmd(k.pmdp(mm, haddr).peek());
    let folio = pmd.is_trans_huge().then(|| k.folios.of(pmd.pfn()));
    let folio = folio.filter(|&folio| !k.folio(folio).is_anon());
    if let Some(folio) = folio {
        k.folio_get(cpu, folio);
    }
    k.lock(pml).unlock(cpu);
    let folio = folio?;
    if k.folio(folio).lock.owner() == Some(cpu.id()) {
        k.folio_put(cpu, folio);
        return None;
    }
    k.folio(folio).lock.lock(cpu);
    Some(folio)
}

/// Under pml the entry is still huge, or a huge page's migration entry.
pub(in crate::mm) fn is_huge(pmd: Pmd) -> bool {
    pmd.is_trans_huge() || pmd.is_migration()
}

/// The counter, then the reference: the folio says which counter it is, so it must still be there.
pub(in crate::mm) fn uncount_then_put(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: crate::mm::MmId,
    folio: FolioId,
) {
    k.mm(mm).add_counter(cpu, k.mm_counter_file(folio), -i64::from(k.hpn));
    k.folio_put(cpu, folio);
}

/// The other way round, as v6.6 does it: a truncation may have left the PMD as the last user, and then a free page
/// is asked which counter it belongs to.
pub(in crate::mm) fn put_then_uncount(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: crate::mm::MmId,
    folio: FolioId,
) {
    k.folio_put(cpu, folio);
    k.mm(mm).add_counter(cpu, k.mm_counter_file(folio), -i64::from(k.hpn));
}

/// The folio to be split is mapped whole: a migration entry is not about it, which is locked and so is not migrated.
pub(in crate::mm) fn present_folio(_: &Cpu<'_>, k: &Kernel, pmd: Pmd, folio: FolioId) -> bool {
    pmd.is_present() && k.folios.is_valid(pmd.pfn()) && k.folios.of(pmd.pfn()) == folio
}

/// As v6.6 does it: the frame of any entry, also of a migration entry, is looked up as if the entry were present. What
/// is read there is no folio.
pub(in crate::mm) fn decoded_folio(cpu: &Cpu<'_>, k: &Kernel, pmd: Pmd, folio: FolioId) -> bool {
    cpu.vm_bug_on(pmd.is_migration(), "pmd_page() of a migration entry");
    present_folio(cpu, k, pmd, folio)
}
