//! From a page to its anon_vma, locked (`folio_lock_anon_vma_read`, kernel-semantics section 2.3).

use crate::mm::folio::Mapping;
use crate::mm::kernel::Kernel;
use crate::mm::types::{AnonVmaId, FolioId};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// `anon_vma_lock_read`, of one that cannot be freed meanwhile. May sleep.
    pub fn anon_vma_lock_read(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        self.anon_vma_rwsem(id).down_read(cpu);
    }

    /// `anon_vma_trylock_read`.
    pub fn anon_vma_trylock_read(&self, cpu: &Cpu<'_>, id: AnonVmaId) -> bool {
        self.anon_vma_rwsem(id).down_read_trylock(cpu)
    }

    /// `anon_vma_unlock_read`. Complains if it was freed under the lock.
    pub fn anon_vma_unlock_read(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        if !self.anon_vma(id).is_allocated() {
            cpu.splat(Splat::AnonVmaUseAfterFree(self.anon_vma(id).obj()));
        }
        self.anon_vma_rwsem(id).up_read(cpu);
    }

    /// `anon_vma_lock_write`. May sleep.
    pub fn anon_vma_lock_write(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        self.anon_vma_rwsem(id).down_write(cpu);
    }

    /// `anon_vma_unlock_write`.
    pub fn anon_vma_unlock_write(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        self.anon_vma_rwsem(id).up_write(cpu);
    }

    /// `folio_lock_anon_vma_read`: the anon_vma of a mapped anonymous folio, its root locked for read; to be dropped by
    /// [`Kernel::anon_vma_unlock_read`]. May sleep.
    ///
    /// The folio may be unmapped at any time, and then its anon_vma freed; the memory is type-stable, so that under RCU
    /// there is always a lock to be taken. Whether it is the right one is known by the folio, which is still mapped.
    pub fn folio_lock_anon_vma_read(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<AnonVmaId> {
        cpu.rcu_read_lock();
        let found = self.folio_anon_vma_if_mapped(cpu, folio);
        let Some(id) = found else {
            cpu.rcu_read_unlock();
            return None;
        };
        let anon_vma = self.anon_vma(id);
        let root = AnonVmaId(anon_vma.root.read_once(cpu) as u8);
        let rwsem = &self.anon_vma(root).rwsem;
        if rwsem.down_read_trylock(cpu) {
            let mapped = (self.steps.vma.anon_vma_mapped_recheck)(self, folio);
            if !mapped {
                rwsem.up_read(cpu);
            }
            cpu.rcu_read_unlock();
            return found.filter(|_| mapped);
        }
        // Somebody has it: a reference keeps it over the sleep.
        let pinned = anon_vma.refcount.inc_not_zero(cpu);
        let mapped = pinned && (self.steps.vma.anon_vma_mapped_recheck)(self, folio);
        cpu.rcu_read_unlock();
        if !mapped {
            if pinned {
                self.put_anon_vma(cpu, id);
            }
            return None;
        }
        self.anon_vma_lock_read(cpu, id);
        if self.anon_vma_put_refcount(cpu, id) {
            // The last reference: whoever frees it waits for the lock, so the lock goes first.
            self.anon_vma_rwsem(id).up_read(cpu);
            self.__put_anon_vma(cpu, id);
            return None;
        }
        found
    }

    /// `folio_get_anon_vma`: a reference to the anon_vma of a mapped anonymous folio, to be given back by
    /// [`Kernel::put_anon_vma`]: for who unmaps the folio and is to map it again. `None`: not anonymous, or not mapped.
    pub fn folio_get_anon_vma(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<AnonVmaId> {
        cpu.rcu_read_lock();
        let found = self.folio_anon_vma_if_mapped(cpu, folio);
        let pinned = found.filter(|&id| self.anon_vma(id).refcount.inc_not_zero(cpu));
        let mapped = pinned.is_some() && self.folio_mapped(folio);
        cpu.rcu_read_unlock();
        if let Some(unmapped) = pinned.filter(|_| !mapped) {
            self.put_anon_vma(cpu, unmapped);
        }
        pinned.filter(|_| mapped)
    }

    fn folio_anon_vma_if_mapped(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<AnonVmaId> {
        match self.folio(folio).read_mapping(cpu) {
            Mapping::Anon(id) if self.folio_mapped(folio) => Some(id),
            _ => None,
        }
    }
}

/// The second look at the folio, under the lock.
pub(in crate::mm) fn still_mapped(k: &Kernel, folio: FolioId) -> bool {
    k.folio_mapped(folio)
}

/// The reference that a migration takes: once it has unmapped the folio, nothing else keeps the anon_vma by which it is to
/// be mapped again.
pub(in crate::mm) fn get_for_migration(
    cpu: &Cpu<'_>,
    k: &Kernel,
    folio: FolioId,
) -> Option<AnonVmaId> {
    k.folio_get_anon_vma(cpu, folio)
}
