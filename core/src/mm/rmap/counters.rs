//! `_mapcount`, `_entire_mapcount`, `_nr_pages_mapped`: changed under ptl or pml, but for the delayed rmap of zap.

use std::sync::atomic::Ordering;

use crate::mm::folio::{COMPOUND_MAPPED, Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::types::{AnonVmaId, FolioId, Pfn, Vaddr};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// `page_add_file_rmap` of one page by a PTE.
    pub fn page_add_file_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn) {
        self.page_add_rmap(cpu, pfn);
    }

    /// `page_add_anon_rmap` of one page by a PTE.
    pub fn page_add_anon_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn, exclusive: bool) {
        let folio = self.folios.of(pfn);
        cpu.vm_bug_on(
            !self.folio(folio).is_anon(),
            "page_add_anon_rmap() of a page that is not anonymous",
        );
        self.page_add_rmap(cpu, pfn);
        if exclusive {
            self.folio(folio).flags.poke_bits(flags::ANON_EXCLUSIVE, 0);
        }
    }

    /// `folio_add_new_anon_rmap`: the folio is new, nobody else knows it yet.
    pub fn folio_add_new_anon_rmap(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        anon_vma: AnonVmaId,
        addr: Vaddr,
    ) {
        let f = self.folio(folio);
        f.flags.poke_bits(flags::SWAPBACKED | flags::ANON_EXCLUSIVE, 0);
        f.init_mapping(Mapping::Anon(anon_vma), addr.0);
        self.page_add_rmap(cpu, self.folios.head(folio));
    }

    fn page_add_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn) {
        let folio = self.folios.of(pfn);
        let mapcount = &self.page(pfn).mapcount;
        cpu.debts.pay(mapcount.obj(), 1);
        let first = mapcount.add_return(cpu, 1) == 0;
        if first && self.folios.is_large(folio) {
            self.folio(folio).nr_pages_mapped.add_return(cpu, 1);
        }
    }

    /// `page_remove_rmap` of one page by a PTE.
    pub fn page_remove_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn) {
        if !self.folios.is_valid(pfn) {
            return;
        }
        let folio = self.folios.of(pfn);
        let mapcount = &self.page(pfn).mapcount;
        cpu.debts.pay(mapcount.obj(), -1);
        let left = mapcount.add_return(cpu, -1);
        if left < -1 {
            cpu.splat(Splat::Negative(mapcount.obj()));
        }
        if left == -1 && self.folios.is_large(folio) {
            self.folio(folio).nr_pages_mapped.add_return(cpu, -1);
        }
    }

    /// `page_add_file_rmap(compound)`: one PMD maps the folio.
    pub fn folio_add_file_rmap_pmd(&self, cpu: &Cpu<'_>, folio: FolioId) {
        let f = self.folio(folio);
        cpu.debts.pay(f.entire_mapcount.obj(), 1);
        if f.entire_mapcount.add_return(cpu, 1) == 0 {
            f.nr_pages_mapped.add_return(cpu, COMPOUND_MAPPED);
        }
    }

    /// `page_remove_rmap(compound)`.
    pub fn folio_remove_rmap_pmd(&self, cpu: &Cpu<'_>, folio: FolioId) {
        let f = self.folio(folio);
        cpu.debts.pay(f.entire_mapcount.obj(), -1);
        let left = f.entire_mapcount.add_return(cpu, -1);
        if left < -1 {
            cpu.splat(Splat::Negative(f.entire_mapcount.obj()));
        }
        if left == -1 {
            f.nr_pages_mapped.add_return(cpu, -COMPOUND_MAPPED);
        }
    }

    /// `folio_mapcount`.
    pub fn folio_mapcount(&self, folio: FolioId) -> i64 {
        let pages: i64 =
            self.folios.pfns(folio).map(|pfn| self.page(pfn).mapcount.peek() as i64 + 1).sum();
        self.folio(folio).entire_mapcount.peek() as i64 + 1 + pages
    }

    /// How often the folio's slot was freed, as the caches remember it.
    pub fn generation(&self, folio: FolioId) -> u8 {
        self.folio(folio).generation.load(Ordering::SeqCst) as u8
    }
}
