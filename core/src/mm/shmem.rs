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

/// What the last pass of a truncation did to an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undone {
    /// The folio has left the cache.
    Gone,
    /// It had left before.
    NotOurs,
    /// It was split: its pieces are next.
    Split,
    /// It could not be split, and stays for its first pages; the others are zero.
    Kept,
}

/// v6.6: whatever is found is removed as a whole. But a collapse may have stored a huge page there since the partial
/// folio was dealt with, and then the pages in front of the new end of the file go too.
pub(super) fn undo_whole(
    cpu: &Cpu<'_>,
    k: &Kernel,
    file: FileId,
    folio: FolioId,
    _: u32,
) -> Undone {
    if k.truncate_inode_folio(cpu, file, folio) { Undone::Gone } else { Undone::NotOurs }
}

/// The fix: a huge page is split, and only what lies behind the end goes.
pub(super) fn undo_split(
    cpu: &Cpu<'_>,
    k: &Kernel,
    file: FileId,
    folio: FolioId,
    lstart: u32,
) -> Undone {
    if !k.folios.is_large(folio) || k.folio(folio).read_mapping(cpu) != Mapping::File(file) {
        return undo_whole(cpu, k, file, folio, lstart);
    }
    k.folio_mark_dirty(cpu, folio);
    match k.truncate_inode_partial_folio(cpu, file, folio, lstart) {
        false => Undone::Kept,
        true if k.folios.is_large(folio) => Undone::Gone,
        true => Undone::Split,
    }
}

/// What `shmem_get_folio` makes of a hole (`enum sgp_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mm) enum SgpType {
    /// SGP_NOALLOC: an error.
    Noalloc,
    /// SGP_CACHE: a page of zeroes.
    Cache,
}

/// `PAGEVEC_SIZE`: folios that one look at the cache gathers.
const BATCH: usize = 15;

impl Kernel {
    /// `shmem_fault`: the folio of the cache that holds page `index`, locked and with a reference. A hole gets a
    /// page of zeroes.
    pub fn shmem_fault(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        vmf: &VmFault,
    ) -> Result<FolioId, FaultResult> {
        let _f = cpu.enter(func::shmem_fault);
        self.shmem_get_folio_gfp(cpu, file, index, SgpType::Cache, Some(vmf))
    }

