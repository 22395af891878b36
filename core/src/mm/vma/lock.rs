//! The lock of a VMA: user faults hold it for read instead of mmap_lock (kernel-semantics section 1.3).
//!
//! A writer takes `vm_lock` for an instant only, to wait for the readers, and leaves a mark: `vm_lock_seq` equal to
//! `mm_lock_seq`. Who gives up mmap_lock moves `mm_lock_seq` on, and so drops the marks of all VMAs at once.

use std::sync::atomic::Ordering;

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::rank;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// `lock_vma_under_rcu`: the VMA that contains `addr`, locked for read, without mmap_lock. `None`: the fault must
    /// take mmap_lock. The caller drops the lock with [`Kernel::vma_end_read`].
    ///
    /// Between the look at the tree and the lock a munmap, a split or a merge may change or free the VMA. RCU keeps
    /// its memory; the looks under the lock find out about the rest.
    pub fn lock_vma_under_rcu(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<VmaId> {
        if !self.config.per_vma_lock {
            return None;
        }
        let _f = cpu.enter(func::lock_vma_under_rcu);
        cpu.rcu_read_lock();
        let found = loop {
            let Some(vma) = self.vma_lookup(cpu, mm, addr) else { break None };
            if (self.steps.moves.vma_lock_anon_check_early)(cpu, self, vma) {
                break None;
            }
            let generation = self.vma_generation(vma);
            let locked = self.vma_start_read(cpu, vma);
            self.vma_assert_generation(cpu, vma, generation);
            if !locked {
                break None;
            }
            // Its neighbours' anon_vmas are looked at in anon_vma_prepare(), and those VMAs are not locked. Not before the lock
            // is held: MREMAP_DONTUNMAP takes the anon_vma away.
            let anon_vma_missing = (self.steps.vma.vma_lock_anon_check)(cpu, self, vma);
            if anon_vma_missing || !(self.steps.vma.vma_lock_range_check)(self, vma, addr) {
                self.vma_end_read(cpu, vma);
                break None;
            }
            if !(self.steps.vma.vma_lock_detached_check)(cpu, self, vma) {
                break Some(vma);
            }
            // Something else may be mapped there by now.
            self.vma_end_read(cpu, vma);
        };
        cpu.rcu_read_unlock();
        found
    }

    /// `vma_start_read`: never waits. `false`: somebody has locked the VMA for write, or it looked so.
    pub fn vma_start_read(&self, cpu: &Cpu<'_>, vma: VmaId) -> bool {
        let _f = cpu.enter(func::vma_start_read);
        let (area, mm) = (self.vma(vma), self.mm(self.vma(vma).spec().mm));
        if mm.mm_lock_seq.read_once(cpu) == area.vm_lock_seq.peek() {
            return false;
        }
        cpu.pass(ip::vr1);
        if !area.vm_lock.down_read_trylock_as(cpu, rank::MMAP_LOCK) {
            return false;
        }
        cpu.pass(ip::vr2);
        if (self.steps.vma.vma_lock_seq_recheck)(cpu, self, vma) {
            return true;
        }
        area.vm_lock.up_read(cpu);
        false
    }

    /// `vma_end_read`.
    pub fn vma_end_read(&self, cpu: &Cpu<'_>, vma: VmaId) {
        self.vma(vma).vm_lock.up_read(cpu);
    }

    /// `vma_start_write`: waits for the readers of the VMA, and keeps new ones out until mmap_lock is dropped or
    /// downgraded. mmap_lock is held for write. May sleep.
    pub fn vma_start_write(&self, cpu: &Cpu<'_>, vma: VmaId) {
        let (area, mm) = (self.vma(vma), self.mm(self.vma(vma).spec().mm));
        mm.mmap_lock.assert_held_write(cpu);
        // Whoever holds mmap_lock for write is the only one to change either number.
        let seq = mm.mm_lock_seq.peek();
        if !self.config.per_vma_lock || area.vm_lock_seq.peek() == seq {
            return;
        }
        let _f = cpu.enter(func::vma_start_write);
        area.vm_lock.down_write(cpu);
        area.vm_lock_seq.write_once(cpu, seq);
        area.vm_lock.up_write(cpu);
    }

    /// `vma_end_write_all`: no VMA is marked any longer.
    pub(in crate::mm) fn vma_end_write_all(&self, cpu: &Cpu<'_>, mm: MmId) {
        let mm = self.mm(mm);
        mm.mmap_lock.assert_held_write(cpu);
        if self.config.per_vma_lock {
            let _f = cpu.enter(func::vma_end_write_all);
            mm.mm_lock_seq.write_once(cpu, mm.mm_lock_seq.peek() + 1);
        }
    }

    /// Whether the VMA is marked as locked for write (`__is_vma_write_locked`), without a step.
    pub fn vma_is_write_locked(&self, vma: VmaId) -> bool {
        let area = self.vma(vma);
        area.vm_lock_seq.peek() == self.mm(area.spec().mm).mm_lock_seq.peek()
    }

    /// How often the slot of the VMA was freed: who keeps a VMA over a sleep remembers it.
    pub fn vma_generation(&self, vma: VmaId) -> u32 {
        self.vma(vma).generation.load(Ordering::SeqCst)
    }

    /// Complains if the VMA was freed: a walk of rmap has used it, and the lock of the tree should have kept it.
    pub fn vma_assert_alive(&self, cpu: &Cpu<'_>, vma: VmaId) {
        if !self.vma(vma).is_allocated() {
            cpu.splat(Splat::VmaUseAfterFree(self.vma(vma).obj()));
        }
    }

    /// Complains if the VMA is not the one that it was.
    pub fn vma_assert_generation(&self, cpu: &Cpu<'_>, vma: VmaId, generation: u32) {
        if self.vma_generation(vma) != generation {
            cpu.splat(Splat::VmaUseAfterFree(self.vma(vma).obj()));
        }
    }
}

/// The second look of `vma_start_read`, under `vm_lock`: a writer may have marked the VMA since the first.
pub(in crate::mm) fn seq_unchanged(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    let (area, mm) = (k.vma(vma), k.mm(k.vma(vma).spec().mm));
    mm.mm_lock_seq.read_once(cpu) != area.vm_lock_seq.peek()
}

/// Whether it is an anonymous VMA without an anon_vma.
pub(in crate::mm) fn anon_vma_missing(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).spec().file.is_none() && k.vma(vma).anon_vma.read_once(cpu) == 0
}

/// Whether the VMA still contains the address: a split or a merge may have moved its bounds.
pub(in crate::mm) fn contains(k: &Kernel, vma: VmaId, addr: Vaddr) -> bool {
    k.vma(vma).spec().contains(addr)
}

/// Whether the VMA is out of the tree.
pub(in crate::mm) fn detached(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).detached.read_once(cpu) != 0
}

/// The write lock of munmap and of others.
pub(in crate::mm) fn start_write(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) {
    k.vma_start_write(cpu, vma);
}
