//! Who may have huge pages: `hugepage_vma_check` and `shmem_is_huge` (kernel-semantics section 2.2).

use crate::mm::kernel::Kernel;
use crate::mm::tunables::{ShmemHuge, ThpEnabled};
use crate::mm::types::{FileId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;

/// Who asks `hugepage_vma_check`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asks {
    /// smaps: whether it could ever be.
    pub smaps: bool,
    /// A page fault: about the place of the fault only, and an anon_vma can still be made.
    pub in_pf: bool,
    /// The settings in sysfs count, as they do not for MADV_COLLAPSE.
    pub enforce_sysfs: bool,
}

impl Asks {
    /// A page fault.
    pub const FAULT: Asks = Asks { smaps: false, in_pf: true, enforce_sysfs: true };
    /// khugepaged.
    pub const KHUGEPAGED: Asks = Asks { smaps: false, in_pf: false, enforce_sysfs: true };
    /// MADV_COLLAPSE, and `collapse_pte_mapped_thp` whoever calls it.
    pub const MADV_COLLAPSE: Asks = Asks { smaps: false, in_pf: false, enforce_sysfs: false };
    /// THPeligible of smaps.
    pub const SMAPS: Asks = Asks { smaps: true, in_pf: false, enforce_sysfs: true };
}

impl Kernel {
    /// `transhuge_vma_suitable`: whether a huge page fits around `addr`.
    pub fn transhuge_vma_suitable(&self, vma: VmaId, addr: Vaddr) -> bool {
        self.vma(vma).spec().transhuge_suitable(self.haddr(addr), self.hpn)
    }

    /// `hugepage_vma_check(vma, flags, ...)`: whether the VMA may have huge pages, as `who` asks. The flags are the
    /// VMA's, or those that it is about to get.
    pub fn hugepage_vma_check(&self, vma: VmaId, flags: VmFlags, who: Asks) -> bool {
        let spec = self.vma(vma).spec();
        if flags.has(VmFlags::NOHUGEPAGE) {
            return false;
        }
        if !who.in_pf {
            let last = spec.end.0.checked_sub(self.hpn).map(Vaddr);
            if !last.is_some_and(|last| self.transhuge_vma_suitable(vma, last)) {
                return false;
            }
            if let Some(file) = spec.file.filter(|&file| !self.mapping(file).regular) {
                return self.shmem_is_huge(file, spec.pgoff, !who.enforce_sysfs, Some(flags));
            }
        }
        if who.enforce_sysfs && !self.hugepage_enabled(flags) {
            return false;
        }
        match spec.file {
            Some(file) => !who.in_pf && self.file_thp_enabled(file, flags),
            // Without an anon_vma nothing can have been faulted in that a collapse could find.
            None => self.vma(vma).anon_vma.peek() != 0 || who.smaps || who.in_pf,
        }
    }

    /// `transparent_hugepage/enabled`.
    fn hugepage_enabled(&self, flags: VmFlags) -> bool {
        match self.config.thp {
            ThpEnabled::Always => true,
            ThpEnabled::Madvise => flags.has(VmFlags::HUGEPAGE),
            ThpEnabled::Never => false,
        }
    }

    /// `file_thp_enabled`: the text of a program, while nobody has the file open for writing.
    pub fn file_thp_enabled(&self, file: FileId, flags: VmFlags) -> bool {
        let mapping = self.mapping(file);
        mapping.regular && flags.has(VmFlags::EXEC) && mapping.i_writecount.peek() as i64 <= 0
    }

    /// `shmem_is_huge`: whether the page `index` of the file may be part of a huge page. `force` overrides the mount
    /// option; `flags` are those of the VMA that asks, if one does.
    pub fn shmem_is_huge(
        &self,
        file: FileId,
        index: u32,
        force: bool,
        flags: Option<VmFlags>,
    ) -> bool {
        let has = |flag| flags.is_some_and(|flags| flags.has(flag));
        if has(VmFlags::NOHUGEPAGE) {
            return false;
        }
        match self.config.shmem_huge {
            ShmemHuge::Deny => false,
            ShmemHuge::Force => true,
            _ if force => true,
            ShmemHuge::Always => true,
            ShmemHuge::WithinSize => {
                let end = (index + 1).next_multiple_of(self.hpn);
                self.mapping(file).i_size.peek() >= u64::from(end) || has(VmFlags::HUGEPAGE)
            }
            ShmemHuge::Advise => has(VmFlags::HUGEPAGE),
            ShmemHuge::Never => false,
        }
    }
}