    /// `shmem_get_folio`: for somebody whom no userfaultfd hears of.
    pub(super) fn shmem_get_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        sgp: SgpType,
    ) -> Result<FolioId, FaultResult> {
        self.shmem_get_folio_gfp(cpu, file, index, sgp, None)
    }

    /// `shmem_get_folio_gfp`: of a fault, a userfaultfd may have to be told: `Err(Retry)`, and the fault's lock is gone. Beyond i_size there is nothing: SIGBUS.
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
            if self.beyond_i_size(cpu, file, index) {
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
                if self.folio(folio).read_mapping(cpu) == Mapping::File(file) {
                    return Ok(folio);
                }
                self.unlock_and_put(cpu, folio);
                continue;
            }
            if sgp == SgpType::Noalloc {
                return Err(FaultResult::Sigbus);
            }
            if let Some(vmf) = vmf.filter(|vmf| (self.steps.uffd.shmem_missing)(self, vmf.vma)) {
                return Err(self.handle_userfault(cpu, vmf, Reason::Missing));
            }
            let folio = self.folio_alloc(cpu, false).ok_or(FaultResult::Oom)?;
            self.folio(folio).lock.lock(cpu);
            self.shmem_init_folio(folio);
            if !self.filemap_add_folio(cpu, file, index, folio) {
                // Another fault was faster: its folio is found the next time.
                self.unlock_and_put(cpu, folio);
                continue;
            }
            if vmf.is_none_or(|vmf| !self.vma(vmf.vma).spec().flags.has(VmFlags::UFFD_MISSING)) {
                cpu.note(What::HoleFilled { file: file.0, index });
            }
            self.folio_add_lru(cpu, folio);
            self.shmem_recalc_inode(cpu, file, 1);
            // A truncate that came since may have scanned this index while it was still empty.
            if self.beyond_i_size(cpu, file, index) {
                self.filemap_remove_folio(cpu, file, folio);
                self.shmem_recalc_inode(cpu, file, 0);
                self.unlock_and_put(cpu, folio);
                return Err(FaultResult::Sigbus);
            }
            return Ok(folio);
        }
    }

    pub(super) fn beyond_i_size(&self, cpu: &Cpu<'_>, file: FileId, index: u32) -> bool {
        let mapping = self.mapping(file);
        u64::from(index) >= mapping.i_size.read_once(cpu).min(mapping.i_pages.len() as u64)
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
        mapping.i_rwsem.down_write(cpu);
        let old_size = mapping.i_size.read_once(cpu) as u32;
        if new_size != old_size {
            mapping.i_size.write_once(cpu, u64::from(new_size));
        }
        if new_size <= old_size {
            if old_size > new_size {
                self.unmap_mapping_range(cpu, file, new_size, true);
            }
            cpu.pass(ip::truncate_unmapped);
            self.shmem_undo_range(cpu, file, new_size);
            cpu.pass(ip::truncate_removed);
            // Again, for the private copies that were made of pages that were still in the cache.
            if old_size > new_size {
                self.unmap_mapping_range(cpu, file, new_size, true);
            }
        }
        mapping.i_rwsem.up_write(cpu);
    }

    /// `shmem_undo_range` from page `lstart` to the end of the file: nothing of it stays in the cache.
    fn shmem_undo_range(&self, cpu: &Cpu<'_>, file: FileId, lstart: u32) {
        let _f = cpu.enter(func::shmem_undo_range);
        let (mut index, mut swaps_freed) = (lstart, 0);
        loop {
            cpu.pass(ip::undo_scan);
            let mut batch = [(0, Slot::Empty); BATCH];
            let found = self.find_lock_entries(cpu, file, &mut index, lstart, &mut batch);
            for &(at, slot) in &batch[..found] {
                match slot {
                    Slot::Folio(folio) => {
                        self.truncate_inode_folio(cpu, file, folio);
                        self.folio(folio).lock.unlock(cpu);
                    }
                    Slot::Value(swap) => {
                        swaps_freed += i64::from(self.shmem_free_swap(cpu, file, at, swap));
                    }
                    Slot::Empty | Slot::Retry => {}
                }
            }
            self.put_entries(cpu, &batch[..found]);
            if found == 0 {
                break;
            }
        }
        let start = self.undo_partial(cpu, file, lstart);
        swaps_freed += self.undo_rest(cpu, file, lstart, start);
        self.shmem_recalc(cpu, file, 0, -swaps_freed);
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

    /// (b) of the semantics: the folio around `lstart`. Returns where the rest begins.
    ///
    /// A folio that cannot be split stays as a whole, for its pages below `lstart`; the others become zeroes.
    fn undo_partial(&self, cpu: &Cpu<'_>, file: FileId, lstart: u32) -> u32 {
        let Some(folio) = self.shmem_get_partial_folio(cpu, file, lstart) else { return lstart };
        self.folio_mark_dirty(cpu, folio);
        let gone = self.truncate_inode_partial_folio(cpu, file, folio, lstart);
        let next = self.folio(folio).index() + self.folios.nr_pages(folio);
        self.unlock_and_put(cpu, folio);
        if gone { lstart } else { next }
    }

    /// (c): whatever is left, or comes back, from `start` on. Waits for locks, and goes round until all is gone. Returns
    /// how many pages went that were in swap.
    fn undo_rest(&self, cpu: &Cpu<'_>, file: FileId, lstart: u32, start: u32) -> i64 {
        let (mut start, mut index, mut swaps_freed) = (start, start, 0);
        loop {
            cpu.pass(ip::undo_scan);
            let mut batch = [(0, Slot::Empty); BATCH];
            let from = index;
            let found = self.find_get_entries(cpu, file, &mut index, &mut batch);
            if found == 0 && from == start {
                return swaps_freed;
            }
            if found == 0 {
                index = start;
            }
            for (n, &(at, slot)) in batch[..found].iter().enumerate() {
                cpu.pass(ip::undo_entry);
                if let Slot::Value(swap) = slot {
                    if !self.shmem_free_swap(cpu, file, at, swap) {
                        // It has become a page: look again.
                        index = at;
                        self.put_entries(cpu, &batch[n..found]);
                        break;
                    }
                    swaps_freed += 1;
                }
                let Slot::Folio(folio) = slot else { continue };
                self.folio(folio).lock.lock(cpu);
                let undone = (self.steps.undo_entry)(cpu, self, file, folio, lstart);
                let next = self.folio(folio).index() + self.folios.nr_pages(folio);
                self.folio(folio).lock.unlock(cpu);
                if undone == Undone::Kept {
                    start = start.max(next);
                }
                if matches!(undone, Undone::NotOurs | Undone::Split) {
                    // Somebody else has removed it, and something else may be there: look again from here on. Or it is in
                    // pieces now, which are looked at one by one.
                    index = if undone == Undone::Split { start } else { at };
                    self.put_entries(cpu, &batch[n..found]);
                    break;
                }
                self.folio_put(cpu, folio);
            }
        }
    }
}
