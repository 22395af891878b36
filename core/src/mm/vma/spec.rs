//! What a VMA maps: its range, its file, its flags, as one value.

use super::flags::VmFlags;
use crate::mm::types::{FileId, MmId, Vaddr};

/// What a VMA maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VmaSpec {
    /// `vm_mm`.
    pub mm: MmId,
    /// `vm_start`.
    pub start: Vaddr,
    /// `vm_end`.
    pub end: Vaddr,
    /// `vm_pgoff`: the file's page at `start`.
    pub pgoff: u32,
    /// `vm_file`, if it is not anonymous.
    pub file: Option<FileId>,
    /// `vm_flags`.
    pub flags: VmFlags,
}

impl VmaSpec {
    /// VM_SHARED.
    #[inline]
    pub fn shared(&self) -> bool {
        self.flags.has(VmFlags::SHARED)
    }

    /// `vma_is_accessible`.
    pub fn accessible(&self) -> bool {
        self.flags.has(VmFlags::READ.with(VmFlags::WRITE).with(VmFlags::EXEC))
    }

    /// VM_WRITE.
    #[inline]
    pub fn write(&self) -> bool {
        self.flags.has(VmFlags::WRITE)
    }

    /// Length in base pages.
    #[inline]
    pub fn pages(&self) -> u32 {
        self.end.0 - self.start.0
    }

    /// Everything but the flags in one word: start, end, pgoff (16 bits each), mm and file (8 each).
    pub(super) fn pack(&self) -> u64 {
        let file = self.file.map_or(0, |file| u64::from(file.0) + 1);
        u64::from(self.start.0)
            | u64::from(self.end.0) << 16
            | u64::from(self.pgoff) << 32
            | u64::from(self.mm.0) << 48
            | file << 56
    }

    pub(super) fn unpack(range: u64, flags: u64) -> VmaSpec {
        let page = |shift: u32| u32::from((range >> shift) as u16);
        VmaSpec {
            mm: MmId((range >> 48) as u8),
            start: Vaddr(page(0)),
            end: Vaddr(page(16)),
            pgoff: page(32),
            file: ((range >> 56) as u8).checked_sub(1).map(FileId),
            flags: VmFlags(flags as u32),
        }
    }

    /// Whether `addr` lies in it.
    #[inline]
    pub fn contains(&self, addr: Vaddr) -> bool {
        self.start <= addr && addr < self.end
    }

    /// `range_in_vma`.
    #[inline]
    pub fn covers(&self, start: Vaddr, end: Vaddr) -> bool {
        self.start <= start && end <= self.end
    }

    /// Whether any page of the range lies in it.
    pub fn overlaps(&self, start: Vaddr, end: Vaddr) -> bool {
        self.start < end && start < self.end
    }

    /// `linear_page_index`: the page of the file at `addr`.
    #[inline]
    pub fn pgoff_of(&self, addr: Vaddr) -> u32 {
        addr.0 - self.start.0 + self.pgoff
    }

    /// A private mapping that may be written: a write makes a copy (`is_cow_mapping`).
    pub fn is_cow(&self) -> bool {
        !self.shared() && self.write()
    }

    /// Whether entries of a *read* fault are writable: `vm_page_prot` of a shared writable mapping of shmem, unless
    /// userfaultfd wants to hear of writes (`vma_wants_writenotify`).
    pub fn page_prot_write(&self) -> bool {
        self.shared() && self.write() && !self.flags.has(VmFlags::UFFD_WP)
    }

    /// `transhuge_vma_suitable`: whether a huge page fits at `haddr`.
    pub fn transhuge_suitable(&self, haddr: Vaddr, hpn: u32) -> bool {
        let aligned = self.file.is_none()
            || (i64::from(self.start.0) - i64::from(self.pgoff)).rem_euclid(i64::from(hpn)) == 0;
        aligned && self.covers(haddr, Vaddr(haddr.0 + hpn))
    }
}
