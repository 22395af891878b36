//! `copy_huge_pmd`: a huge PMD entry that a fork copies (kernel-semantics section 11.9).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pmd, Rss, TableId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mm) enum CopiedPmd {
    /// The entry was copied, or can be faulted in again.
    Done,
    /// -ENOMEM.
    NoMemory,
    /// -EAGAIN: it is not a huge one any longer. The PTEs are to be copied.
    Again,
}

impl Kernel {
    /// `copy_huge_pmd`: both have the page then, neither may write to it, and the child has a deposited table of its own. A
    /// page that may be pinned is split. May sleep.
    pub(in crate::mm) fn copy_huge_pmd(
        &self,
        cpu: &Cpu<'_>,
        dst: VmaId,
        src: VmaId,
        haddr: Vaddr,
    ) -> CopiedPmd {
        // What a file maps can be faulted in again.
        if self.vma(dst).spec().file.is_some() {
            return CopiedPmd::Done;
        }
        let _f = cpu.enter(func::copy_huge_pmd);
        let (dst_mm, src_mm) = (self.vma(dst).spec().mm, self.vma(src).spec().mm);
        let seen = Pmd(self.pmdp(src_mm, haddr).peek());
        let Some(table) = self.pte_alloc_one(cpu) else { return CopiedPmd::NoMemory };
        let dst_pml = self.pmd_lock(cpu, dst_mm);
        let src_pml = self.pmd_lockptr(src_mm);
        self.lock(src_pml).lock_nested(cpu);
        // A migration may have begun or ended, and a walk by rmap may have split the page.
        let pmd = (self.steps.fork.huge_recheck)(cpu, self, src_mm, haddr, seen);
        let uffd_wp = self.vma(dst).spec().flags.has(VmFlags::UFFD_WP);
        let mut pinned = false;
        let copied = if pmd.is_swap_pmd() {
            self.copy_migration_pmd(cpu, (dst_mm, src_mm), haddr, pmd, table, uffd_wp);
            true
        } else if pmd.is_trans_huge() {
            pinned = !self.copy_present_pmd(cpu, (dst_mm, src_mm), haddr, pmd, table, uffd_wp);
            !pinned
        } else {
            false
        };
        if !copied {
            self.pte_free_now(cpu, table);
        }
        self.lock(src_pml).unlock(cpu);
        self.lock(dst_pml).unlock(cpu);
        if pinned {
            // Its pages are exclusive each for itself then: those of them that are pinned are copied.
            self.__split_huge_pmd(cpu, src, haddr);
        }
        if copied { CopiedPmd::Done } else { CopiedPmd::Again }
    }

    /// The migration entry of a huge page: readable in both from now on.
    fn copy_migration_pmd(
        &self,
        cpu: &Cpu<'_>,
        (dst_mm, src_mm): (MmId, MmId),
        haddr: Vaddr,
        mut pmd: Pmd,
        table: TableId,
        uffd_wp: bool,
    ) {
        cpu.vm_bug_on(!pmd.is_migration(), "a fork finds a PMD entry of an unknown kind");
        if pmd.is_exclusive_migration() {
            pmd = pmd.mkmigration_readable();
            self.set_pmd_at(cpu, src_mm, haddr, pmd);
        }
        self.mm(dst_mm).add_counter(cpu, Rss::Anon, i64::from(self.hpn));
        self.mm(dst_mm).inc_nr_ptes(cpu);
        (self.steps.fork.huge_deposit)(cpu, self, dst_mm, table);
        let entry = if uffd_wp { pmd } else { pmd.clear_uffd_wp() };
        self.set_pmd_at(cpu, dst_mm, haddr, entry);
    }

    /// A huge page, or the huge zero page, which nobody counts. `false`: it may be pinned.
    fn copy_present_pmd(
        &self,
        cpu: &Cpu<'_>,
        (dst_mm, src_mm): (MmId, MmId),
        haddr: Vaddr,
        pmd: Pmd,
        table: TableId,
        uffd_wp: bool,
    ) -> bool {
        if !self.is_huge_zero_pmd(pmd) {
            let folio = self.folios.of(pmd.pfn());
            self.folio_get(cpu, folio);
            if !self.page_try_dup_anon_rmap(cpu, pmd.pfn(), true) {
                self.folio_put(cpu, folio);
                return false;
            }
            self.mm(dst_mm).add_counter(cpu, Rss::Anon, i64::from(self.hpn));
        }
        self.mm(dst_mm).inc_nr_ptes(cpu);
        (self.steps.fork.huge_deposit)(cpu, self, dst_mm, table);
        cpu.pass(ip::fk6);
        (self.steps.fork.huge_wrprotect)(cpu, self, src_mm, haddr);
        let entry = pmd.wrprotect().mkold();
        let entry = if uffd_wp { entry } else { entry.clear_uffd_wp() };
        self.set_pmd_at(cpu, dst_mm, haddr, entry);
        true
    }
}

/// The entry under both locks.
pub(in crate::mm) fn read_again(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr, _: Pmd) -> Pmd {
    Pmd(k.pmdp(mm, haddr).read_once(cpu))
}

/// `pmdp_set_wrprotect` of the parent's entry.
pub(in crate::mm) fn wrprotect(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) {
    k.pmdp_set_wrprotect(cpu, mm, haddr);
}
