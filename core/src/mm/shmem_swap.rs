//! shmem's side of swap: a page of the cache becomes a value that names a swap slot, and comes back
//! (kernel-semantics section 11.5).

use super::filemap::Slot;
use super::folio::{Mapping, flags};
use super::kernel::Kernel;
use super::memory::FaultResult;
use super::place::func;
use super::types::{FileId, FolioId, SwapId};
use crate::sync::Cpu;

impl Kernel {
    /// `shmem_writepage`, up to the writing: the locked folio, dirty and not mapped, moves from the page cache to the swap
    /// cache, and is clean. `false`: there is no room, and it is dirty still.
    pub(super) fn shmem_writepage(&self, cpu: &Cpu<'_>, file: FileId, folio: FolioId) -> bool {
        let _f = cpu.enter(func::shmem_writepage);
        let f = self.folio(folio);
        if self.folios.is_large(folio) {
            // The pieces are dirty too.
            self.folio_mark_dirty(cpu, folio);
            if !self.split_folio(cpu, folio) {
                return false;
            }
        }
        f.flags.poke_bits(0, flags::DIRTY);
        let Some(swap) = self.shmem_add_to_swap(cpu, folio) else {
            self.folio_mark_dirty(cpu, folio);
            return false;
        };
        self.shmem_recalc(cpu, file, 0, 1);
        // swap_shmem_alloc()
        self.swap_duplicate(cpu, swap);
        self.shmem_delete_from_page_cache(cpu, file, folio, swap);
        cpu.vm_bug_on(self.folio_mapped(folio), "shmem_writepage() of a folio that is mapped");
        true
    }

    /// `shmem_delete_from_page_cache`: the value takes the folio's place.
    fn shmem_delete_from_page_cache(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        folio: FolioId,
        swap: SwapId,
    ) {
        let (f, mapping) = (self.folio(folio), self.mapping(file));
        mapping.xa_lock.lock(cpu);
        let there = mapping.slot(f.index()) == Slot::Folio(folio);
        cpu.vm_bug_on(!there, "shmem_delete_from_page_cache() of a folio that is not there");
        mapping.store(cpu, f.index(), Slot::Value(swap));
        cpu.debts.owe(self.swap.slot(swap).count.obj(), 1);
        cpu.debts.owe(f.refcount.obj(), -1);
        f.set_mapping(cpu, Mapping::None);
        mapping.nrpages.add_return(cpu, -1);
        mapping.xa_lock.unlock(cpu);
        self.folio_put(cpu, folio);
    }

    /// `shmem_swapin_folio`: the page that a value names, in the page cache again, locked and with a reference. `None`:
    /// the value is not there any longer, look again. May sleep.
    pub(super) fn shmem_swapin_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        swap: SwapId,
    ) -> Result<Option<FolioId>, FaultResult> {
        let _f = cpu.enter(func::shmem_swapin_folio);
        let confirm = || self.mapping(file).load_slot(cpu, index) == Slot::Value(swap);
        let Some(folio) = self.read_swap_cache(cpu, swap) else {
            return if confirm() { Err(FaultResult::Oom) } else { Ok(None) };
        };
        let f = self.folio(folio);
        // A collapse holds the locks of the huge page and of the pages before this one.
        f.lock.lock_nested(cpu);
        // Reclaim, or another fault, may have taken it out of the swap cache before it was locked.
        let same = self.folio_swap_slot(folio) == Some(swap) && confirm();
        if !same || !self.shmem_replace_value(cpu, file, index, swap, folio) {
            f.lock.unlock(cpu);
            self.folio_put(cpu, folio);
            return Ok(None);
        }
        self.shmem_recalc(cpu, file, 0, -1);
        // delete_from_swap_cache()
        self.swap.lock.lock(cpu);
        self.__delete_from_swap_cache(cpu, folio, swap);
        self.swap.lock.unlock(cpu);
        self.folio_ref_add(cpu, folio, -1);
        self.folio_mark_dirty(cpu, folio);
        self.swap_free(cpu, swap);
        Ok(Some(folio))
    }

    /// `shmem_add_to_page_cache` over a value. `false`: a truncate was faster.
    fn shmem_replace_value(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        swap: SwapId,
        folio: FolioId,
    ) -> bool {
        let (f, mapping) = (self.folio(folio), self.mapping(file));
        mapping.xa_lock.lock(cpu);
        let there = mapping.slot(index) == Slot::Value(swap);
        if there {
            self.folio_ref_add(cpu, folio, 1);
            f.init_mapping(Mapping::File(file), index);
            mapping.store(cpu, index, Slot::Folio(folio));
            cpu.debts.owe(f.refcount.obj(), 1);
            cpu.debts.owe(self.swap.slot(swap).count.obj(), -1);
            mapping.nrpages.add_return(cpu, 1);
        }
        mapping.xa_lock.unlock(cpu);
        there
    }

    /// `shmem_free_swap`: a page that is in swap goes with its range. `false`: it is not there any longer.
    pub(super) fn shmem_free_swap(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        swap: SwapId,
    ) -> bool {
        let mapping = self.mapping(file);
        mapping.xa_lock.lock(cpu);
        let there = mapping.slot(index) == Slot::Value(swap);
        if there {
            mapping.store(cpu, index, Slot::Empty);
            cpu.debts.owe(self.swap.slot(swap).count.obj(), -1);
        }
        mapping.xa_lock.unlock(cpu);
        if there {
            self.free_swap_and_cache(cpu, swap);
        }
        there
    }
}
