//! `hugepage_vma_revalidate`: mmap_lock was dropped, so whatever is mapped at an address now is looked up again
//! (kernel-semantics section 2.2).

use crate::mm::huge_memory::eligible::Asks;
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::sync::Cpu;

use super::ScanResult;

impl Kernel {
    /// `hugepage_vma_revalidate(mm, address, expect_anon, &vma, cc)`. mmap_lock is held.
    ///
    /// `expect_anon`: the address may have been unmapped, and mapped to a file, since somebody has seen anonymous memory
    /// there.
    pub fn hugepage_vma_revalidate(
        &self,
        cpu: &Cpu<'_>,
        (mm, haddr): (MmId, Vaddr),
        expect_anon: bool,
        is_khugepaged: bool,
    ) -> Result<VmaId, ScanResult> {
        let _f = cpu.enter(func::hugepage_vma_revalidate);
        if self.hpage_collapse_test_exit(cpu, mm) {
            return Err(ScanResult::AnyProcess);
        }
        let Some(vma) = self.vma_lookup(cpu, mm, haddr) else {
            // find_vma() would have found the next one.
            let behind = self.find_vma(mm, haddr).is_some();
            return Err(if behind { ScanResult::AddressRange } else { ScanResult::VmaNull });
        };
        let spec = self.vma(vma).spec();
        if !spec.transhuge_suitable(haddr, self.hpn) {
            return Err(ScanResult::AddressRange);
        }
        if !self.hugepage_vma_check(vma, spec.flags, asks(is_khugepaged)) {
            return Err(ScanResult::VmaCheck);
        }
        if expect_anon && !(self.steps.anon.expect_anon)(cpu, self, vma) {
            return Err(ScanResult::PageAnon);
        }
        Ok(vma)
    }
}

/// A VMA that was found, and how often its slot had been freed then: good for as long as mmap_lock is held.
pub type Handle = (VmaId, u32);

/// khugepaged heeds what sysfs says, MADV_COLLAPSE does not.
pub(super) fn asks(is_khugepaged: bool) -> Asks {
    if is_khugepaged { Asks::KHUGEPAGED } else { Asks::MADV_COLLAPSE }
}

/// MADV_COLLAPSE before its next range: files are welcome too.
pub fn any_vma(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    haddr: Vaddr,
    _: Handle,
) -> Result<Handle, ScanResult> {
    let vma = k.hugepage_vma_revalidate(cpu, (mm, haddr), false, false)?;
    Ok((vma, k.vma_generation(vma)))
}

/// `collapse_huge_page` under mmap_lock for write.
pub fn anon_vma_only(
    cpu: &Cpu<'_>,
    k: &Kernel,
    target: (MmId, Vaddr),
    _: Handle,
    is_khugepaged: bool,
) -> Result<Handle, ScanResult> {
    let vma = k.hugepage_vma_revalidate(cpu, target, true, is_khugepaged)?;
    Ok((vma, k.vma_generation(vma)))
}

/// Anonymous, and with an anon_vma, whose lock is going to be taken.
pub fn is_anon(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    k.vma_anon_vma(cpu, vma).is_some() && k.vma(vma).spec().file.is_none()
}
