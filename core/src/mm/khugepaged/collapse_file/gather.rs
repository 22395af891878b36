//! Stage 3: each page of the range is locked, isolated and unmapped, and then has three references and no more.

use super::run::CollapseFile;
use crate::mm::filemap::Slot;
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::ip;
use crate::mm::rmap::TtuFlags;
use crate::mm::shmem::SgpType;
use crate::mm::types::{FileId, FolioId};
use crate::sync::Cpu;

/// Our pin, the page cache's reference, and the isolation's: whoever wants the page now must ask the page cache, and
/// then wait for its lock.
const PIN_CACHE_ISOLATION: u64 = 3;

impl Kernel {
    /// The loop over the range. xa_lock is held, and is dropped when it ends.
    pub(super) fn gather_pages(&self, cpu: &Cpu<'_>, c: &mut CollapseFile) -> ScanResult {
        for index in c.start..c.end {
            let locked = if self.mapping(c.file).regular {
                self.lock_file_page(cpu, c, index)
            } else {
                self.lock_shmem_page(cpu, c, index)
            };
            let folio = match locked {
                Ok(Some(folio)) => folio,
                Ok(None) => {
                    c.nr_none += 1;
                    (self.steps.file.hole)(cpu, self, c, index);
                    c.gathered = index + 1;
                    continue;
                }
                Err(result) => return result,
            };
            cpu.pass(ip::cf3);
            // The folio lock keeps it in the cache from here on; xa_lock is not held.
            if let Err(result) = self.gather_page(cpu, c, folio) {
                self.folio(folio).lock.unlock(cpu);
                self.folio_put(cpu, folio);
                return result;
            }
            (self.steps.file.keep_locked)(cpu, self, folio);
            c.pagelist.push(folio);
            (self.steps.file.replace_page)(cpu, self, c, folio);
            c.gathered = index + 1;
        }
        let opened =
            self.mapping(c.file).regular && !(self.steps.file.nr_thps_inc)(cpu, self, c.file);
        self.mapping(c.file).xa_lock.unlock(cpu);
        if opened { ScanResult::Fail } else { ScanResult::Succeed }
    }

    /// The page of shmem at an index, locked and with a reference, and xa_lock dropped. `None`: a hole, and xa_lock is
    /// held still. It is dropped too where the answer is a reason to give up.
    fn lock_shmem_page(
        &self,
        cpu: &Cpu<'_>,
        c: &CollapseFile,
        index: u32,
    ) -> Result<Option<FolioId>, ScanResult> {
        let mapping = self.mapping(c.file);
        match mapping.load_slot(cpu, index) {
            Slot::Empty | Slot::Retry => {
                let empty = |at| mapping.slot(at) == Slot::Empty;
                if index != c.start || !(index..c.end).all(empty) {
                    return Ok(None);
                }
                // Truncated, or punched, and completely empty by now.
                mapping.xa_lock.unlock(cpu);
                Err(ScanResult::Truncated)
            }
            Slot::Folio(folio) if self.folio(folio).has(flags::UPTODATE) => {
                self.trylock_page(cpu, c, folio).map(Some)
            }
            Slot::Folio(_) | Slot::Value(_) => {
                mapping.xa_lock.unlock(cpu);
                cpu.pass(ip::cf2);
                // Swaps the page in, or makes one of what fallocate has left.
                let found = self.shmem_get_folio(cpu, c.file, index, SgpType::Noalloc);
                let folio = found.map_err(|_| ScanResult::Fail)?;
                // Helps the isolation: it may still wait in this CPU's batch.
                self.lru_add_drain(cpu);
                Ok(Some(folio))
            }
        }
    }

    /// The same of a regular file: what is missing is read in, what is dirty is left for another time.
    fn lock_file_page(
        &self,
        cpu: &Cpu<'_>,
        c: &CollapseFile,
        index: u32,
    ) -> Result<Option<FolioId>, ScanResult> {
        let mapping = self.mapping(c.file);
        let Slot::Folio(folio) = mapping.load_slot(cpu, index) else {
            mapping.xa_lock.unlock(cpu);
            cpu.pass(ip::cf2);
            self.page_cache_sync_readahead(cpu, c.file, index, c.end - index);
            self.lru_add_drain(cpu);
            let folio = self.find_lock_page_nested(cpu, c.file, index);
            return folio.map(Some).ok_or(ScanResult::Fail);
        };
        if self.folio(folio).has(flags::DIRTY) {
            mapping.xa_lock.unlock(cpu);
            // Written since it was opened for reading only: it will be clean some day.
            self.filemap_flush(cpu, c.file);
            return Err(ScanResult::Fail);
        }
        self.trylock_page(cpu, c, folio).map(Some)
    }

