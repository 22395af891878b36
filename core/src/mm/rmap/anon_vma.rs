//! anon_vma: the lock and the name under which the anonymous pages of a VMA are found.

use crate::mm::class::Class;
use crate::mm::folio::Mapping;
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::rank;
use crate::mm::types::{AnonVmaId, FolioId, VmaId};
use crate::sync::{Cpu, Rwsem, Word};

/// An anon_vma, always its own root: nothing forks or merges yet. Number n belongs to VMA n.
#[derive(Debug)]
pub struct AnonVma {
    /// The rwsem of the root.
    pub rwsem: Rwsem,
    /// Whether the VMA is linked into its interval tree.
    pub linked: Word,
}

impl AnonVma {
    pub(in crate::mm) fn new(vma: VmaId) -> AnonVma {
        let n = u32::from(vma.0);
        AnonVma {
            rwsem: Rwsem::new(Class::AnonVmaRwsem.obj(n), rank::ANON_VMA_RWSEM),
            linked: Word::new(Class::AnonVmaPtr.obj(256 + n), 0),
        }
    }

    pub(in crate::mm) fn reset(&mut self) {
        self.rwsem.reset();
        self.linked.poke(0);
    }
}

impl Kernel {
    /// The anon_vma.
    pub fn anon_vma(&self, id: AnonVmaId) -> &AnonVma {
        &self.anon_vmas[id.idx()]
    }

    /// `vma->anon_vma`. One step: whoever holds no lock against `anon_vma_prepare` reads it racily.
    pub fn vma_anon_vma(&self, cpu: &Cpu<'_>, vma: VmaId) -> Option<AnonVmaId> {
        let word = self.vma(vma).anon_vma.read_once(cpu);
        word.checked_sub(1).map(|id| AnonVmaId(id as u8))
    }

    /// `anon_vma_prepare`: makes sure that the VMA has one. mmap_lock is held. May sleep.
    pub fn anon_vma_prepare(&self, cpu: &Cpu<'_>, vma: VmaId) -> AnonVmaId {
        let _f = cpu.enter(func::anon_vma_prepare);
        let id = AnonVmaId(vma.0);
        if self.vma_anon_vma(cpu, vma).is_some() {
            return id;
        }
        cpu.might_sleep();
        let anon_vma = self.anon_vma(id);
        let mm = self.vma(vma).spec().mm;
        anon_vma.rwsem.down_write(cpu);
        self.mm(mm).page_table_lock.lock(cpu);
        if self.vma_anon_vma(cpu, vma).is_none() {
            self.vma(vma).anon_vma.write_once(cpu, u64::from(id.0) + 1);
            anon_vma.linked.poke(1);
        }
        self.mm(mm).page_table_lock.unlock(cpu);
        anon_vma.rwsem.up_write(cpu);
        id
    }

    /// `unlink_anon_vmas`: the VMA leaves the tree, no walk finds it any longer.
    pub fn unlink_anon_vmas(&self, cpu: &Cpu<'_>, vma: VmaId) {
        if self.vma_anon_vma(cpu, vma).is_some() {
            let anon_vma = self.anon_vma(AnonVmaId(vma.0));
            anon_vma.rwsem.down_write(cpu);
            anon_vma.linked.write_once(cpu, 0);
            anon_vma.rwsem.up_write(cpu);
        }
    }

    /// `folio_lock_anon_vma_read`: the anon_vma of a mapped anonymous folio, locked for read.
    ///
    /// The folio may be unmapped at any time, and the anon_vma with it: whether it is still mapped is asked again
    /// under the lock.
    pub fn folio_lock_anon_vma_read(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<AnonVmaId> {
        let Mapping::Anon(id) = self.folio(folio).read_mapping(cpu) else { return None };
        if !self.folio_mapped(folio) {
            return None;
        }
        self.anon_vma(id).rwsem.down_read(cpu);
        if !self.folio_mapped(folio) {
            self.anon_vma(id).rwsem.up_read(cpu);
            return None;
        }
        Some(id)
    }
}
