//! Regular files: pages that are read in when somebody wants them, and written out before they can be collapsed
//! (kernel-semantics section 10.6).
//!
//! The device reads and writes at once. What was never written to is zero.

use super::folio::{Mapping, flags};
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
        let (i_size, mut locked) = (&self.mapping(file).i_size, false);
        if u64::from(index) >= i_size.read_once(cpu) {
            return Err(FaultResult::Sigbus);
        }
        let found = loop {
            if let Some(folio) = self.filemap_get_folio(cpu, file, index) {
                self.folio(folio).lock.lock(cpu);
                if self.folio(folio).read_mapping(cpu) == Mapping::File(file) {
                    break Some(folio);
                }
                self.unlock_and_put(cpu, folio);
            }
            // Nobody throws the cache away while the page is on its way from the device to the page table.
            if !locked {
                (self.steps.fs.fault_invalidate_lock)(cpu, self, file);
                locked = true;
            }
            if !self.page_cache_sync_readahead(cpu, file, index, 1) {
                break None;
            }
            if u64::from(index) >= i_size.read_once(cpu) {
                break None;
            }
        };
        if locked {
            (self.steps.fs.fault_invalidate_unlock)(cpu, self, file);
        }
        let beyond = u64::from(index) >= i_size.read_once(cpu);
        match found {
            // Now that it is locked, a truncate that has changed i_size finds it here.
            Some(folio) if !beyond => Ok(folio),
            Some(folio) => {
                self.unlock_and_put(cpu, folio);
                Err(FaultResult::Sigbus)
            }
            None => Err(if beyond { FaultResult::Sigbus } else { FaultResult::Oom }),
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
            let on_disk = mapping.disk[at as usize].peek();
            self.page(self.folios.head(folio)).content.poke(on_disk);
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
                    self.filemap_writepage(cpu, file, folio);
                }
                f.lock.unlock(cpu);
            }
        }
    }

    /// `writepage` of the locked folio: it is clean before it is read, so that whoever writes to it meanwhile makes it dirty
    /// again.
    fn filemap_writepage(&self, cpu: &Cpu<'_>, file: FileId, folio: FolioId) {
        self.folio(folio).flags.change_bits(cpu, 0, flags::DIRTY);
        for (index, page) in (self.folio(folio).index()..).zip(self.folios.pfns(folio)) {
            let content = self.page(page).content.read_once(cpu);
            self.mapping(file).disk[index as usize].poke(content);
        }
    }

    /// `invalidate_inode_pages2`: every page is unmapped, written out if it is dirty, and leaves the cache. May sleep.
    pub(super) fn invalidate_inode_pages2(&self, cpu: &Cpu<'_>, file: FileId) {
        for index in 0..self.mapping(file).i_pages.len() as u32 {
            if self.mapping(file).peek(index).is_none() {
                continue;
            }
            let Some(folio) = self.find_lock_page(cpu, file, index) else { continue };
            if self.folio_mapped(folio) {
                self.unmap_mapping_folio(cpu, file, folio);
            }
            if self.folio(folio).has(flags::DIRTY) {
                self.filemap_writepage(cpu, file, folio);
            }
            self.filemap_remove_folio(cpu, file, folio);
            self.unlock_and_put(cpu, folio);
        }
    }

    /// A truncation or a punch of a regular file frees the blocks behind the pages `[start, end)`, and goes on doing so with
    /// whatever is written out before its page leaves the cache. (0, 0): it is over.
    pub(super) fn free_blocks(&self, file: FileId, (start, end): (u32, u32)) {
        let mapping = self.mapping(file);
        mapping.freeing.poke(u64::from(start) << 32 | u64::from(end));
        let end = (end as usize).min(mapping.disk.len());
        mapping.disk[(start as usize).min(end)..end].iter().for_each(|block| block.poke(0));
    }

    /// The locked folio leaves the cache of a file whose blocks are being freed.
    pub(super) fn free_blocks_of(&self, file: FileId, folio: FolioId) {
        let mapping = self.mapping(file);
        let freeing = mapping.freeing.peek();
        let (start, end) = ((freeing >> 32) as u32, freeing as u32);
        let (first, next) = self.folio_range(folio);
        for index in start.max(first)..end.min(next) {
            mapping.disk[index as usize].poke(0);
        }
    }
}
