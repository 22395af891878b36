//! Opening a regular file for writing: huge pages of its cache cannot be written to, so they go
//! (kernel-semantics sections 9.5 and 17, litmus 28).
//!
//! ```text
//! open                              collapse_file()
//!   i_writecount++                    nr_thps++
//!   full barrier                      full barrier
//!   nr_thps != 0: drop the cache      i_writecount > 0: give up
//! ```
//! Whoever comes second sees the other.

use super::kernel::Kernel;
use super::place::{func, ip};
use super::types::FileId;
use crate::sync::Cpu;

impl Kernel {
    /// `do_dentry_open` for writing. May sleep.
    pub fn do_dentry_open(&self, cpu: &Cpu<'_>, file: FileId) {
        let _f = cpu.enter(func::do_dentry_open);
        (self.steps.fs.open_counted)(cpu, self, file);
    }

    /// `put_write_access`.
    pub fn put_write_access(&self, cpu: &Cpu<'_>, file: FileId) {
        self.mapping(file).i_writecount.add_return(cpu, -1);
    }

    /// A program opens the file for writing, and keeps it open.
    pub fn open_write(&self, cpu: &Cpu<'_>, file: FileId) {
        self.do_dentry_open(cpu, file);
        self.mapping(file).opened.poke_add(1);
    }

    /// A program closes it again, if it has opened it.
    pub fn close_write(&self, cpu: &Cpu<'_>, file: FileId) {
        let opened = &self.mapping(file).opened;
        if opened.peek() > 0 {
            opened.poke_add(-1);
            self.put_write_access(cpu, file);
        }
    }

    /// The whole cache goes. The private copies stay: they are not the file's.
    fn drop_page_cache(&self, cpu: &Cpu<'_>, file: FileId) {
        (self.steps.fs.invalidate_lock)(cpu, self, file);
        self.unmap_mapping_range(cpu, file, 0, false);
        cpu.pass(ip::ow2);
        (self.steps.fs.open_drop)(cpu, self, file);
        (self.steps.fs.invalidate_unlock)(cpu, self, file);
    }
}

/// v6.6: counted as a writer first, then a look at the huge pages.
pub(super) fn count_then_look(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    let mapping = k.mapping(file);
    mapping.i_writecount.add_return(cpu, 1);
    cpu.pass(ip::ow1);
    if mapping.nr_thps.read_once(cpu) != 0 {
        k.drop_page_cache(cpu, file);
    }
}

/// The wrong order: a collapse that looks between the two sees no writer, and its huge page is not seen.
pub(super) fn look_then_count(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    let mapping = k.mapping(file);
    let thps = mapping.nr_thps.read_once(cpu);
    cpu.pass(ip::ow1);
    mapping.i_writecount.add_return(cpu, 1);
    if thps != 0 {
        k.drop_page_cache(cpu, file);
    }
}

/// Nobody looks.
pub(super) fn count_only(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).i_writecount.add_return(cpu, 1);
}

/// `filemap_invalidate_lock`.
pub(super) fn invalidate_lock(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).invalidate_lock.down_write(cpu);
}

/// `filemap_invalidate_unlock`.
pub(super) fn invalidate_unlock(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).invalidate_lock.up_write(cpu);
}

/// `filemap_invalidate_lock_shared`.
pub(super) fn invalidate_lock_shared(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).invalidate_lock.down_read(cpu);
}

/// `filemap_invalidate_unlock_shared`.
pub(super) fn invalidate_unlock_shared(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.mapping(file).invalidate_lock.up_read(cpu);
}

/// v6.6: `truncate_inode_pages`, dirty or not. But somebody may have written to the file and closed it; and whoever opens
/// it when the last huge page has gone, but not the last page, writes to pages that go next.
pub(super) fn drop_all(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.truncate_inode_pages_range(cpu, file, (0, u32::MAX));
}

/// The fix: each page is written out before it goes, as `invalidate_inode_pages2` does it.
pub(super) fn drop_written(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    k.invalidate_inode_pages2(cpu, file);
}
