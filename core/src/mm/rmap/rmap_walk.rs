//! `rmap_walk`: all VMAs that may map a folio (kernel-semantics sections 5.1 and 5.2).

use crate::mm::folio::Mapping;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{AnonVmaId, FileId, FolioId, Vaddr, VmaId};
use crate::mm::vma::VmaSpec;
use crate::sync::Cpu;

/// How the lock of the VMAs is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RmapLock {
    /// It is the caller's business (`rmap_walk_locked`).
    Held,
    /// It is taken, without asking whether the folio is still mapped.
    Take,
    /// It is taken, of an anonymous folio only while it is mapped (`folio_lock_anon_vma_read`).
    IfMapped,
    /// It is taken if it is free (`rwc->try_lock`).
    Try,
}

/// `vma_address`: where `spec` has the first of `pages` pages from `index` on that it has at all.
pub(super) fn vma_address(spec: &VmaSpec, index: u32, pages: u32) -> Option<Vaddr> {
    if index >= spec.pgoff {
        let address = spec.start.0 + (index - spec.pgoff);
        (address < spec.end.0).then_some(Vaddr(address))
    } else {
        (index + pages > spec.pgoff).then_some(spec.start)
    }
}

/// `vma_address_end`: behind the last of these pages that `spec` has, or the VMA's end.
pub(super) fn vma_address_end(spec: &VmaSpec, address: Vaddr, index: u32, pages: u32) -> Vaddr {
    if pages == 1 {
        return Vaddr(address.0 + 1);
    }
    Vaddr((spec.start.0 + index + pages).saturating_sub(spec.pgoff).min(spec.end.0))
}

impl Kernel {
    /// `rmap_walk`: calls `one` for each VMA that may map the folio, with the address, until it says `false` or nothing
    /// maps the folio any longer and `done` asks for that. Returns `false` if the lock was contended (`Try`). May sleep.
    pub fn rmap_walk(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        lock: RmapLock,
        until_unmapped: bool,
        one: &mut dyn FnMut(VmaId, Vaddr) -> bool,
    ) -> bool {
        let mut go_on = |vma, addr| one(vma, addr) && (!until_unmapped || self.folio_mapped(folio));
        match self.folio(folio).read_mapping(cpu) {
            Mapping::Anon(anon_vma) => self.rmap_walk_anon(cpu, folio, anon_vma, lock, &mut go_on),
            Mapping::File(file) => self.rmap_walk_file(cpu, folio, file, lock, &mut go_on),
            // Truncated: nothing maps it.
            Mapping::None => true,
        }
    }

    fn rmap_walk_file(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        file: FileId,
        lock: RmapLock,
        one: &mut dyn FnMut(VmaId, Vaddr) -> bool,
    ) -> bool {
        let _f = cpu.enter(func::rmap_walk_file);
        self.folio(folio).lock.assert_locked(cpu);
        let rwsem = &self.mapping(file).i_mmap_rwsem;
        match lock {
            RmapLock::Held => cpu.assert_held(rwsem.obj()),
            RmapLock::Try if !rwsem.down_read_trylock(cpu) => return false,
            RmapLock::Try => {}
            RmapLock::Take | RmapLock::IfMapped => rwsem.down_read(cpu),
        }
        for vma in self.i_mmap_vmas(cpu, file) {
            cpu.pass(ip::rw1);
            let go_on = self.folio_address(folio, vma).is_none_or(|addr| one(vma, addr));
            self.vma_assert_alive(cpu, vma);
            if !go_on {
                break;
            }
        }
        if lock != RmapLock::Held {
            rwsem.up_read(cpu);
        }
        true
    }

    fn rmap_walk_anon(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        anon_vma: AnonVmaId,
        lock: RmapLock,
        one: &mut dyn FnMut(VmaId, Vaddr) -> bool,
    ) -> bool {
        let _f = cpu.enter(func::rmap_walk_anon);
        let mut anon_vma = anon_vma;
        match lock {
            RmapLock::Held => cpu.assert_held(self.anon_vma_rwsem(anon_vma).obj()),
            RmapLock::Take => self.anon_vma_lock_read(cpu, anon_vma),
            RmapLock::Try if !self.anon_vma_trylock_read(cpu, anon_vma) => return false,
            RmapLock::Try => {}
            RmapLock::IfMapped => match self.folio_lock_anon_vma_read(cpu, folio) {
                Some(locked) => anon_vma = locked,
                None => return true,
            },
        }
        let first = self.folio(folio).index();
        let last = first + self.folios.nr_pages(folio) - 1;
        for vma in self.anon_vma_vmas(cpu, anon_vma, first, last) {
            let go_on = self.folio_address(folio, vma).is_none_or(|addr| one(vma, addr));
            self.vma_assert_alive(cpu, vma);
            if !go_on {
                break;
            }
        }
        if lock != RmapLock::Held {
            self.anon_vma_unlock_read(cpu, anon_vma);
        }
        true
    }

    /// Where a VMA has the folio, if it has any page of it.
    fn folio_address(&self, folio: FolioId, vma: VmaId) -> Option<Vaddr> {
        vma_address(&self.vma(vma).spec(), self.folio(folio).index(), self.folios.nr_pages(folio))
    }
}

#[cfg(test)]
mod tests {
    use super::{vma_address, vma_address_end};
    use crate::mm::types::{MmId, Vaddr};
    use crate::mm::vma::{VmFlags, VmaSpec};

    const VMA: VmaSpec = VmaSpec {
        mm: MmId(0),
        start: Vaddr(10),
        end: Vaddr(14),
        pgoff: 6,
        file: None,
        flags: VmFlags(0),
    };

    #[test]
    fn a_folio_may_stick_out_of_the_vma() {
        assert_eq!(vma_address(&VMA, 7, 1), Some(Vaddr(11)));
        assert_eq!(vma_address(&VMA, 10, 1), None);
        assert_eq!(vma_address(&VMA, 4, 4), Some(Vaddr(10)));
        assert_eq!(vma_address_end(&VMA, Vaddr(10), 4, 4), Vaddr(12));
        assert_eq!(vma_address(&VMA, 2, 4), None);
        assert_eq!(vma_address(&VMA, 8, 4), Some(Vaddr(12)));
        assert_eq!(vma_address_end(&VMA, Vaddr(12), 8, 4), Vaddr(14));
    }
}
