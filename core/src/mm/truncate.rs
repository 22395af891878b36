//! What truncation needs of the page cache, and of whoever maps it (kernel-semantics section 11.2).

use super::filemap::Slot;
use super::folio::{Mapping, flags};
use super::kernel::Kernel;
use super::memory::ZapDetails;
use super::place::{func, ip};
use super::shmem_undo::{BATCH, Undone};
use super::types::{FileId, FolioId, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `unmap_mapping_range`: zaps the pages of the file from `first` on, wherever they are mapped.
    pub fn unmap_mapping_range(&self, cpu: &Cpu<'_>, file: FileId, first: u32, even_cows: bool) {
        self.unmap_mapping_pages(cpu, file, (first, u32::MAX), even_cows);
    }

    /// `unmap_mapping_pages`: the same for the pages `[first, end)`.
    pub fn unmap_mapping_pages(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        (first, end): (u32, u32),
        even_cows: bool,
    ) {
        let _f = cpu.enter(func::unmap_mapping_range);
        let details = ZapDetails::of(even_cows, None);
        self.unmap_mapping_range_tree(cpu, file, first, end, details);
    }

    /// `unmap_mapping_folio`: zaps the locked folio, wherever it is mapped. Private copies of it stay.
    pub fn unmap_mapping_folio(&self, cpu: &Cpu<'_>, file: FileId, folio: FolioId) {
        let _f = cpu.enter(func::unmap_mapping_folio);
        cpu.assert_held(self.folio(folio).lock.obj());
        let first = self.folio(folio).index();
        let details = ZapDetails { drop_marker: true, ..ZapDetails::of(false, Some(folio)) };
        self.unmap_mapping_range_tree(
            cpu,
            file,
            first,
            first + self.folios.nr_pages(folio),
            details,
        );
    }

    /// `unmap_mapping_range_tree` for the pages `[first, end)`, VMA by VMA, with i_mmap_rwsem held for read: no
    /// mmap_lock keeps the page tables, only that no VMA of the tree has freed its own yet.
    fn unmap_mapping_range_tree(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        first: u32,
        end: u32,
        details: ZapDetails,
    ) {
        let i_mmap_rwsem = &self.mapping(file).i_mmap_rwsem;
        i_mmap_rwsem.down_read(cpu);
        for vma in self.i_mmap_vmas(cpu, file) {
            let spec = self.vma(vma).spec();
            let vma_end = spec.pgoff + (spec.end.0 - spec.start.0);
            let (from, to) = (first.max(spec.pgoff), end.min(vma_end));
            if from < to {
                let start = Vaddr(spec.start.0 + from - spec.pgoff);
                self.zap_page_range_single(cpu, vma, start, to - from, details);
                self.vma_assert_alive(cpu, vma);
            }
        }
        i_mmap_rwsem.up_read(cpu);
    }

    /// `truncate_inode_folio`: the locked folio is unmapped and leaves the cache. `false`: it had left before.
    pub fn truncate_inode_folio(&self, cpu: &Cpu<'_>, file: FileId, folio: FolioId) -> bool {
        let _f = cpu.enter(func::truncate_inode_folio);
        if !(self.steps.fs.truncate_recheck)(cpu, self, file, folio) {
            return false;
        }
        if self.folio_mapped(folio) {
            (self.steps.fs.truncate_unmap_folio)(cpu, self, file, folio);
        }
        self.folio(folio).flags.poke_bits(0, flags::DIRTY);
        self.free_blocks_of(file, folio);
        self.filemap_remove_folio(cpu, file, folio);
        true
    }

    /// `truncate_inode_partial_folio`: the pages of the locked folio that lie in `[start, end)` become zeroes, and it is
    /// split, so that they can go one by one. `false`: it could not be split, and stays.
    ///
    /// A folio that lies inside as a whole goes as a whole; so does one that could not be split and is clean.
    pub(super) fn truncate_inode_partial_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        folio: FolioId,
        (start, end): (u32, u32),
    ) -> bool {
        let _f = cpu.enter(func::truncate_inode_partial_folio);
        let (first, next) = self.folio_range(folio);
        if start <= first && next <= end {
            return self.truncate_inode_folio(cpu, file, folio);
        }
        (self.steps.fs.partial_zero)(cpu, self, folio, (start, end));
        if !self.folios.is_large(folio) || self.split_folio(cpu, folio) {
            return true;
        }
        if self.folio(folio).has(flags::DIRTY) {
            return false;
        }
        self.truncate_inode_folio(cpu, file, folio);
        true
    }

    /// The index of the folio's first page, and `folio_next_index`.
    pub(super) fn folio_range(&self, folio: FolioId) -> (u32, u32) {
        let first = self.folio(folio).index();
        (first, first + self.folios.nr_pages(folio))
    }

    /// `truncate_inode_pages_range` of a regular file: nothing of `[lstart, lend)` stays in the cache, dirty or not.
    pub(super) fn truncate_inode_pages_range(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        (lstart, lend): (u32, u32),
    ) {
        let _f = cpu.enter(func::truncate_inode_pages_range);
        let mut index = lstart;
        loop {
            cpu.pass(ip::undo_scan);
            let mut batch = [(0, Slot::Empty); BATCH];
            let found = self.find_lock_entries(cpu, file, &mut index, (lstart, lend), &mut batch);
            for folio in folios(&batch[..found]) {
                self.truncate_inode_folio(cpu, file, folio);
                self.folio(folio).lock.unlock(cpu);
            }
            self.put_entries(cpu, &batch[..found]);
            if found == 0 {
                break;
            }
        }
        cpu.pass(ip::undo_partial);
        let (mut start, end) = self.truncate_partial(cpu, file, (lstart, lend));
        let mut index = start;
        while index < end {
            cpu.pass(ip::undo_scan);
            let mut batch = [(0, Slot::Empty); BATCH];
            let from = index;
            let found = self.find_get_entries(cpu, file, &mut index, end, &mut batch);
            if found == 0 {
                if from == start {
                    break;
                }
                // To make sure that all is gone.
                index = start;
            }
            for folio in folios(&batch[..found]) {
                cpu.pass(ip::undo_entry);
                self.folio(folio).lock.lock(cpu);
                let undone = (self.steps.undo_entry)(cpu, self, file, folio, (lstart, lend));
                if undone == Undone::Kept {
                    start = start.max(self.folio_range(folio).1);
                }
                self.folio(folio).lock.unlock(cpu);
            }
            self.put_entries(cpu, &batch[..found]);
        }
    }

    /// The folios across the two ends. Returns the range that is left.
    fn truncate_partial(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        (lstart, lend): (u32, u32),
    ) -> (u32, u32) {
        let (mut start, mut end) = (lstart, lend);
        let mut same_folio = lstart + 1 == lend;
        if let Some(folio) = self.find_lock_page(cpu, file, lstart) {
            let (first, next) = self.folio_range(folio);
            same_folio = lend <= next;
            if !self.truncate_inode_partial_folio(cpu, file, folio, (lstart, lend)) {
                start = next;
                if same_folio {
                    end = first;
                }
            }
            self.unlock_and_put(cpu, folio);
        }
        if !same_folio
            && lend != u32::MAX
            && let Some(folio) = self.find_lock_page(cpu, file, lend - 1)
        {
            let (first, _) = self.folio_range(folio);
            if !self.truncate_inode_partial_folio(cpu, file, folio, (lstart, lend)) {
                end = first;
            }
            self.unlock_and_put(cpu, folio);
        }
        (start, end)
    }

    /// `shmem_get_partial_folio`: the folio that holds page `index`, locked and with a reference.
    pub(super) fn shmem_get_partial_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
    ) -> Option<FolioId> {
        let folio = self.filemap_get_folio(cpu, file, index)?;
        self.folio(folio).lock.lock(cpu);
        if self.folio(folio).read_mapping(cpu) == Mapping::File(file) {
            return Some(folio);
        }
        self.folio(folio).lock.unlock(cpu);
        self.folio_put(cpu, folio);
        None
    }

    /// Puts the references that were gathered.
    pub(super) fn put_entries(&self, cpu: &Cpu<'_>, batch: &[(u32, Slot)]) {
        for &(_, slot) in batch {
            if let Slot::Folio(folio) = slot {
                self.folio_put(cpu, folio);
            }
        }
    }

    /// `find_lock_entries`: folios that lie wholly in `[start, end)` and can be locked at once, from `*index` on, each
    /// locked and with a reference, and swap values, with their indices. Returns how many; `*index` is behind the last
    /// one that was looked at.
    pub(super) fn find_lock_entries(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: &mut u32,
        (start, end): (u32, u32),
        batch: &mut [(u32, Slot)],
    ) -> usize {
        let mut found = 0;
        while found < batch.len() {
            let Some((at, slot)) = self.find_get_entry(cpu, file, index, end) else { break };
            let Slot::Folio(folio) = slot else {
                batch[found] = (at, slot);
                found += 1;
                continue;
            };
            let (first, next) = self.folio_range(folio);
            if first < start || next > end || !self.folio(folio).lock.trylock(cpu) {
                self.folio_put(cpu, folio);
                continue;
            }
            if self.folio(folio).read_mapping(cpu) != Mapping::File(file) {
                self.folio(folio).lock.unlock(cpu);
                self.folio_put(cpu, folio);
                continue;
            }
            batch[found] = (at, slot);
            found += 1;
        }
        found
    }

    /// `find_get_entries`: the folios from `*index` to `end`, with a reference each, and the swap values, and where they
    /// are.
    pub(super) fn find_get_entries(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: &mut u32,
        end: u32,
        batch: &mut [(u32, Slot)],
    ) -> usize {
        let mut found = 0;
        while found < batch.len() {
            let Some(entry) = self.find_get_entry(cpu, file, index, end) else { break };
            batch[found] = entry;
            found += 1;
        }
        found
    }

    /// `find_get_entry`: the next folio at or behind `*index`, with a reference, or swap value, and where it was found.
    /// `*index` is then behind it.
    ///
    /// Empty slots cost no step: the xarray's walk does not visit them.
    fn find_get_entry(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: &mut u32,
        end: u32,
    ) -> Option<(u32, Slot)> {
        let mapping = self.mapping(file);
        while *index < end.min(mapping.i_pages.len() as u32) {
            let at = *index;
            *index += 1;
            match mapping.slot(at) {
                Slot::Empty => continue,
                Slot::Value(_) => {
                    if let slot @ Slot::Value(_) = mapping.load_slot(cpu, at) {
                        return Some((at, slot));
                    }
                }
                Slot::Folio(_) | Slot::Retry => {}
            }
            match self.filemap_get_folio(cpu, file, at) {
                Some(folio) => {
                    *index = self.folio_range(folio).1.max(at + 1);
                    return Some((at, Slot::Folio(folio)));
                }
                // Reclaim may have put a swap value in its place: that is found in this look, not missed.
                None => *index = at,
            }
        }
        None
    }
}

fn folios(batch: &[(u32, Slot)]) -> impl Iterator<Item = FolioId> + '_ {
    batch.iter().filter_map(|&(_, slot)| match slot {
        Slot::Folio(folio) => Some(folio),
        _ => None,
    })
}

/// Under the folio lock: whether it is in the file still. Who was faster has removed it, or moved it to swap.
pub(super) fn still_in_file(cpu: &Cpu<'_>, k: &Kernel, file: FileId, folio: FolioId) -> bool {
    k.folio(folio).read_mapping(cpu) == Mapping::File(file)
}

/// The pages of the locked folio that lie in the range become zeroes: it may turn out that it must stay.
pub(super) fn zero_range(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId, (start, end): (u32, u32)) {
    for (index, page) in (k.folio(folio).index()..).zip(k.folios.pfns(folio)) {
        if (start..end).contains(&index) {
            k.page(page).content.write_once(cpu, 0);
        }
    }
}
