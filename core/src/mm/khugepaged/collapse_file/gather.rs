//! Stage 3: each page of the range is locked, isolated and unmapped, and then has three references and no more.

use super::run::CollapseFile;
use crate::mm::filemap::Slot;
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::ip;
use crate::mm::rmap::TtuFlags;
use crate::mm::shmem::SgpType;
use crate::mm::types::FolioId;
use crate::sync::Cpu;

/// Our pin, the page cache's reference, and the isolation's: whoever wants the page now must ask the page cache, and
/// then wait for its lock.
const PIN_CACHE_ISOLATION: u64 = 3;

impl Kernel {
    /// The loop over the range. xa_lock is held, and is dropped when it ends.
    pub(super) fn gather_pages(&self, cpu: &Cpu<'_>, c: &mut CollapseFile) -> ScanResult {
        for index in c.start..c.end {
            let folio = match self.lock_page_at(cpu, c, index) {
                Ok(Some(folio)) => folio,
                Ok(None) => {
                    c.nr_none += 1;
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
            self.folio(folio).lock.forget(cpu);
            c.pagelist.push(folio);
        }
        self.mapping(c.file).xa_lock.unlock(cpu);
        ScanResult::Succeed
    }

    /// The page at an index, locked and with a reference, and xa_lock dropped. `None`: a hole, and xa_lock is held
    /// still. It is dropped too where the answer is a reason to give up.
    fn lock_page_at(
        &self,
        cpu: &Cpu<'_>,
        c: &CollapseFile,
        index: u32,
    ) -> Result<Option<FolioId>, ScanResult> {
        let mapping = self.mapping(c.file);
        let slot = mapping.load_slot(cpu, index);
        if let Slot::Value(_) = slot {
            mapping.xa_lock.unlock(cpu);
            return self.lock_page_again(cpu, c, index).map(Some);
        }
        let Slot::Folio(folio) = slot else {
            let empty = index == c.start && (index..c.end).all(|i| mapping.slot(i) == Slot::Empty);
            if !empty {
                return Ok(None);
            }
            // Truncated, or punched, and completely empty by now.
            mapping.xa_lock.unlock(cpu);
            return Err(ScanResult::Truncated);
        };
        if !self.folio(folio).has(flags::UPTODATE) {
            mapping.xa_lock.unlock(cpu);
            return self.lock_page_again(cpu, c, index).map(Some);
        }
        // Only a trylock: the locks of the folios before it are held.
        let locked = self.folio(folio).lock.trylock(cpu);
        if locked {
            self.folio_get(cpu, folio);
        }
        mapping.xa_lock.unlock(cpu);
        if locked { Ok(Some(folio)) } else { Err(ScanResult::PageLock) }
    }

    /// Swaps the page in, or makes one of what fallocate has left.
    fn lock_page_again(
        &self,
        cpu: &Cpu<'_>,
        c: &CollapseFile,
        index: u32,
    ) -> Result<FolioId, ScanResult> {
        cpu.pass(ip::cf2);
        let folio = self
            .shmem_get_folio(cpu, c.file, index, SgpType::Noalloc)
            .map_err(|_| ScanResult::Fail)?;
        // Helps the isolation: it may still wait in this CPU's batch.
        self.lru_add_drain(cpu);
        Ok(folio)
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
        if !self.folio_isolate_lru(cpu, folio) {
            return Err(ScanResult::DelPageLru);
        }
        if self.folio_mapped(folio) {
            (self.steps.cf_unmap)(cpu, self, folio);
        }
        cpu.pass(ip::cf4);
        self.mapping(c.file).xa_lock.lock(cpu);
        if (self.steps.cf_check_count)(cpu, self, folio) {
            return Ok(());
        }
        self.mapping(c.file).xa_lock.unlock(cpu);
        self.folio_putback_lru(cpu, folio);
        Err(ScanResult::PageCount)
    }
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
