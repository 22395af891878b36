//! The vm_area_struct: a range of an address space, and what is mapped there.

use std::sync::atomic::{AtomicU32, Ordering};

use super::class::Class;
use super::kernel::{Kernel, VMAS_MAX};
use super::types::{FileId, MmId, Vaddr, VmaId};
use crate::sync::{Cpu, Obj, Word};

/// `vm_flags`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VmFlags(pub u32);

impl VmFlags {
    /// VM_SHARED.
    pub const SHARED: VmFlags = VmFlags(1 << 0);
    /// VM_READ.
    pub const READ: VmFlags = VmFlags(1 << 1);
    /// VM_WRITE.
    pub const WRITE: VmFlags = VmFlags(1 << 2);
    /// VM_EXEC.
    pub const EXEC: VmFlags = VmFlags(1 << 3);
    /// VM_HUGEPAGE: `madvise(MADV_HUGEPAGE)`.
    pub const HUGEPAGE: VmFlags = VmFlags(1 << 4);
    /// VM_NOHUGEPAGE: `madvise(MADV_NOHUGEPAGE)`.
    pub const NOHUGEPAGE: VmFlags = VmFlags(1 << 5);
    /// VM_LOCKED: `mlock`.
    pub const LOCKED: VmFlags = VmFlags(1 << 6);
    /// VM_DONTCOPY: `madvise(MADV_DONTFORK)`.
    pub const DONTCOPY: VmFlags = VmFlags(1 << 7);
    /// VM_WIPEONFORK: `madvise(MADV_WIPEONFORK)`.
    pub const WIPEONFORK: VmFlags = VmFlags(1 << 8);
    /// VM_UFFD_MISSING.
    pub const UFFD_MISSING: VmFlags = VmFlags(1 << 9);
    /// VM_UFFD_WP.
    pub const UFFD_WP: VmFlags = VmFlags(1 << 10);
    /// VM_UFFD_MINOR.
    pub const UFFD_MINOR: VmFlags = VmFlags(1 << 11);
    /// The three of userfaultfd.
    pub const UFFD: VmFlags = VmFlags(7 << 9);

    /// Whether any of `flags` is set.
    #[inline]
    pub const fn has(self, flags: VmFlags) -> bool {
        self.0 & flags.0 != 0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, flags: VmFlags) -> VmFlags {
        VmFlags(self.0 | flags.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, flags: VmFlags) -> VmFlags {
        VmFlags(self.0 & !flags.0)
    }
}

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
    fn pack(&self) -> u64 {
        let file = self.file.map_or(0, |file| u64::from(file.0) + 1);
        u64::from(self.start.0)
            | u64::from(self.end.0) << 16
            | u64::from(self.pgoff) << 32
            | u64::from(self.mm.0) << 48
            | file << 56
    }

    fn unpack(range: u64, flags: u64) -> VmaSpec {
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

    /// Whether entries of a *read* fault are writable: `vm_page_prot` of a shared writable mapping of shmem.
    pub fn page_prot_write(&self) -> bool {
        self.shared() && self.write()
    }

    /// `transhuge_vma_suitable`: whether a huge page fits at `haddr`.
    pub fn transhuge_suitable(&self, haddr: Vaddr, hpn: u32) -> bool {
        let aligned = self.file.is_none()
            || (i64::from(self.start.0) - i64::from(self.pgoff)).rem_euclid(i64::from(hpn)) == 0;
        aligned && self.covers(haddr, Vaddr(haddr.0 + hpn))
    }
}

/// One VMA.
///
/// `vm_start`, `vm_end`, `vm_pgoff`, `vm_mm` and `vm_file` are one word, so that whoever reads them without the locks
/// reads values that belonged together. They change under mmap_lock, the VMA's own lock and the rmap locks, all for
/// write; `vm_flags` under the first two, so that whoever found the VMA by rmap reads them racily.
#[derive(Debug)]
pub struct VmArea {
    range: Word,
    flags: Word,
    /// `anon_vma`: 0, or the anon_vma's number + 1.
    pub anon_vma: Word,
    /// `detached`: out of the tree, about to be freed.
    pub detached: Word,
    /// How often the slot was freed.
    pub generation: AtomicU32,
    allocated: AtomicU32,
}

impl VmArea {
    fn new(id: u32) -> VmArea {
        VmArea {
            range: Word::new(Class::VmaRange.obj(id), 0),
            flags: Word::new(Class::VmFlags.obj(id), 0),
            anon_vma: Word::new(Class::AnonVmaPtr.obj(id), 0),
            detached: Word::new(Class::Vma.obj(id), 0),
            generation: AtomicU32::new(0),
            allocated: AtomicU32::new(0),
        }
    }

