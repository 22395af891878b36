//! `try_to_unmap`: a locked folio loses all its mappings (kernel-semantics section 5.4).
//!
//! An anonymous page leaves a swap entry behind, or (lazyfree, MADV_FREE) nothing; a page of a file leaves nothing: the
//! page cache has it.

use super::rmap_walk::RmapLock;
use super::walk::{VmaWalk, WalkFlags};
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, Pfn, Pte, Rss, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, UffdFact, What};

/// `enum ttu_flags`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TtuFlags {
    /// TTU_SPLIT_HUGE_PMD: a PMD entry that maps the folio is split first. A huge folio is mapped by PTEs afterwards.
    pub split_huge_pmd: bool,
    /// TTU_IGNORE_MLOCK: even where the VMA is VM_LOCKED.
    pub ignore_mlock: bool,
    /// TTU_SYNC: waits for whoever is about to remove a mapping.
    pub sync: bool,
    /// TTU_BATCH_FLUSH: the flush may be put off until `try_to_unmap_flush`.
    pub batch_flush: bool,
    /// TTU_RMAP_LOCKED: the caller holds i_mmap_rwsem or the anon_vma's rwsem.
    pub rmap_locked: bool,
}

impl TtuFlags {
    pub(super) fn rmap_lock(self) -> RmapLock {
        if self.rmap_locked { RmapLock::Held } else { RmapLock::IfMapped }
    }

    pub(super) fn walk(self) -> WalkFlags {
        WalkFlags { sync: self.sync, migration: false }
    }
}

impl Kernel {
    /// `try_to_unmap`: the mappings of a locked folio go. May sleep.
    ///
    /// Whether that succeeded is asked by `folio_mapped` afterwards.
    pub fn try_to_unmap(&self, cpu: &Cpu<'_>, folio: FolioId, flags: TtuFlags) {
        let _f = cpu.enter(func::try_to_unmap);
        cpu.assert_held(self.folio(folio).lock.obj());
        self.rmap_walk(cpu, folio, flags.rmap_lock(), true, &mut |vma, addr| {
            self.try_to_unmap_one(cpu, folio, vma, addr, flags)
        });
    }

    /// `try_to_unmap_one`: one VMA. `false`: an entry had to stay.
    fn try_to_unmap_one(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        vma: VmaId,
        addr: Vaddr,
        flags: TtuFlags,
    ) -> bool {
        if flags.split_huge_pmd {
            self.split_huge_pmd_address(cpu, vma, addr, folio);
        }
        let mut walk = self.vma_walk(folio, vma, addr, flags.walk());
        let (mm, pages) = (walk.mm, walk.end.0 - addr.0);
        self.mmu_notifier_invalidate_range_start(cpu, mm, addr, pages);
        cpu.pass(ip::ttu0);
        let mut unmapped = true;
        while unmapped && self.page_vma_mapped_walk(cpu, &mut walk) {
            unmapped = match walk.pte {
                Some(pte) => self.unmap_entry(cpu, folio, &walk, pte, flags),
                None => {
                    cpu.vm_bug_on(true, "try_to_unmap() of a folio that a PMD entry maps");
                    false
                }
            };
        }
        if !unmapped {
            self.page_vma_mapped_walk_done(cpu, &mut walk);
        }
        self.mmu_notifier_invalidate_range_end(cpu, mm, addr, pages);
        unmapped
    }

    /// `split_huge_pmd_address`: if a PMD entry maps the folio at `addr`, PTEs do so afterwards, or nothing.
    pub(super) fn split_huge_pmd_address(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        folio: FolioId,
    ) {
        cpu.assert_held(self.folio(folio).lock.obj());
        self.__split_huge_pmd_of(cpu, vma, addr, false, Some(folio));
    }

    /// Unmaps one page, under ptl. `false`: it could not be, and the entry is as it was.
    fn unmap_entry(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        walk: &VmaWalk,
        pte: PteMap,
        flags: TtuFlags,
    ) -> bool {
        let (mm, addr) = (walk.mm, walk.address);
        if !flags.ignore_mlock && self.vma(walk.vma).read_flags(cpu).has(VmFlags::LOCKED) {
            return false;
        }
        let old = self.clear_for_unmap(cpu, walk, pte, flags.batch_flush);
        (self.steps.uffd.unmap_marker)(cpu, self, (walk.vma, pte, addr), old);
        if old.is_dirty() {
            self.folio_mark_dirty(cpu, folio);
        }
        if self.folio(folio).is_anon() {
            if !self.unmap_anon(cpu, folio, walk, pte, old) {
                return false;
            }
        } else {
            self.mm(mm).add_counter(cpu, self.mm_counter_file(folio), -1);
        }
        self.page_remove_rmap(cpu, old.pfn());
        cpu.pass(ip::ttu3);
        self.folio_put(cpu, folio);
        true
    }

