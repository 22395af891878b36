//! The steps about userfaultfd: who is told, what is filled, which protection stays.

use super::group::steps;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::memory::{VmFault, ZapDetails};
use crate::mm::mprotect::change;
use crate::mm::pgtable::PteMap;
use crate::mm::tlb::MmuGather;
use crate::mm::types::{FolioId, MmId, Pte, Vaddr, VmaId};
use crate::mm::userfaultfd::steps as uffd;
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

steps! {
    /// The part of the table that is about userfaultfd.
    pub struct UffdSteps;

    /// A fault on anonymous memory finds nothing, under ptl: whether userfaultfd wants to hear of it.
    missing: fn(&Kernel, VmaId) -> bool = uffd::missing;
    /// ... and one on a hole of a file.
    shmem_missing: fn(&Kernel, VmaId) -> bool = uffd::missing;
    /// `do_wp_page` finds an entry that is write-protected.
    wp_fault: fn(&Kernel, VmaId, Pte) -> bool = uffd::wp_fault;
    /// ... or one whose protection has just been lifted.
    wp_flush_pending: fn(&Cpu<'_>, &Kernel, &VmFault) = uffd::wp_flush_pending;
    /// `mfill_atomic` finds a VMA: whether it is registered.
    registered: fn(&Kernel, VmaId) -> bool = uffd::registered;
    /// ... prepares its anon_vma.
    anon_vma_prepare: fn(&Cpu<'_>, &Kernel, VmaId) -> bool = uffd::anon_vma_prepare;
    /// ... and makes sure that there is a table.
    prepare_pmd: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) -> Errno = uffd::prepare_pmd;
    /// `mfill_atomic_install_pte`, under ptl: whether the entry may be overwritten by a page.
    install_over: fn(Pte) -> bool = uffd::pte_none_mostly;
    /// ... by a marker, or the zero page.
    store_over: fn(Pte) -> bool = Pte::is_none;
    /// A new page of a file is in the cache and not mapped yet: whether it stays locked.
    keep_locked: fn(&Cpu<'_>, &Kernel, FolioId) -> bool = |_, _, _| true;
    /// A fault was resolved.
    wake: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, u32) = |cpu, k, mm, start, pages| k.wake_userfault(cpu, mm, start, pages);
    /// A VMA is registered, perhaps again.
    register_again: fn(&Cpu<'_>, &Kernel, VmaId, (Vaddr, Vaddr), VmFlags) = |_, _, _, _, _| {};
    /// A VMA is unregistered.
    unregister_wake: fn(&Cpu<'_>, &Kernel, MmId, Vaddr, u32) = |cpu, k, mm, start, pages| k.wake_userfault(cpu, mm, start, pages);
    /// A protection needs a table for its markers.
    wp_prepare: fn(&Cpu<'_>, &Kernel, VmaId, Vaddr, bool) -> bool = change::prepare;
    /// ... and finds an empty entry nevertheless: whether it must begin again there.
    wp_none_again: fn(&Kernel, VmaId, bool) -> bool = |_, _, _| false;
    /// A protection comes to a huge page: whether that must be split.
    wp_split_file: fn(&Kernel, VmaId) -> bool = change::split_file;
    /// A protection has found a table (`true`) or none: whether it is done there.
    wp_again: fn(bool) -> bool = |done| done;
    /// A protection is through: `tlb_finish_mmu`.
    wp_finish: fn(&Cpu<'_>, &Kernel, MmuGather) = |cpu, k, tlb| k.tlb_finish_mmu(cpu, tlb);
    /// `try_to_unmap` has cleared an entry.
    unmap_marker: fn(&Cpu<'_>, &Kernel, (VmaId, PteMap, Vaddr), Pte) = |cpu, k, (vma, pte, addr), old| k.pte_install_uffd_wp_if_needed(cpu, vma, pte, addr, old);
    /// A zap has cleared an entry.
    zap_marker: fn(&Cpu<'_>, &Kernel, (VmaId, PteMap, Vaddr), Pte, ZapDetails) = uffd::zap_marker;
    /// A page is swapped in.
    swapin_wp: fn(Pte, Pte) -> Pte = uffd::swapin_wp;
}
