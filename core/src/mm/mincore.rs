//! mincore(): which pages an access would find in memory (kernel-semantics section 13.4).

use super::folio::flags;
use super::kernel::Kernel;
use super::pagewalk::Walked;
use super::place::func;
use super::types::{FolioId, MmId, Pte, SwapId, Vaddr, VmaId};
use crate::sync::{Cpu, What};

impl Kernel {
    /// `mincore`: one byte for each page from `start` on, 1 if it is in memory. Takes mmap_lock for read.
    ///
    /// `false` (ENOMEM): a page is not mapped; the bytes from there on are left alone.
    pub fn mincore(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, vec: &mut [u8]) -> bool {
        let _f = cpu.enter(func::mincore_pte_range);
        let end = Vaddr(start.0 + vec.len() as u32);
        let mut addr = start;
        let mut mapped = true;
        self.mmap_read_lock(cpu, mm);
        while addr < end {
            let Some(vma) = self.vma_lookup(cpu, mm, addr) else {
                mapped = false;
                break;
            };
            let next = self.vma(vma).spec().end.min(end);
            self.walk_page_range(cpu, mm, addr, next, |addr, end, walked| {
                let part = (addr.0 - start.0) as usize..(end.0 - start.0) as usize;
                self.mincore_pte_range(cpu, vma, addr, walked, &mut vec[part]);
            });
            addr = next;
        }
        self.mmap_read_unlock(cpu, mm);
        mapped
    }

    /// `mincore_pte_range` and `mincore_unmapped_range`.
    fn mincore_pte_range(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        walked: Walked,
        vec: &mut [u8],
    ) {
        for (addr, byte) in (addr.0..).map(Vaddr).zip(vec) {
            let present = match walked {
                Walked::Hole => self.mincore_unmapped(cpu, vma, addr),
                Walked::Huge(_) => true,
                Walked::Table(pte) => {
                    let entry = self.ptep_get(cpu, pte, addr);
                    self.mincore_pte(cpu, vma, addr, entry)
                }
            };
            *byte = u8::from(present);
        }
    }

    fn mincore_pte(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr, entry: Pte) -> bool {
        // pte_none_mostly().
        if entry.is_none() || entry.is_marker() {
            return self.mincore_unmapped(cpu, vma, addr);
        }
        // Migration entries and poisoned pages are always up to date.
        entry.swap_slot().is_none_or(|slot| self.mincore_swap(cpu, slot))
    }

    /// `__mincore_unmapped_range`: the page cache knows; anonymous memory has nothing.
    fn mincore_unmapped(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr) -> bool {
        let spec = self.vma(vma).spec();
        let Some(file) = spec.file else { return false };
        let index = spec.pgoff_of(addr);
        let found = self.filemap_get_folio(cpu, file, index);
        if found.is_some_and(|folio| !self.folio(folio).has(flags::UPTODATE)) {
            cpu.note(What::NotUptodate { file: file.0, index });
        }
        self.mincore_page(cpu, found)
    }

    /// `mincore_page` of the swap cache.
    fn mincore_swap(&self, cpu: &Cpu<'_>, slot: SwapId) -> bool {
        let found = self.swap_cache_get_folio(cpu, slot);
        self.mincore_page(cpu, found)
    }

    /// The end of `mincore_page`: puts the folio.
    fn mincore_page(&self, cpu: &Cpu<'_>, folio: Option<FolioId>) -> bool {
        folio.is_some_and(|folio| {
            let uptodate = self.folio(folio).has(flags::UPTODATE);
            self.folio_put(cpu, folio);
            uptodate
        })
    }
}
