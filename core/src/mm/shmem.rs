//! shmem: files that live in the page cache and nowhere else (kernel-semantics sections 10.6 and 11.2).

use super::filemap::Slot;
use super::folio::{Mapping, flags};
use super::kernel::Kernel;
use super::memory::{FaultResult, VmFault};
use super::place::{func, ip};
use super::types::{FileId, FolioId};
use super::userfaultfd::Reason;
use super::vma::VmFlags;
use crate::sync::{Cpu, What};

/// What `shmem_get_folio` makes of a hole (`enum sgp_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SgpType {
    /// SGP_NOALLOC: an error.
    Noalloc,
    /// SGP_CACHE: a page of zeroes.
    Cache,
    /// SGP_WRITE: a page that write() is going to fill; the file may end before it.
    Write,
    /// SGP_FALLOC: the same, but nobody fills it. One that was there before becomes a page of zeroes.
    Falloc,
}

impl SgpType {
    /// `sgp <= SGP_CACHE`: i_size counts.
    fn within_i_size(self) -> bool {
        matches!(self, SgpType::Noalloc | SgpType::Cache)
    }
}

/// What a page holds that nobody has cleared yet.
const STALE: u64 = 0x0005_7a1e;

impl Kernel {
    /// `shmem_fault`: the folio of the cache that holds page `index`, locked and with a reference. A hole gets a
    /// page of zeroes. While a hole is being punched there, the fault waits, without its lock.
    pub fn shmem_fault(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        file: FileId,
        index: u32,
    ) -> Result<FolioId, FaultResult> {
        let _f = cpu.enter(func::shmem_fault);
        if self.shmem_falloc_wait(cpu, vmf, file, index) {
            return Err(FaultResult::Retry);
        }
        self.shmem_get_folio_gfp(cpu, file, index, SgpType::Cache, Some(vmf))
    }

