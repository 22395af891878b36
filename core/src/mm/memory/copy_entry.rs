//! One entry that a fork copies: what the child gets of it, and what becomes of it in the parent
//! (kernel-semantics section 11.9).

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::place::ip;
use crate::mm::types::{FolioId, MmId, Pfn, Pte, Rss, Vaddr, VmaId};
use crate::sync::Cpu;

/// From which table to which. Both are locked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copying {
    /// The child's VMA.
    pub(super) dst: VmaId,
    pub(super) dst_mm: MmId,
    pub(super) dst_pte: PteMap,
    pub(super) dst_ptl: Lockptr,
    pub(super) src_mm: MmId,
    pub(super) src_pte: PteMap,
    pub(super) src_ptl: Lockptr,
    /// `is_cow_mapping`.
    pub(super) cow: bool,
    /// `userfaultfd_wp(dst_vma)`.
    pub(super) uffd_wp: bool,
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CopiedPte {
    /// The entry was copied, or has nothing for the child.
    Done,
    /// -EAGAIN: the page must be copied too, and there is none for the copy.
    NeedsPage,
}

impl Kernel {
    /// `copy_nonpresent_pte` or `copy_present_pte`.
    pub(super) fn copy_pte(
        &self,
        cpu: &Cpu<'_>,
        copying: &Copying,
        addr: Vaddr,
        entry: Pte,
        prealloc: &mut Option<FolioId>,
        rss: &mut [i64; 4],
    ) -> CopiedPte {
        if entry.is_present() {
            return self.copy_present_pte(cpu, copying, addr, entry, prealloc, rss);
        }
        self.copy_nonpresent_pte(cpu, copying, addr, entry, rss);
        CopiedPte::Done
    }

    /// `copy_nonpresent_pte`.
    fn copy_nonpresent_pte(
        &self,
        cpu: &Cpu<'_>,
        copying: &Copying,
        addr: Vaddr,
        mut entry: Pte,
        rss: &mut [i64; 4],
    ) {
        let Copying { src_mm, src_pte, dst_mm, dst_pte, .. } = *copying;
        if let Some(slot) = entry.swap_slot() {
            let used = (self.steps.fork.swap_duplicate)(cpu, self, slot);
            cpu.vm_bug_on(!used, "a fork copies a swap entry of a slot that is not in use");
            if entry.is_exclusive_entry() {
                entry = (self.steps.fork.swap_clear_exclusive)(entry);
                self.set_pte_at(cpu, src_mm, src_pte, addr, entry);
            }
            rss[Rss::Swap as usize] += 1;
        } else if entry.is_migration() {
            rss[self.mm_counter(self.folios.of(entry.pfn())) as usize] += 1;
            // What was exclusive is shared from now on.
            let readable = (self.steps.fork.migration_readable)(entry);
            if copying.cow && readable != entry {
                entry = readable;
                self.set_pte_at(cpu, src_mm, src_pte, addr, entry);
            }
        } else if entry.is_marker() {
            // copy_pte_marker(): what is poisoned is so for everybody.
            if entry.is_poisoned_marker() {
                self.set_pte_at(cpu, dst_mm, dst_pte, addr, Pte::poisoned_marker());
            } else if entry.is_uffd_wp_marker() && copying.uffd_wp {
                self.set_pte_at(cpu, dst_mm, dst_pte, addr, entry);
            }
            return;
        }
        if !copying.uffd_wp {
            entry = entry.clear_uffd_wp();
        }
        self.set_pte_at(cpu, dst_mm, dst_pte, addr, entry);
    }

    /// `copy_present_pte`: the child gets the same page, and neither may write to it any longer; or a copy of its own at
    /// once, if the parent's may be pinned.
    fn copy_present_pte(
        &self,
        cpu: &Cpu<'_>,
        copying: &Copying,
        addr: Vaddr,
        mut entry: Pte,
        prealloc: &mut Option<FolioId>,
        rss: &mut [i64; 4],
    ) -> CopiedPte {
        let Copying { src_mm, src_pte, dst_mm, dst_pte, .. } = *copying;
        let page = self.vm_normal_page(entry);
        if let Some(page) = page {
            let folio = self.folios.of(page);
            self.folio_get(cpu, folio);
            if !self.folio(folio).is_anon() {
                self.page_dup_file_rmap(cpu, page, false);
            } else if !self.page_try_dup_anon_rmap(cpu, page, false) {
                self.folio_put(cpu, folio);
                return self.copy_present_page(cpu, copying, addr, page, prealloc, rss);
            }
            rss[self.mm_counter(folio) as usize] += 1;
            cpu.pass(ip::fk5);
        }
        if copying.cow && entry.is_write() {
            (self.steps.fork.wrprotect)(cpu, self, src_mm, src_pte, addr);
            entry = entry.wrprotect();
        }
        if !copying.cow {
            // The parent's entry says whether the page was written to.
            entry = entry.mkclean();
        }
        entry = entry.mkold();
        if !copying.uffd_wp {
            entry = entry.clear_uffd_wp();
        }
        self.set_pte_at(cpu, dst_mm, dst_pte, addr, entry);
        CopiedPte::Done
    }

    /// `copy_present_page`: the parent keeps its page, exclusive and writable; the child gets the copy.
    fn copy_present_page(
        &self,
        cpu: &Cpu<'_>,
        copying: &Copying,
        addr: Vaddr,
        page: Pfn,
        prealloc: &mut Option<FolioId>,
        rss: &mut [i64; 4],
    ) -> CopiedPte {
        let Some(new) = prealloc.take() else { return CopiedPte::NeedsPage };
        let Copying { dst, dst_mm, dst_pte, src_pte, .. } = *copying;
        self.copy_user_page(cpu, new, page);
        self.folio(new).flags.poke_bits(flags::UPTODATE, 0);
        self.folio_add_new_anon_rmap(cpu, new, dst, addr);
        self.folio_add_lru(cpu, new);
        rss[Rss::Anon as usize] += 1;
        let spec = self.vma(dst).spec();
        let mut entry = spec.page_prot().mk_pte(self.folios.head(new), spec.write()).mkdirty();
        if copying.uffd_wp && self.ptep_get(cpu, src_pte, addr).is_uffd_wp() {
            entry = entry.mkuffd_wp();
        }
        self.set_pte_at(cpu, dst_mm, dst_pte, addr, entry);
        CopiedPte::Done
    }
}

/// `ptep_set_wrprotect` of the parent's entry.
pub(in crate::mm) fn wrprotect(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, pte: PteMap, addr: Vaddr) {
    k.ptep_set_wrprotect(cpu, mm, pte, addr);
}
