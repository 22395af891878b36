//! The lines of userfaultfd that can be left out, as v6.6 has them.

use super::mfill;
use crate::mm::kernel::Kernel;
use crate::mm::memory::{VmFault, ZapDetails};
use crate::mm::pgtable::PteMap;
use crate::mm::tlb::MmuGather;
use crate::mm::types::{FolioId, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

pub(in crate::mm) use mfill::{anon_vma_prepare, prepare_pmd, prepare_pmd_once, registered};

/// `userfaultfd_missing`.
pub(in crate::mm) fn missing(k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).spec().flags.has(VmFlags::UFFD_MISSING)
}

/// `userfaultfd_pte_wp`.
pub(in crate::mm) fn wp_fault(k: &Kernel, vma: VmaId, entry: Pte) -> bool {
    k.vma(vma).spec().flags.has(VmFlags::UFFD_WP) && entry.is_uffd_wp()
}

/// A write-protection may have put its flush off until it is done: before the page is copied nobody may write to it.
pub(in crate::mm) fn wp_flush_pending(cpu: &Cpu<'_>, k: &Kernel, vmf: &VmFault) {
    if k.vma(vmf.vma).spec().flags.has(VmFlags::UFFD_WP)
        && k.mm(vmf.mm).tlb_flush_pending.read_once(cpu) > 0
    {
        k.flush_tlb_page(cpu, vmf.mm, vmf.addr);
    }
}

/// `zap_install_uffd_wp_if_needed`: the entry `old` was taken out; of a file its protection stays, unless it is to go too.
pub(in crate::mm) fn zap_marker(
    cpu: &Cpu<'_>,
    k: &Kernel,
    (vma, pte, addr): (VmaId, PteMap, Vaddr),
    old: Pte,
    details: ZapDetails,
) {
    if !k.zap_drops_markers(vma, details) {
        k.pte_install_uffd_wp_if_needed(cpu, vma, pte, addr, old);
    }
}

/// A page that is swapped in is protected as it was.
pub(in crate::mm) fn swapin_wp(orig: Pte, entry: Pte) -> Pte {
    if orig.is_swp_uffd_wp() { entry.mkuffd_wp() } else { entry }
}

/// `pte_none_mostly`: nothing, or a marker.
pub(in crate::mm) fn pte_none_mostly(entry: Pte) -> bool {
    entry.is_none() || entry.is_marker()
}

/// Wrong: the new page can be had by others before it is mapped. Whether it is still locked.
pub(in crate::mm) fn unlock_early(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    k.folio(folio).lock.unlock(cpu);
    false
}

/// Wrong: the gather is over, and nothing is flushed.
pub(in crate::mm) fn finish_unflushed(cpu: &Cpu<'_>, k: &Kernel, tlb: MmuGather) {
    k.mm(tlb.mm).tlb_flush_pending.add_return(cpu, -1);
}

/// The fix: a VMA that was registered for write-protection, and is not any longer, has none of its markers left.
pub(in crate::mm) fn lift_protection(
    cpu: &Cpu<'_>,
    k: &Kernel,
    vma: VmaId,
    (start, end): (Vaddr, Vaddr),
    modes: VmFlags,
) {
    let spec = k.vma(vma).spec();
    let goes = spec.flags.has(VmFlags::UFFD_WP) && !modes.has(VmFlags::UFFD_WP);
    if goes {
        _ = k.uffd_wp_range(cpu, vma, (spec.start.max(start), spec.end.min(end)), false);
    }
}
