//! What truncation needs of the page cache, and of whoever maps it (kernel-semantics section 11.2).

use super::filemap::Slot;
use super::folio::{Mapping, flags};
use super::kernel::Kernel;
use super::memory::ZapDetails;
use super::place::func;
use super::types::{FileId, FolioId, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `unmap_mapping_range`: zaps the pages of the file from `first` on, wherever they are mapped.
    pub fn unmap_mapping_range(&self, cpu: &Cpu<'_>, file: FileId, first: u32, even_cows: bool) {
        let _f = cpu.enter(func::unmap_mapping_range);
        self.unmap_mapping_range_tree(cpu, file, first, u32::MAX, ZapDetails::of(even_cows, None));
    }

    /// `unmap_mapping_folio`: zaps the locked folio, wherever it is mapped. Private copies of it stay.
    pub fn unmap_mapping_folio(&self, cpu: &Cpu<'_>, file: FileId, folio: FolioId) {
        let _f = cpu.enter(func::unmap_mapping_folio);
        cpu.assert_held(self.folio(folio).lock.obj());
        let first = self.folio(folio).index();
        let details = ZapDetails::of(false, Some(folio));
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
        if self.folio(folio).read_mapping(cpu) != Mapping::File(file) {
            return false;
        }
        if self.folio_mapped(folio) {
            self.unmap_mapping_folio(cpu, file, folio);
        }
        self.folio(folio).flags.poke_bits(0, flags::DIRTY);
        self.filemap_remove_folio(cpu, file, folio);
        true
    }

    /// `truncate_inode_partial_folio`: the pages of the locked folio from `lstart` on go, or the folio is
    /// split so that they can. `false`: neither could be done, and they are zeroed.
    pub(super) fn truncate_inode_partial_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        folio: FolioId,
        lstart: u32,
    ) -> bool {
        let kept = lstart.saturating_sub(self.folio(folio).index());
        if kept == 0 {
            return self.truncate_inode_folio(cpu, file, folio);
        }
        for page in self.folios.pfns(folio).skip(kept as usize) {
            self.page(page).content.write_once(cpu, 0);
        }
        if !self.folios.is_large(folio) || self.split_folio(cpu, folio) {
            return true;
        }
        if self.folio(folio).has(flags::DIRTY) {
            return false;
        }
        self.truncate_inode_folio(cpu, file, folio)
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

    /// `find_lock_entries`: folios that lie wholly behind `lstart` and can be locked at once, from `*index` on, each
    /// locked and with a reference, and swap values, with their indices. Returns how many; `*index` is behind the last
    /// one that was looked at.
    pub(super) fn find_lock_entries(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: &mut u32,
        lstart: u32,
        batch: &mut [(u32, Slot)],
    ) -> usize {
        let mut found = 0;
        while found < batch.len() {
            let Some((at, slot)) = self.find_get_entry(cpu, file, index) else { break };
            let Slot::Folio(folio) = slot else {
                batch[found] = (at, slot);
                found += 1;
                continue;
            };
            if self.folio(folio).index() < lstart || !self.folio(folio).lock.trylock(cpu) {
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

    /// `find_get_entries`: the folios from `*index` on, with a reference each, and the swap values, and where they are.
    pub(super) fn find_get_entries(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: &mut u32,
        batch: &mut [(u32, Slot)],
    ) -> usize {
        let mut found = 0;
        while found < batch.len() {
            let Some(entry) = self.find_get_entry(cpu, file, index) else { break };
            batch[found] = entry;
            found += 1;
        }
        found
    }

    /// `find_get_entry`: the next folio at or behind `*index`, with a reference, or swap value, and where it is (a folio
    /// by its last page). `*index` is then behind it.
    ///
    /// Empty slots cost no step: the xarray's walk does not visit them.
    fn find_get_entry(&self, cpu: &Cpu<'_>, file: FileId, index: &mut u32) -> Option<(u32, Slot)> {
        let mapping = self.mapping(file);
        while (*index as usize) < mapping.i_pages.len() {
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
            let Some(folio) = self.filemap_get_folio(cpu, file, at) else { continue };
            *index = (at + 1).max(self.folio(folio).index() + self.folios.nr_pages(folio));
            return Some((*index - 1, Slot::Folio(folio)));
        }
        None
    }
}
