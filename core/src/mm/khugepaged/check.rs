//! What is checked before and after the folio lock (P1 to P7 of kernel-semantics 9.7), and in steps 1 and 2.

use crate::mm::folio::{Mapping, flags};
use crate::mm::huge_memory::eligible::Asks;
use crate::mm::kernel::Kernel;
use crate::mm::types::{MmId, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

use super::{Collapse, ScanResult};

/// P1 to P3: the VMA first, in case page tables are being torn down, then a fast look at the PMD.
pub fn vma_then_pmd(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    install_pmd: bool,
) -> Result<Collapse, ScanResult> {
    let mut c = check_vma(cpu, k, mm, haddr, install_pmd)?;
    c.found = (k.steps.fast_look)(cpu, k, mm, haddr)?;
    eligible(k, c)
}

/// The other order: what was right while mmap_lock was held for write.
pub fn pmd_then_vma(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    install_pmd: bool,
) -> Result<Collapse, ScanResult> {
    let found = (k.steps.fast_look)(cpu, k, mm, haddr)?;
    let mut c = check_vma(cpu, k, mm, haddr, install_pmd)?;
    c.found = found;
    eligible(k, c)
}

fn check_vma(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    install_pmd: bool,
) -> Result<Collapse, ScanResult> {
    let vma = k.vma_lookup(cpu, mm, haddr).ok_or(ScanResult::VmaCheck)?;
    let file = k.vma(vma).spec().file.ok_or(ScanResult::VmaCheck)?;
    if !(k.steps.vma_covers_range)(k, vma, haddr) {
        return Err(ScanResult::VmaCheck);
    }
    Ok(Collapse::new(mm, haddr, vma, file, install_pmd))
}

/// P3 and P4: `hugepage_vma_check`, and no write-protection by userfaultfd: its markers live in the table.
fn eligible(k: &Kernel, c: Collapse) -> Result<Collapse, ScanResult> {
    if !hugepage_vma_check(k, c.vma) {
        return Err(ScanResult::VmaCheck);
    }
    if (k.steps.check_uffd_wp)(k, c.vma) { Err(ScanResult::PteUffdWp) } else { Ok(c) }
}

/// `hugepage_vma_check` for somebody who does not ask sysfs.
pub fn hugepage_vma_check(k: &Kernel, vma: VmaId) -> bool {
    k.hugepage_vma_check(vma, k.vma(vma).spec().flags, Asks::MADV_COLLAPSE)
}

/// `userfaultfd_wp`.
pub fn userfaultfd_wp(k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).spec().flags.has(VmFlags::UFFD_WP)
}

/// `range_in_vma`.
pub fn range_in_vma(k: &Kernel, vma: VmaId, haddr: Vaddr) -> bool {
    k.vma(vma).spec().covers(haddr, Vaddr(haddr.0 + k.hpn))
}

/// P2: no need to lock the page if it is mapped by a PMD already.
pub fn fast_look(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
) -> Result<ScanResult, ScanResult> {
    match k.find_pmd_or_thp_or_none(cpu, mm, haddr) {
        ScanResult::PmdMapped => Err(ScanResult::PmdMapped),
        found => Ok(found),
    }
}

/// P5: the page at the head index, locked.
pub fn find_lock_hpage(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> bool {
    let index = k.vma(c.vma).spec().pgoff_of(c.haddr);
    let Some(hpage) = k.find_lock_page(cpu, c.file, index) else { return false };
    c.hpage = hpage;
    c.hpage_locked = true;
    true
}

/// The same without the lock: a reference alone keeps the folio, but stops nobody.
pub fn find_get_hpage(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> bool {
    let index = k.vma(c.vma).spec().pgoff_of(c.haddr);
    let Some(hpage) = k.filemap_get_folio(cpu, c.file, index) else { return false };
    c.hpage = hpage;
    true
}

/// P6: a head page of the right order.
pub fn check_hpage(_: &Cpu<'_>, k: &Kernel, c: &Collapse) -> Result<(), ScanResult> {
    if !k.folios.is_large(c.hpage) {
        return Err(ScanResult::PageCompound);
    }
    let head_index = k.folio(c.hpage).index() == k.vma(c.vma).spec().pgoff_of(c.haddr);
    if head_index || k.folio(c.hpage).peek_mapping() == Mapping::None {
        Ok(())
    } else {
        Err(ScanResult::Fail)
    }
}

/// The fix: and one that is up to date. What fallocate() has left in the page cache was not cleared yet, and will be by
/// whoever comes by way of the page cache, whatever was stored there meanwhile.
pub fn check_hpage_uptodate(cpu: &Cpu<'_>, k: &Kernel, c: &Collapse) -> Result<(), ScanResult> {
    check_hpage(cpu, k, c)?;
    if k.folio(c.hpage).has(flags::UPTODATE) { Ok(()) } else { Err(ScanResult::Fail) }
}

/// P7: the preliminary look confirmed; from here on the state is stable.
pub fn second_look(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    c.found = k.find_pmd_or_thp_or_none(cpu, c.mm, c.haddr);
}

/// Step 1: every entry is empty or maps the right subpage.
pub fn all_ptes(cpu: &Cpu<'_>, k: &Kernel, c: &Collapse) -> Result<(), ScanResult> {
    let Some(pte) = c.start_pte else { return Err(ScanResult::Fail) };
    for i in 0..k.hpn {
        let ptent = k.ptep_get(cpu, pte, c.addr(i));
        if ptent.is_none() {
            continue;
        }
        if !ptent.is_present() {
            return Err(ScanResult::PteNonPresent);
        }
        if ptent.pfn() != c.subpage(k, i) {
            return Err((k.steps.preset_result)(c));
        }
    }
    Ok(())
}

/// The result of an abort is preset: the success of the second look must not leak out.
pub fn preset_fail(_: &Collapse) -> ScanResult {
    ScanResult::Fail
}

/// What happens if it is not preset.
pub fn preset_found(c: &Collapse) -> ScanResult {
    c.found
}

/// Step 2: an entry that was swapped out or migrated meanwhile.
pub fn recheck_present(_: &Collapse, ptent: Pte) -> Result<(), ScanResult> {
    if ptent.is_present() { Ok(()) } else { Err(ScanResult::PteNonPresent) }
}

/// Step 2: an entry that a write fault has replaced by a copy meanwhile.
pub fn recheck_page(k: &Kernel, c: &Collapse, i: u32, ptent: Pte) -> Result<(), ScanResult> {
    if ptent.pfn() == c.subpage(k, i) { Ok(()) } else { Err((k.steps.preset_result)(c)) }
}