    /// `shmem_get_folio`: for somebody whom no userfaultfd hears of, and for whom nobody asked for huge pages.
    pub(super) fn shmem_get_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        sgp: SgpType,
    ) -> Result<FolioId, FaultResult> {
        self.shmem_get_folio_gfp(cpu, file, index, sgp, None)
    }

    /// `shmem_get_folio_gfp`: of a fault, a userfaultfd may have to be told: `Err(Retry)`, and the fault's lock is gone.
    /// Beyond i_size there is nothing: SIGBUS.
    ///
    /// A folio that is found needs no second look at i_size: a racing truncate takes its lock next, and unmaps it.
    fn shmem_get_folio_gfp(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        sgp: SgpType,
        vmf: Option<&VmFault>,
    ) -> Result<FolioId, FaultResult> {
        loop {
            if self.beyond_i_size(cpu, file, index, sgp) {
                return Err(FaultResult::Sigbus);
            }
            if let Some(vmf) = vmf
                && self.shmem_userfault_minor(cpu, file, index, vmf)
            {
                return Err(self.handle_userfault(cpu, vmf, Reason::Minor));
            }
            if let Slot::Value(swap) = self.mapping(file).slot(index) {
                match self.shmem_swapin_folio(cpu, file, index, swap)? {
                    Some(folio) => return Ok(folio),
                    None => continue,
                }
            }
            if let Some(folio) = self.filemap_get_folio(cpu, file, index) {
                // A collapse holds the locks of the huge page and of the pages before this one.
                self.folio(folio).lock.lock_nested(cpu);
                if self.folio(folio).read_mapping(cpu) != Mapping::File(file) {
                    self.unlock_and_put(cpu, folio);
                    continue;
                }
                if sgp != SgpType::Write {
                    (self.steps.fs.clear_fallocated)(cpu, self, folio);
                }
                return Ok(folio);
            }
            if sgp == SgpType::Noalloc {
                return Err(FaultResult::Sigbus);
            }
            if let Some(vmf) = vmf.filter(|vmf| (self.steps.uffd.shmem_missing)(self, vmf.vma)) {
                return Err(self.handle_userfault(cpu, vmf, Reason::Missing));
            }
            let vma_flags = vmf.map(|vmf| self.vma(vmf.vma).spec().flags);
            let huge = self.shmem_is_huge(file, index, false, vma_flags);
            let folio = match huge.then(|| self.shmem_add_hugefolio(cpu, file, index)).flatten() {
                Some(folio) => folio,
                None => {
                    let folio = self.folio_alloc(cpu, false).ok_or(FaultResult::Oom)?;
                    if !self.shmem_add_folio(cpu, file, index, folio)? {
                        // Another fault was faster: its folio is found the next time.
                        continue;
                    }
                    folio
                }
            };
            if vmf.is_none_or(|vmf| !self.vma(vmf.vma).spec().flags.has(VmFlags::UFFD_MISSING)) {
                let first = self.folio(folio).index();
                for index in first..first + self.folios.nr_pages(folio) {
                    cpu.note(What::HoleFilled { file: file.0, index });
                }
            }
            self.folio_add_lru(cpu, folio);
            (self.steps.fs.charge_folio)(cpu, self, file, i64::from(self.folios.nr_pages(folio)));
            if sgp.within_i_size() {
                self.clear_not_uptodate(cpu, folio);
            }
            // A truncate that came since may have scanned this index while it was still empty.
            if (self.steps.fs.i_size_recheck)(cpu, self, file, index, sgp) {
                self.filemap_remove_folio(cpu, file, folio);
                self.shmem_recalc_inode(cpu, file, 0);
                self.unlock_and_put(cpu, folio);
                return Err(FaultResult::Sigbus);
            }
            return Ok(folio);
        }
    }

    /// `shmem_alloc_hugefolio`, and into the cache with it. `None`: a small page must do, since some page of the range
    /// is there already, or memory is short.
    fn shmem_add_hugefolio(&self, cpu: &Cpu<'_>, file: FileId, index: u32) -> Option<FolioId> {
        let first = index / self.hpn * self.hpn;
        let slots = self.mapping(file).i_pages.get(first as usize..(first + self.hpn) as usize)?;
        if slots.iter().any(|slot| slot.peek() != 0) {
            return None;
        }
        let folio = self.folio_alloc(cpu, true)?;
        let added = self.shmem_add_folio(cpu, file, first, folio);
        added.is_ok_and(|added| added).then_some(folio)
    }

    /// A new folio, of zeroes some day, is locked and goes into the cache. If it does not, it is freed: `Ok(false)`,
    /// somebody was faster; `Err`, the cache may not grow.
    fn shmem_add_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        folio: FolioId,
    ) -> Result<bool, FaultResult> {
        self.folio(folio).lock.lock(cpu);
        self.folio(folio).flags.poke_bits(flags::SWAPBACKED, 0);
        self.folios.pfns(folio).for_each(|page| self.page(page).content.poke(STALE));
        let grows = self.page_cache_may_grow(cpu, folio);
        let added = grows && self.filemap_add_folio(cpu, file, index, folio);
        if !added {
            self.unlock_and_put(cpu, folio);
        }
        if grows { Ok(added) } else { Err(FaultResult::Oom) }
    }

    /// The locked folio is up to date: zeroes, if nobody has filled it yet. Nobody looks at it before.
    pub(super) fn clear_not_uptodate(&self, _: &Cpu<'_>, folio: FolioId) {
        if !self.folio(folio).has(flags::UPTODATE) {
            self.folios.pfns(folio).for_each(|page| self.page(page).content.poke(0));
            self.folio(folio).flags.poke_bits(flags::UPTODATE, 0);
        }
    }

    /// Beyond i_size, where that counts, and beyond what a page cache can hold.
    pub(super) fn beyond_i_size(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        sgp: SgpType,
    ) -> bool {
        let mapping = self.mapping(file);
        let most = mapping.i_pages.len() as u64;
        let size = if sgp.within_i_size() { mapping.i_size.read_once(cpu).min(most) } else { most };
        u64::from(index) >= size
    }

    pub(super) fn unlock_and_put(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio(folio).lock.unlock(cpu);
        self.folio_put(cpu, folio);
    }

    /// `folio_mark_dirty`, as shmem does it (`noop_dirty_folio`): a step only if the folio is clean.
    pub fn folio_mark_dirty(&self, cpu: &Cpu<'_>, folio: FolioId) {
        if !self.folio(folio).has(flags::DIRTY) {
            self.folio(folio).flags.change_bits(cpu, flags::DIRTY, 0);
        }
    }

    /// `shmem_setattr` of the size (`truncate()`), in pages, under i_rwsem. A file cannot outgrow its page cache.
    pub fn shmem_setattr(&self, cpu: &Cpu<'_>, file: FileId, new_size: u32) {
        let _f = cpu.enter(func::shmem_setattr);
        let mapping = self.mapping(file);
        let new_size = new_size.min(mapping.i_pages.len() as u32);
        (self.steps.fs.inode_lock)(cpu, self, file);
        let old_size = mapping.i_size.read_once(cpu) as u32;
        if new_size != old_size {
            mapping.i_size.write_once(cpu, u64::from(new_size));
        }
        if new_size <= old_size {
            if old_size > new_size {
                (self.steps.fs.truncate_unmap)(cpu, self, file, new_size);
            }
            cpu.pass(ip::truncate_unmapped);
            self.shmem_undo_range(cpu, file, (new_size, u32::MAX), false);
            cpu.pass(ip::truncate_removed);
            // Again, for the private copies that were made of pages that were still in the cache.
            if old_size > new_size {
                (self.steps.fs.truncate_unmap_again)(cpu, self, file, new_size);
            }
        }
        (self.steps.fs.inode_unlock)(cpu, self, file);
    }

    /// `shmem_recalc_inode`: the inode is charged for `alloced` pages more; and whatever it is charged for that has left
    /// the page cache since is given back.
    pub(super) fn shmem_recalc_inode(&self, cpu: &Cpu<'_>, file: FileId, alloced: i64) {
        self.shmem_recalc(cpu, file, alloced, 0);
    }

    /// The same when `swapped` pages more are in swap. A page that goes there is counted before it leaves the cache, so
    /// that nobody takes it for freed.
    pub(super) fn shmem_recalc(&self, cpu: &Cpu<'_>, file: FileId, alloced: i64, swapped: i64) {
        let mapping = self.mapping(file);
        if mapping.regular {
            return;
        }
        mapping.info_lock.lock(cpu);
        let charged = mapping.alloced.add_return(cpu, alloced);
        let in_swap = mapping.swapped.poke_add(swapped);
        let freed = charged - in_swap - mapping.nrpages.read_once(cpu) as i64 + swapped.max(0);
        if freed > 0 {
            mapping.alloced.add_return(cpu, -freed);
        }
        mapping.info_lock.unlock(cpu);
    }

    /// `shmem_charge`: a collapse is about to fill that many holes.
    pub(super) fn shmem_charge(&self, cpu: &Cpu<'_>, file: FileId, pages: i64) {
        let mapping = self.mapping(file);
        // First in nrpages: a racing shmem_recalc_inode() must not take them for freed.
        mapping.xa_lock.lock(cpu);
        mapping.nrpages.add_return(cpu, pages);
        mapping.xa_lock.unlock(cpu);
        self.shmem_recalc_inode(cpu, file, pages);
    }

    /// The collapse has failed: nrpages goes back, then `shmem_uncharge`.
    pub(super) fn shmem_uncharge(&self, cpu: &Cpu<'_>, file: FileId, pages: i64) {
        let mapping = self.mapping(file);
        mapping.xa_lock.lock(cpu);
        mapping.nrpages.add_return(cpu, -pages);
        mapping.xa_lock.unlock(cpu);
        self.shmem_recalc_inode(cpu, file, 0);
    }
}

/// A truncate may have come since i_size was looked at: then it has not seen the new folio, and the folio must go.
pub(super) fn truncated_since(
    cpu: &Cpu<'_>,
    k: &Kernel,
    file: FileId,
    index: u32,
    sgp: SgpType,
) -> bool {
    k.beyond_i_size(cpu, file, index, sgp)
}
