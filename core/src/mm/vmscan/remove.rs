//! The last steps of reclaim: what is dirty is written out, what is clean leaves its cache.

use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::place::ip;
use crate::mm::types::FolioId;
use crate::sync::Cpu;

/// How `writepage` ended (`pageout_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Written {
    /// It stays as it is, locked: somebody holds it, or there is nowhere to write it to.
    Keep,
    /// Written out, and unlocked.
    Done,
}

impl Kernel {
    /// References of a folio that nobody wants any longer: of who has isolated it, and of its cache.
    fn freeable_refs(&self, folio: FolioId) -> i64 {
        1 + i64::from(self.folios.nr_pages(folio))
    }

    /// `pageout` of a dirty folio that is locked and not mapped.
    pub(super) fn writepage(&self, cpu: &Cpu<'_>, folio: FolioId) -> Written {
        let f = self.folio(folio);
        // is_page_cache_freeable(): no point in writing what somebody holds on to.
        if f.refcount.read_once(cpu) as i64 != self.freeable_refs(folio) {
            return Written::Keep;
        }
        if let Mapping::File(file) = f.peek_mapping() {
            // Only flushers write to a file system.
            if self.mapping(file).regular || !self.shmem_writepage(cpu, file, folio) {
                return Written::Keep;
            }
            self.swap_writepage(cpu, folio);
            return Written::Done;
        }
        f.flags.poke_bits(0, flags::DIRTY);
        self.swap_writepage(cpu, folio);
        Written::Done
    }

    /// `swap_writepage` to a device that writes at once; drops the folio lock. If the last entry was zapped
    /// meanwhile the folio leaves the swap cache instead, and is dirty.
    fn swap_writepage(&self, cpu: &Cpu<'_>, folio: FolioId) {
        if !self.folio_free_swap(cpu, folio)
            && let Some(slot) = self.folio_swap_slot(folio)
        {
            let content = self.page(self.folios.head(folio)).content.read_once(cpu);
            self.swap.slot(slot).content.write_once(cpu, content);
        }
        self.folio(folio).lock.unlock(cpu);
    }

    /// `__remove_mapping`: freezes the folio if nobody else holds it, and takes it out of the swap cache or of the page
    /// cache. A fault that has looked it up there holds a reference, and keeps it.
    pub(super) fn remove_mapping(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let f = self.folio(folio);
        let refs = self.freeable_refs(folio);
        let slot = self.folio_swap_slot(folio);
        let file = match f.peek_mapping() {
            Mapping::File(file) => Some(file),
            _ => None,
        };
        let lock = match (slot, file) {
            (Some(_), _) => &self.swap.lock,
            (None, Some(file)) => &self.mapping(file).xa_lock,
            (None, None) => return false,
        };
        cpu.pass(ip::reclaim_freeze);
        lock.lock(cpu);
        let mut removed = (self.steps.reclaim_freeze)(cpu, self, folio, refs);
        if removed {
            cpu.pass(ip::reclaim_frozen);
            removed = !(self.steps.reclaim_dirty_recheck)(self, folio);
            match (slot, file) {
                _ if !removed => self.folio_ref_unfreeze(cpu, folio, refs),
                (Some(slot), _) => self.__delete_from_swap_cache(cpu, folio, slot),
                (None, Some(file)) => self.__filemap_remove_folio(cpu, file, folio),
                (None, None) => {}
            }
        }
        lock.unlock(cpu);
        removed
    }
}
