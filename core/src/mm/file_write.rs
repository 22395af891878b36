//! `write()` to one page of a file, and what regular files do that shmem does otherwise: truncate and fallocate()
//! (kernel-semantics section 11.2).

use super::folio::flags;
use super::kernel::Kernel;
use super::place::{func, ip};
use super::shmem::SgpType;
use super::types::{FileId, FolioId, Pfn};
use crate::sync::{Cpu, What};

#[cfg(test)]
mod tests;

impl Kernel {
    /// `write()` of one page: the file grows if it must. `false`: there was no memory, or the page is broken.
    ///
    /// Whoever writes to a regular file has opened it, and closes it again.
    pub fn file_write(&self, cpu: &Cpu<'_>, file: FileId, index: u32, tag: u64) -> bool {
        let _f = cpu.enter(func::file_write);
        let regular = self.mapping(file).regular;
        if regular {
            self.do_dentry_open(cpu, file);
        }
        (self.steps.fs.inode_lock)(cpu, self, file);
        let written = self.generic_perform_write(cpu, file, index, tag);
        (self.steps.fs.inode_unlock)(cpu, self, file);
        if regular {
            self.put_write_access(cpu, file);
        }
        written
    }

    /// `write_begin`, the copying and `write_end`, under the folio lock.
    fn generic_perform_write(&self, cpu: &Cpu<'_>, file: FileId, index: u32, tag: u64) -> bool {
        let mapping = self.mapping(file);
        let folio = if mapping.regular {
            self.write_begin(cpu, file, index)
        } else {
            self.shmem_get_folio(cpu, file, index, SgpType::Write).ok()
        };
        let Some(folio) = folio else { return false };
        cpu.pass(ip::write_locked);
        let (first, next) = self.folio_range(folio);
        let page = Pfn(self.folios.head(folio).0 + index - first);
        if self.page(page).is_hwpoison() {
            self.unlock_and_put(cpu, folio);
            return false;
        }
        self.page(page).content.write_once(cpu, tag);
        cpu.note(What::FileStore { file: file.0, index, value: tag });
        if u64::from(index) + 1 > mapping.i_size.read_once(cpu) {
            mapping.i_size.write_once(cpu, u64::from(index) + 1);
        }
        if !self.folio(folio).has(flags::UPTODATE) {
            (self.steps.fs.write_zero_rest)(self, folio, (first..next, index));
            self.folio(folio).flags.poke_bits(flags::UPTODATE, 0);
        }
        self.folio_mark_dirty(cpu, folio);
        self.unlock_and_put(cpu, folio);
        true
    }

    /// `write_begin` of a regular file: the page, locked, read in or new.
    fn write_begin(&self, cpu: &Cpu<'_>, file: FileId, index: u32) -> Option<FolioId> {
        if index as usize >= self.mapping(file).i_pages.len() {
            return None;
        }
        loop {
            if let Some(folio) = self.find_lock_page(cpu, file, index) {
                let thp = self.folios.is_large(folio);
                cpu.vm_bug_on(thp, "write() to a huge page of a regular file");
                return Some(folio);
            }
            let folio = self.folio_alloc(cpu, false)?;
            self.folio(folio).lock.lock(cpu);
            if self.filemap_add_folio(cpu, file, index, folio) {
                self.folio_add_lru(cpu, folio);
                return Some(folio);
            }
            self.unlock_and_put(cpu, folio);
        }
    }

    /// `truncate()` of a file: that of shmem, or `ext4_setattr()`. It needs write access, but opens nothing: the huge pages
    /// of a regular file stay until they are truncated.
    pub fn do_truncate(&self, cpu: &Cpu<'_>, file: FileId, new_size: u32) {
        let mapping = self.mapping(file);
        if !mapping.regular {
            return self.shmem_setattr(cpu, file, new_size);
        }
        let _f = cpu.enter(func::truncate_setsize);
        let new_size = new_size.min(mapping.i_pages.len() as u32);
        mapping.i_writecount.add_return(cpu, 1);
        (self.steps.fs.inode_lock)(cpu, self, file);
        (self.steps.fs.invalidate_lock)(cpu, self, file);
        let old_size = mapping.i_size.read_once(cpu) as u32;
        if new_size != old_size {
            mapping.i_size.write_once(cpu, u64::from(new_size));
        }
        // truncate_pagecache()
        (self.steps.fs.truncate_unmap)(cpu, self, file, new_size);
        cpu.pass(ip::truncate_unmapped);
        self.free_blocks(file, (new_size, u32::MAX));
        self.truncate_inode_pages_range(cpu, file, (new_size, u32::MAX));
        self.free_blocks(file, (0, 0));
        cpu.pass(ip::truncate_removed);
        // Again, for the private copies that were made of pages that were still in the cache.
        (self.steps.fs.truncate_unmap_again)(cpu, self, file, new_size);
        (self.steps.fs.invalidate_unlock)(cpu, self, file);
        (self.steps.fs.inode_unlock)(cpu, self, file);
        self.put_write_access(cpu, file);
    }

    /// `fallocate(FALLOC_FL_PUNCH_HOLE)` of a file, by somebody who has it open for writing.
    pub fn punch_hole(&self, cpu: &Cpu<'_>, file: FileId, (start, end): (u32, u32)) {
        if !self.mapping(file).regular {
            return self.shmem_punch_hole(cpu, file, (start, end));
        }
        if start >= end {
            return;
        }
        let _f = cpu.enter(func::truncate_pagecache_range);
        self.do_dentry_open(cpu, file);
        (self.steps.fs.inode_lock)(cpu, self, file);
        (self.steps.fs.invalidate_lock)(cpu, self, file);
        self.unmap_mapping_pages(cpu, file, (start, end), false);
        cpu.pass(ip::punch_unmapped);
        self.free_blocks(file, (start, end));
        self.truncate_inode_pages_range(cpu, file, (start, end));
        self.free_blocks(file, (0, 0));
        (self.steps.fs.invalidate_unlock)(cpu, self, file);
        (self.steps.fs.inode_unlock)(cpu, self, file);
        self.put_write_access(cpu, file);
    }

    /// `fallocate()` of a file. A regular one gets blocks, which read as zeroes, and perhaps a new size.
    pub fn fallocate(&self, cpu: &Cpu<'_>, file: FileId, (start, end): (u32, u32)) {
        let mapping = self.mapping(file);
        if !mapping.regular {
            _ = self.shmem_fallocate(cpu, file, (start, end));
            return;
        }
        self.do_dentry_open(cpu, file);
        (self.steps.fs.inode_lock)(cpu, self, file);
        if u64::from(end) > mapping.i_size.read_once(cpu) {
            mapping.i_size.write_once(cpu, u64::from(end));
        }
        (self.steps.fs.inode_unlock)(cpu, self, file);
        self.put_write_access(cpu, file);
    }
}

/// write() has filled one page of a folio that nobody has cleared: the others are zeroes.
pub(super) fn zero_rest(k: &Kernel, folio: FolioId, (pages, but): (std::ops::Range<u32>, u32)) {
    for (index, page) in pages.zip(k.folios.pfns(folio)) {
        if index != but {
            k.page(page).content.poke(0);
        }
    }
}

/// i_rwsem for write: one truncate, fallocate() or write() at a time.
pub(super) fn inode_lock(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).i_rwsem.down_write(cpu);
}

/// ... and dropped.
pub(super) fn inode_unlock(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).i_rwsem.up_write(cpu);
}
