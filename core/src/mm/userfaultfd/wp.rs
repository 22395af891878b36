//! UFFDIO_WRITEPROTECT (kernel-semantics sections 11.10 and 11.11): the part of `change_protection` that is about
//! userfaultfd, entry by entry, with mmap_lock for read.

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{MmId, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, UffdFact, What};

impl Kernel {
    /// `mwriteprotect_range`, and the wake after a protection was lifted. ENOENT: not all of the range is registered for
    /// it. Takes mmap_lock for read; may sleep.
    pub fn mwriteprotect_range(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        enable: bool,
    ) -> Errno {
        let _f = cpu.enter(func::mwriteprotect_range);
        self.mmap_read_lock(cpu, mm);
        let mut errno = Errno::Enoent;
        for &vma in self.vmas_in(mm, start, end).iter() {
            let spec = self.vma(vma).spec();
            errno = match spec.flags.has(VmFlags::UFFD_WP) {
                true => {
                    let part = (spec.start.max(start), spec.end.min(end));
                    self.uffd_wp_range(cpu, vma, part, enable)
                }
                false => Errno::Enoent,
            };
            if errno != Errno::Ok {
                break;
            }
        }
        if errno != Errno::Ok && enable {
            let pages = end.0 - start.0;
            cpu.note(What::Uffd { mm: mm.0, page: start.0, pages, fact: UffdFact::Failed });
        }
        self.mmap_read_unlock(cpu, mm);
        if errno == Errno::Ok && !enable {
            self.note_resolved(cpu, mm, start, end.0 - start.0);
            (self.steps.uffd.wake)(cpu, self, mm, start, end.0 - start.0);
        }
        errno
    }

    /// `uffd_wp_range`: protects a part of a VMA, or lifts the protection. mmap_lock is held.
    pub(super) fn uffd_wp_range(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        (start, end): (Vaddr, Vaddr),
        enable: bool,
    ) -> Errno {
        let spec = self.vma(vma).spec();
        if enable && spec.file.is_some() {
            // Whether or not there is an entry.
            self.note_wp(cpu, spec.mm, start, end.0 - start.0, true);
        }
        let mut tlb = self.tlb_gather_mmu(cpu, spec.mm);
        let errno = self.uffd_wp_pmd_range(cpu, &mut tlb, vma, (start, end), enable);
        cpu.pass(ip::mp2);
        (self.steps.uffd.wp_finish)(cpu, self, tlb);
        errno
    }

    /// `change_pte_range` of one table. `false`: the table has gone.
    pub(super) fn uffd_wp_pte_range(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        (start, end): (Vaddr, Vaddr),
        enable: bool,
    ) -> bool {
        let _f = cpu.enter(func::change_pte_range);
        let mm = tlb.mm;
        cpu.pass(ip::mp1);
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, start) else { return false };
        self.flush_tlb_batched_pending(cpu, mm);
        for addr in (start.0..end.0).map(Vaddr) {
            let old = self.ptep_get(cpu, pte, addr);
            if old.is_present() {
                self.uffd_wp_present(cpu, tlb, vma, (pte, addr), enable);
            } else {
                self.uffd_wp_not_present(cpu, vma, (pte, addr), old, enable);
            }
        }
        self.pte_unmap_unlock(cpu, ptl);
        true
    }

    /// A present entry: cleared, changed and stored again, so that no bit of the hardware's is lost.
    fn uffd_wp_present(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        (pte, addr): (PteMap, Vaddr),
        enable: bool,
    ) {
        let mm = tlb.mm;
        let old = self.ptep_get_and_clear(cpu, mm, pte, addr);
        // pte_modify() to vm_page_prot, which permits no writes where userfaultfd wants to hear of them.
        let plain = old.wrprotect();
        let new = if enable { plain.mkuffd_wp() } else { plain.clear_uffd_wp() };
        let new =
            if !enable && self.can_change_pte_writable(vma, new) { new.mkwrite() } else { new };
        self.set_pte_at(cpu, mm, pte, addr, new);
        if enable || old.is_uffd_wp() {
            self.note_wp(cpu, mm, addr, 1, enable);
        }
        if old.is_write() && !new.is_write() {
            self.tlb_remove_tlb_entry(tlb, addr, 1);
        }
    }

    /// A swap or migration entry, a marker, or none.
    fn uffd_wp_not_present(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        (pte, addr): (PteMap, Vaddr),
        old: Pte,
        enable: bool,
    ) {
        let spec = self.vma(vma).spec();
        if old.is_poisoned_marker() {
            return;
        }
        let new = if old.is_none() {
            if enable && spec.file.is_some() { Pte::uffd_wp_marker() } else { old }
        } else if old.is_marker() {
            if enable { old } else { Pte::NONE }
        } else {
            let readable = if old.is_writable_migration() { self.readable(old) } else { old };
            if enable { readable.mkuffd_wp() } else { readable.clear_uffd_wp() }
        };
        if new != old {
            if new.is_none() {
                self.pte_clear(cpu, spec.mm, pte, addr);
            } else {
                self.set_pte_at(cpu, spec.mm, pte, addr, new);
            }
            self.note_wp(cpu, spec.mm, addr, 1, enable);
        }
    }

    /// `make_readable_migration_entry`, exclusive if the page of anonymous memory is.
    fn readable(&self, entry: Pte) -> Pte {
        let exclusive = self.folio_of(entry.pfn()).is_anon();
        let kept = Pte::migration(entry.pfn(), false, exclusive);
        let kept = if entry.is_migration_young() { kept.mkyoung() } else { kept };
        let kept = if entry.is_migration_dirty() { kept.mkdirty() } else { kept };
        if entry.is_swp_uffd_wp() { kept.mkuffd_wp() } else { kept }
    }

    /// Tells what is protected now, or no longer.
    pub(super) fn note_wp(&self, cpu: &Cpu<'_>, mm: MmId, at: Vaddr, pages: u32, enable: bool) {
        let fact = if enable { UffdFact::Protected } else { UffdFact::Lifted };
        cpu.note(What::Uffd { mm: mm.0, page: at.0, pages, fact });
    }
}
