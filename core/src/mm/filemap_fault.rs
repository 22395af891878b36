//! Regular files: pages that are read in when somebody wants them, and written out before they can be collapsed
//! (kernel-semantics section 10.6).
//!
//! The device reads and writes at once. What was never written to is zero.

use super::folio::flags;
use super::kernel::Kernel;
use super::memory::FaultResult;
use super::place::func;
use super::types::{FileId, FolioId};
use crate::sync::Cpu;

impl Kernel {
    /// `filemap_fault`: the folio of the cache that holds page `index`, locked and with a reference. Beyond i_size there
    /// is nothing: SIGBUS. May sleep.
    pub fn filemap_fault(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
    ) -> Result<FolioId, FaultResult> {
        let _f = cpu.enter(func::filemap_fault);
        let i_size = &self.mapping(file).i_size;
        loop {
            if u64::from(index) >= i_size.read_once(cpu) {
                return Err(FaultResult::Sigbus);
            }
            let Some(folio) = self.find_lock_page(cpu, file, index) else {
                if !self.page_cache_sync_readahead(cpu, file, index, 1) {
                    return Err(FaultResult::Oom);
                }
                continue;
            };
            // Now that it is locked, a truncate that has changed i_size finds it here.
            if u64::from(index) < i_size.read_once(cpu) {
                return Ok(folio);
            }
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
            return Err(FaultResult::Sigbus);
        }
    }

    /// `page_cache_sync_readahead`: reads the pages in that are not in the cache, of `pages` from `index` on, as far as the
    /// file goes. `false`: out of memory.
    pub fn page_cache_sync_readahead(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        pages: u32,
    ) -> bool {
        let mapping = self.mapping(file);
        for at in index..index + pages {
            if u64::from(at) >= mapping.i_size.read_once(cpu) {
                break;
            }
            if mapping.load(cpu, at).is_some() {
                continue;
            }
            let Some(folio) = self.folio_alloc(cpu, false) else { return false };
            self.folio(folio).flags.poke_bits(flags::UPTODATE, 0);
            // Nobody else knows it: its lock is free. The locks of pages before it may be held.
            self.folio(folio).lock.trylock(cpu);
            let grown = self.page_cache_may_grow(cpu, folio);
            if grown && self.filemap_add_folio(cpu, file, at, folio) {
                self.folio_add_lru(cpu, folio);
            }
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
            if !grown {
                return false;
            }
        }
        true
    }

    /// `filemap_flush`: begins to write the dirty pages of a file out, and is done with those that nobody has locked.
    pub fn filemap_flush(&self, cpu: &Cpu<'_>, file: FileId) {
        for index in 0..self.mapping(file).i_pages.len() as u32 {
            let Some(folio) = self.mapping(file).peek(index) else { continue };
            let f = self.folio(folio);
            if f.has(flags::DIRTY) && f.lock.trylock(cpu) {
                if self.mapping(file).peek(index) == Some(folio) {
                    f.flags.change_bits(cpu, 0, flags::DIRTY);
                }
                f.lock.unlock(cpu);
            }
        }
    }
}
