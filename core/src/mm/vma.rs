//! The vm_area_struct: a range of an address space, and what is mapped there.

use std::sync::atomic::{AtomicU32, Ordering};

use super::class::Class;
use super::kernel::{Kernel, VMAS_MAX};
use super::types::{FileId, MmId, Vaddr, VmaId};
use crate::sync::{Cpu, Word};

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
    /// VM_SHARED.
    pub shared: bool,
    /// VM_WRITE.
    pub write: bool,
}

impl VmaSpec {
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
        !self.shared && self.write
    }

    /// Whether entries of a *read* fault are writable: `vm_page_prot` of a shared writable mapping of shmem.
    pub fn page_prot_write(&self) -> bool {
        self.shared && self.write
    }

    /// `transhuge_vma_suitable`: whether a huge page fits at `haddr`.
    pub fn transhuge_suitable(&self, haddr: Vaddr, hpn: u32) -> bool {
        let aligned = self.file.is_none()
            || (i64::from(self.start.0) - i64::from(self.pgoff)).rem_euclid(i64::from(hpn)) == 0;
        aligned && self.covers(haddr, Vaddr(haddr.0 + hpn))
    }
}

/// One VMA.
#[derive(Debug)]
pub struct VmArea {
    /// What it maps. Written by mmap only, before the VMA can be found.
    pub spec: VmaSpec,
    /// `anon_vma`: 0, or the anon_vma's number + 1.
    pub anon_vma: Word,
    /// `detached`: out of the tree, about to be freed.
    pub detached: Word,
}

/// The VMAs of all mms.
#[derive(Debug)]
pub struct Vmas {
    slots: Vec<VmArea>,
    used: AtomicU32,
}

impl Vmas {
    pub(super) fn new() -> Vmas {
        let spec = VmaSpec {
            mm: MmId(0),
            start: Vaddr(0),
            end: Vaddr(0),
            pgoff: 0,
            file: None,
            shared: false,
            write: false,
        };
        let slot = |id: u32| VmArea {
            spec,
            anon_vma: Word::new(Class::AnonVmaPtr.obj(id), 0),
            detached: Word::new(Class::Vma.obj(id), 0),
        };
        Vmas { slots: (0..VMAS_MAX as u32).map(slot).collect(), used: AtomicU32::new(0) }
    }

    pub(super) fn reset(&mut self) {
        *self.used.get_mut() = 0;
        for vma in &self.slots {
            vma.anon_vma.poke(0);
            vma.detached.poke(0);
        }
    }

    /// Adds a VMA, before anybody runs. `None`: there is no room.
    pub fn add(&mut self, spec: VmaSpec) -> Option<VmaId> {
        let id = *self.used.get_mut();
        self.slots.get_mut(id as usize)?.spec = spec;
        *self.used.get_mut() = id + 1;
        Some(VmaId(id as u8))
    }

    /// The VMAs that were ever mapped.
    pub fn iter(&self) -> impl Iterator<Item = (VmaId, &VmArea)> {
        let used = self.used.load(Ordering::Relaxed) as usize;
        self.slots[..used].iter().enumerate().map(|(id, vma)| (VmaId(id as u8), vma))
    }

    /// One VMA.
    #[inline]
    pub fn get(&self, id: VmaId) -> &VmArea {
        &self.slots[id.idx()]
    }
}

impl Kernel {
    /// The VMA.
    #[inline]
    pub fn vma(&self, id: VmaId) -> &VmArea {
        self.vmas.get(id)
    }

    /// `vma_lookup`: the VMA that contains `addr`. One look at the tree.
    pub fn vma_lookup(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<VmaId> {
        let tree = self.mm(mm).vma_tree.read_once(cpu);
        self.vmas
            .iter()
            .find(|(id, vma)| tree >> id.0 & 1 == 1 && vma.spec.contains(addr))
            .map(|(id, _)| id)
    }
}
