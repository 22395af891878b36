//! The vm_area_struct and its arena.

use std::sync::atomic::{AtomicU32, Ordering};

use super::chain::AnonVmaChain;
use super::flags::VmFlags;
use super::spec::VmaSpec;
use crate::mm::class::Class;
use crate::mm::kernel::VMAS_MAX;
use crate::mm::rank;
use crate::mm::types::VmaId;
use crate::sync::{Cpu, Obj, Rwsem, Word};

/// `vm_lock_seq` of a VMA that was never locked for write: no `mm_lock_seq` comes that far.
const UNLOCKED: u64 = u64::MAX;

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
    /// `anon_vma_chain`.
    pub anon_vma_chain: AnonVmaChain,
    /// `detached`: out of the tree, about to be freed.
    pub detached: Word,
    /// `vm_lock`: faults hold it for read, `vma_start_write` passes through it.
    pub vm_lock: Rwsem,
    /// `vm_lock_seq`: equal to `mm_lock_seq`, it marks the VMA as locked for write. Changes under `vm_lock` for write.
    pub vm_lock_seq: Word,
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
            anon_vma_chain: AnonVmaChain::default(),
            detached: Word::new(Class::Vma.obj(id), 0),
            vm_lock: Rwsem::new(Class::VmLock.obj(id), rank::VMA_LOCK),
            vm_lock_seq: Word::new(Class::VmLockSeq.obj(id), UNLOCKED),
            generation: AtomicU32::new(0),
            allocated: AtomicU32::new(0),
        }
    }

    fn scrub(&self) {
        [&self.range, &self.flags, &self.anon_vma, &self.detached]
            .iter()
            .for_each(|word| word.poke(0));
        self.anon_vma_chain.clear();
        self.vm_lock_seq.poke(UNLOCKED);
        self.vm_lock.reset();
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
    /// The slot that was freed last, + 1.
    freed: AtomicU32,
    /// Gives out the slot that was freed last (`Config::reuse`).
    lifo: bool,
}

impl Vmas {
    pub(in crate::mm) fn new() -> Vmas {
        Vmas {
            slots: (0..VMAS_MAX as u32).map(VmArea::new).collect(),
            next: AtomicU32::new(0),
            freed: AtomicU32::new(0),
            lifo: false,
        }
    }

    pub(in crate::mm) fn reset(&mut self, lifo: bool) {
        let touched = (*self.next.get_mut() as usize).min(VMAS_MAX);
        for vma in &mut self.slots[..touched] {
            vma.scrub();
            *vma.generation.get_mut() = 0;
            *vma.allocated.get_mut() = 0;
        }
        *self.next.get_mut() = 0;
        *self.freed.get_mut() = 0;
        self.lifo = lifo;
    }

    /// `vm_area_alloc`: takes the slot that was free longest, or last. Nobody can find the VMA yet. Not a step. `None`:
    /// there is no room.
    pub fn alloc(&self, spec: &VmaSpec) -> Option<VmaId> {
        let free = |&id: &usize| {
            let allocated = &self.slots[id].allocated;
            allocated.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        let last = self.freed.swap(0, Ordering::SeqCst).checked_sub(1).filter(|_| self.lifo);
        let last = last.map(|id| id as usize).filter(free);
        let next = || self.next.fetch_add(1, Ordering::SeqCst) as usize % VMAS_MAX;
        let id = last.or_else(|| (0..VMAS_MAX).map(|_| next()).find(free))?;
        let vma = &self.slots[id];
        vma.range.poke(spec.pack());
        vma.flags.poke(u64::from(spec.flags.0));
        Some(VmaId(id as u8))
    }

    /// The memory of the VMA is free again, at once. Whoever still reaches it is found out by its generation.
    pub(in crate::mm) fn free(&self, id: VmaId) {
        let vma = self.get(id);
        vma.scrub();
        vma.generation.fetch_add(1, Ordering::SeqCst);
        vma.allocated.store(0, Ordering::SeqCst);
        self.freed.store(u32::from(id.0) + 1, Ordering::SeqCst);
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