    /// Only a trylock: xa_lock is held, and the locks of the folios before it are. xa_lock is dropped.
    fn trylock_page(
        &self,
        cpu: &Cpu<'_>,
        c: &CollapseFile,
        folio: FolioId,
    ) -> Result<FolioId, ScanResult> {
        let locked = self.folio(folio).lock.trylock(cpu);
        if locked {
            self.folio_get(cpu, folio);
        }
        self.mapping(c.file).xa_lock.unlock(cpu);
        if locked { Ok(folio) } else { Err(ScanResult::PageLock) }
    }

    /// One page that is locked and has a reference. xa_lock is held again if it is one for the list.
    fn gather_page(
        &self,
        cpu: &Cpu<'_>,
        c: &CollapseFile,
        folio: FolioId,
    ) -> Result<(), ScanResult> {
        let f = self.folio(folio);
        if !f.has(flags::UPTODATE) {
            return Err(ScanResult::Fail);
        }
        if self.folios.is_large(folio) {
            // The range was truncated and filled again: a huge page may be there already.
            let same = f.index() == c.start;
            return Err(if same {
                ScanResult::PteMappedHugepage
            } else {
                ScanResult::PageCompound
            });
        }
        if f.read_mapping(cpu) != Mapping::File(c.file) {
            return Err(ScanResult::Truncated);
        }
        if self.mapping(c.file).regular && f.has(flags::DIRTY) {
            return Err(ScanResult::Fail);
        }
        if !self.folio_isolate_lru(cpu, folio) {
            return Err(ScanResult::DelPageLru);
        }
        if self.folio_mapped(folio) {
            (self.steps.file.unmap)(cpu, self, folio);
        }
        cpu.pass(ip::cf4);
        self.mapping(c.file).xa_lock.lock(cpu);
        let index = f.index();
        let kept = self.mapping(c.file).peek(index) == Some(folio);
        cpu.vm_bug_on(!kept, "collapse_file() has lost the page that it has locked");
        if (self.steps.file.check_count)(cpu, self, folio) {
            return Ok(());
        }
        self.mapping(c.file).xa_lock.unlock(cpu);
        self.folio_putback_lru(cpu, folio);
        Err(ScanResult::PageCount)
    }
}

/// The old page stays locked until it has left the cache: no fault maps it. There may be more of them than lockdep has
/// room for.
pub(in crate::mm) fn keep_locked(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    k.folio(folio).lock.forget(cpu);
}

/// `filemap_nr_thps_inc`, then a full barrier, then a look whether somebody has opened the file for writing: whoever
/// does so looks in the other order, and drops the huge pages. `false`: somebody has.
pub(in crate::mm) fn nr_thps_inc(cpu: &Cpu<'_>, k: &Kernel, file: FileId) -> bool {
    let mapping = k.mapping(file);
    mapping.filemap_nr_thps_add(cpu, 1);
    let opened = mapping.inode_is_open_for_write(cpu);
    if opened {
        mapping.filemap_nr_thps_add(cpu, -1);
    }
    !opened
}

/// The same without the look.
pub(in crate::mm) fn nr_thps_inc_only(cpu: &Cpu<'_>, k: &Kernel, file: FileId) -> bool {
    k.mapping(file).filemap_nr_thps_add(cpu, 1);
    true
}

/// `try_to_unmap`, with the flush put off until all pages are unmapped.
pub(in crate::mm) fn unmap(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    let flags = TtuFlags { ignore_mlock: true, batch_flush: true, ..TtuFlags::default() };
    k.try_to_unmap(cpu, folio, flags);
}

/// Whether nobody but the page cache, the isolation and this collapse holds the page. A pin of GUP would go on to read
/// and write the old page.
pub(in crate::mm) fn count_is_three(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    k.folio(folio).refcount.read_once(cpu) == PIN_CACHE_ISOLATION
}