    fn scrub(&self) {
        [&self.range, &self.flags, &self.anon_vma, &self.detached]
            .iter()
            .for_each(|word| word.poke(0));
    }

    /// What it maps. No step: whoever holds a lock that keeps the fields reads them as often as it likes.
    #[inline]
    pub fn spec(&self) -> VmaSpec {
        VmaSpec::unpack(self.range.peek(), self.flags.peek())
    }

    /// `vm_flags`, read by somebody whom no lock keeps from being overtaken. One step.
    #[inline]
    pub fn read_flags(&self, cpu: &Cpu<'_>) -> VmFlags {
        VmFlags(self.flags.read_once(cpu) as u32)
    }

    /// `vm_flags_set` and `vm_flags_clear`. One step.
    pub fn change_flags(&self, cpu: &Cpu<'_>, set: VmFlags, clear: VmFlags) {
        self.flags.change_bits(cpu, u64::from(set.0), u64::from(clear.0));
    }

    /// Changes the range: `__vma_adjust`. One step.
    pub fn set_range(&self, cpu: &Cpu<'_>, spec: &VmaSpec) {
        self.range.write_once(cpu, spec.pack());
    }

    /// What the VMA is known as.
    pub fn obj(&self) -> Obj {
        self.detached.obj()
    }

    /// Whether the slot holds a VMA.
    pub fn is_allocated(&self) -> bool {
        self.allocated.load(Ordering::SeqCst) != 0
    }
}

/// The VMAs of all mms.
#[derive(Debug)]
pub struct Vmas {
    slots: Vec<VmArea>,
    next: AtomicU32,
}

impl Vmas {
    pub(super) fn new() -> Vmas {
        Vmas { slots: (0..VMAS_MAX as u32).map(VmArea::new).collect(), next: AtomicU32::new(0) }
    }

    pub(super) fn reset(&mut self) {
        let touched = (*self.next.get_mut() as usize).min(VMAS_MAX);
        for vma in &mut self.slots[..touched] {
            vma.scrub();
            *vma.generation.get_mut() = 0;
            *vma.allocated.get_mut() = 0;
        }
        *self.next.get_mut() = 0;
    }

    /// `vm_area_alloc`: takes the slot that was free longest. Nobody can find the VMA yet. Not a step. `None`: there is
    /// no room.
    pub fn alloc(&self, spec: &VmaSpec) -> Option<VmaId> {
        let id = (0..VMAS_MAX)
            .map(|_| self.next.fetch_add(1, Ordering::SeqCst) as usize % VMAS_MAX)
            .find(|&id| {
                let allocated = &self.slots[id].allocated;
                allocated.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            })?;
        let vma = &self.slots[id];
        vma.range.poke(spec.pack());
        vma.flags.poke(u64::from(spec.flags.0));
        Some(VmaId(id as u8))
    }

    /// `vm_area_free`: the slot is free again. Whoever still reaches it is found out by its generation.
    pub fn free(&self, id: VmaId) {
        let vma = self.get(id);
        vma.scrub();
        vma.generation.fetch_add(1, Ordering::SeqCst);
        vma.allocated.store(0, Ordering::SeqCst);
    }

    /// The VMAs that there are.
    pub fn iter(&self) -> impl Iterator<Item = (VmaId, &VmArea)> {
        let touched = (self.next.load(Ordering::Relaxed) as usize).min(VMAS_MAX);
        let ids = (0..touched as u8).map(VmaId);
        ids.zip(&self.slots).filter(|(_, vma)| vma.is_allocated())
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
        self.vmas_of(tree).find(|&id| self.vma(id).spec().contains(addr))
    }

    /// The VMAs of a tree that was read, in the order of their slots.
    pub fn vmas_of(&self, tree: u64) -> impl Iterator<Item = VmaId> {
        let mut left = tree;
        std::iter::from_fn(move || {
            let id = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (id < 64).then_some(VmaId(id as u8))
        })
    }
}