    /// Clears the entry, and flushes it or puts that off. Until the flush a CPU may still write to the page.
    pub(super) fn clear_for_unmap(
        &self,
        cpu: &Cpu<'_>,
        walk: &VmaWalk,
        pte: PteMap,
        batch_flush: bool,
    ) -> Pte {
        let (mm, addr) = (walk.mm, walk.address);
        let old = if self.should_defer_flush(cpu, mm, batch_flush) {
            let old = self.ptep_get_and_clear(cpu, mm, pte, addr);
            self.set_tlb_ubc_flush_pending(cpu, mm, old);
            old
        } else {
            self.ptep_clear_flush(cpu, mm, pte, addr)
        };
        cpu.pass(ip::ttu1);
        old
    }

    /// `pte_install_uffd_wp_if_needed`: in a mapping of a file a write-protected page leaves a marker behind, so that it is
    /// not forgotten that userfaultfd protects it. `old` was just cleared, under ptl.
    pub fn pte_install_uffd_wp_if_needed(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        pte: PteMap,
        addr: Vaddr,
        old: Pte,
    ) {
        let spec = self.vma(vma).spec();
        if spec.file.is_none() || !spec.flags.has(VmFlags::UFFD_WP) {
            return;
        }
        if old.is_uffd_wp() || old.is_swp_uffd_wp() || old.is_uffd_wp_marker() {
            self.set_pte_at(cpu, spec.mm, pte, addr, Pte::uffd_wp_marker());
        }
    }

    /// What becomes of the entry of an anonymous page, and of the counters. `false`: it is back.
    fn unmap_anon(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        walk: &VmaWalk,
        pte: PteMap,
        old: Pte,
    ) -> bool {
        let (f, mm, addr) = (self.folio(folio), walk.mm, walk.address);
        if !f.has(flags::SWAPBACKED) {
            return self.unmap_lazyfree(cpu, folio, walk, pte, old);
        }
        let slot = self.folio_swap_slot(folio);
        cpu.vm_bug_on(
            slot.is_none(),
            "try_to_unmap() of an anonymous folio that is not in the swap cache",
        );
        let Some(slot) = slot.filter(|&slot| self.swap_duplicate(cpu, slot)) else {
            self.set_pte_at(cpu, mm, pte, addr, old);
            return false;
        };
        let exclusive = self.page_anon_exclusive(old.pfn());
        if exclusive && !self.page_try_share_anon_rmap(cpu, old.pfn()) {
            self.swap_free(cpu, slot);
            self.set_pte_at(cpu, mm, pte, addr, old);
            return false;
        }
        self.mm(mm).add_counter(cpu, Rss::Anon, -1);
        self.mm(mm).add_counter(cpu, Rss::Swap, 1);
        let mut entry = Pte::swap(slot, exclusive);
        if old.is_uffd_wp() {
            entry = entry.mkuffd_wp();
        }
        self.set_pte_at(cpu, mm, pte, addr, entry);
        cpu.pass(ip::ttu2);
        true
    }

    /// A page after MADV_FREE: it may be thrown away, unless it was written to since or somebody else holds it.
    fn unmap_lazyfree(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        walk: &VmaWalk,
        pte: PteMap,
        old: Pte,
    ) -> bool {
        let f = self.folio(folio);
        // GUP-fast takes its reference first and looks at the entry then: either we see the one or it sees the other.
        let refs = f.refcount.read_once(cpu) as i64;
        if refs == 1 + self.folio_mapcount(folio) && !(self.steps.lazyfree_dirty_check)(self, folio)
        {
            self.mm(walk.mm).add_counter(cpu, Rss::Anon, -1);
            // No marker stays for an anonymous page that is not there.
            let (mm, page) = (walk.mm.0, walk.address.0);
            cpu.note(What::Uffd { mm, page, pages: 1, fact: UffdFact::Lifted });
            return true;
        }
        self.set_pte_at(cpu, walk.mm, pte, walk.address, old);
        f.flags.poke_bits(flags::SWAPBACKED, 0);
        false
    }

    /// The page of a folio that an address of its VMA has.
    pub(super) fn folio_page_at(&self, folio: FolioId, vma: VmaId, addr: Vaddr) -> Pfn {
        let offset = self.vma(vma).spec().pgoff_of(addr).wrapping_sub(self.folio(folio).index());
        Pfn(self.folios.head(folio).0 + offset % self.folios.nr_pages(folio))
    }
}
