//! What a function needs to be held, or not to be, when it is called (kernel-semantics section 12.4), as far as one
//! `lockdep_assert_held` of a known lock does not say it. No steps: the CPU looks at what it holds itself.

use super::class::Class;
use super::kernel::Kernel;
use super::types::VmaId;
use crate::sync::{Cpu, Obj, Splat};

/// The locks that a CPU does not hold when it comes to a collapse with mmap_lock.
const INSIDE_MMAP_LOCK: [Class; 6] = [
    Class::FolioLock,
    Class::IMmapRwsem,
    Class::AnonVmaRwsem,
    Class::Pml,
    Class::PageTableLock,
    Class::Ptl,
];

impl Kernel {
    /// pml or ptl is held: whoever counts the mappings of a page must not be overtaken by who changes them.
    #[inline]
    pub(super) fn assert_page_table_locked(&self, cpu: &Cpu<'_>, counter: Obj) {
        let locks = [Class::Ptl, Class::Pml, Class::PageTableLock];
        let is_one = |lock: Obj| locks.iter().any(|class| class.has(lock));
        if !is_one(cpu.held().top()) && !cpu.held().iter().any(|held| is_one(held.obj)) {
            cpu.splat(Splat::NotHeld(counter));
        }
    }

    /// Something keeps the VMA as it is: mmap_lock, the lock of the VMA, or a lock of the tree in which it was found.
    pub(super) fn assert_vma_stable(&self, cpu: &Cpu<'_>, vma: VmaId) {
        let (area, mmap_lock) = (self.vma(vma), self.mm(self.vma(vma).spec().mm).mmap_lock.obj());
        let keeps = |lock: Obj| {
            lock == mmap_lock
                || lock == area.vm_lock.obj()
                || Class::IMmapRwsem.has(lock)
                || Class::AnonVmaRwsem.has(lock)
        };
        if !cpu.held().iter().any(|held| keeps(held.obj)) {
            cpu.splat(Splat::NotHeld(mmap_lock));
        }
    }

    /// Nothing is held that is taken inside mmap_lock: the callee takes them in their order.
    pub(super) fn assert_only_mmap_locked(&self, cpu: &Cpu<'_>) {
        let inside = |lock: Obj| INSIDE_MMAP_LOCK.iter().any(|class| class.has(lock));
        if let Some(held) = cpu.held().iter().find(|held| inside(held.obj)) {
            cpu.splat(Splat::Held(held.obj));
        }
    }

    /// Nothing is held at all: the callee sleeps for long, and takes whatever it likes.
    pub(super) fn assert_nothing_held(&self, cpu: &Cpu<'_>) {
        if let Some(held) = cpu.held().iter().next() {
            cpu.splat(Splat::Held(held.obj));
        }
    }
}
