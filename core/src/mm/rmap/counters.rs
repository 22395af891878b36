//! `_mapcount`, `_entire_mapcount`, `_nr_pages_mapped`: changed under ptl or pml, but for the delayed rmap of zap.

use std::sync::atomic::Ordering;

use crate::mm::folio::{COMPOUND_MAPPED, Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::types::{AnonVmaId, FolioId, Pfn, Vaddr, VmaId};
use crate::sync::{Cpu, Splat};

/// How a page is mapped (`rmap_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RmapFlags {
    /// RMAP_EXCLUSIVE: no other mm can have the page.
    pub exclusive: bool,
    /// RMAP_COMPOUND: by a PMD entry.
    pub compound: bool,
}

impl Kernel {
    /// `page_add_file_rmap` of one page by a PTE.
    pub fn page_add_file_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn) {
        self.page_inc_mapcount(cpu, pfn);
    }

    /// `page_add_file_rmap(compound)`: one PMD maps the folio.
    pub fn folio_add_file_rmap_pmd(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio_inc_entire_mapcount(cpu, folio);
    }

    /// `page_add_anon_rmap`: one more entry maps an anonymous page, at `addr` of `vma`. The first one says where rmap
    /// finds it, and whether it is exclusive.
    pub fn page_add_anon_rmap(
        &self,
        cpu: &Cpu<'_>,
        pfn: Pfn,
        vma: VmaId,
        addr: Vaddr,
        how: RmapFlags,
    ) {
        let folio = self.folios.of(pfn);
        let first = if how.compound {
            self.folio_inc_entire_mapcount(cpu, folio)
        } else {
            self.page_inc_mapcount(cpu, pfn)
        };
        if first {
            self.__page_set_anon_rmap(cpu, folio, pfn, vma, addr, how.exclusive);
        } else {
            cpu.vm_bug_on(how.exclusive, "RMAP_EXCLUSIVE of a page that is mapped already");
            let exclusive = self.page(pfn).anon_exclusive.peek() != 0;
            cpu.vm_bug_on(exclusive, "an exclusive anonymous page is mapped once more");
            cpu.vm_bug_on(
                !self.folio(folio).is_anon(),
                "page_add_anon_rmap() of a page that is not anonymous",
            );
        }
    }

    /// `__page_set_anon_rmap`.
    fn __page_set_anon_rmap(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        pfn: Pfn,
        vma: VmaId,
        addr: Vaddr,
        exclusive: bool,
    ) {
        if !self.folio(folio).is_anon() {
            let own = self.anon_vma_of_mapping(cpu, vma);
            // Parents or children of the VMA's mm may map it too (it comes back from swap).
            let anon_vma =
                if exclusive { own } else { (self.steps.fork.shared_anon_vma)(self, own) };
            let index = self.vma(vma).spec().pgoff_of(addr) - (pfn.0 - folio.0);
            self.folio(folio).init_mapping(Mapping::Anon(anon_vma), index);
        }
        if exclusive {
            self.page(pfn).anon_exclusive.poke(1);
        }
    }

    /// `vma->anon_vma` of a VMA that must have one, because an anonymous page is about to be mapped in it.
    fn anon_vma_of_mapping(&self, cpu: &Cpu<'_>, vma: VmaId) -> AnonVmaId {
        let word = self.vma(vma).anon_vma.peek();
        cpu.vm_bug_on(word == 0, "an anonymous page is mapped in a VMA without an anon_vma");
        AnonVmaId(word.saturating_sub(1) as u8)
    }

    /// `folio_add_new_anon_rmap`: the folio is new, nobody else knows it yet. A huge one is mapped by a PMD.
    pub fn folio_add_new_anon_rmap(&self, cpu: &Cpu<'_>, folio: FolioId, vma: VmaId, addr: Vaddr) {
        let f = self.folio(folio);
        f.flags.poke_bits(flags::SWAPBACKED, 0);
        self.__page_set_anon_rmap(cpu, folio, self.folios.head(folio), vma, addr, true);
        if self.folios.is_large(folio) {
            cpu.debts.pay(f.entire_mapcount.obj(), 1);
            f.entire_mapcount.write_once(cpu, 0);
            f.nr_pages_mapped.poke(COMPOUND_MAPPED as u64);
        } else {
            let mapcount = &self.page(self.folios.head(folio)).mapcount;
            cpu.debts.pay(mapcount.obj(), 1);
            mapcount.write_once(cpu, 0);
        }
    }

    /// `page_move_anon_rmap`: the folio, locked and held by one mapping only, is that VMA's own from now on.
    pub fn page_move_anon_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn, vma: VmaId) {
        let folio = self.folio_of(pfn);
        cpu.assert_held(folio.lock.obj());
        let anon_vma = self.anon_vma_of_mapping(cpu, vma);
        if folio.peek_mapping() != Mapping::Anon(anon_vma) {
            folio.set_mapping(cpu, Mapping::Anon(anon_vma));
        }
        self.page(pfn).anon_exclusive.poke(1);
    }

    /// A PTE more. Returns whether it is the first one.
    fn page_inc_mapcount(&self, cpu: &Cpu<'_>, pfn: Pfn) -> bool {
        let folio = self.folios.of(pfn);
        let mapcount = &self.page(pfn).mapcount;
        self.assert_page_table_locked(cpu, mapcount.obj());
        cpu.debts.pay(mapcount.obj(), 1);
        let first = mapcount.add_return(cpu, 1) == 0;
        if first && self.folios.is_large(folio) {
            self.folio(folio).nr_pages_mapped.add_return(cpu, 1);
        }
        first
    }

    /// A PMD entry more. Returns whether it is the first one.
    fn folio_inc_entire_mapcount(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        let f = self.folio(folio);
        cpu.debts.pay(f.entire_mapcount.obj(), 1);
        let first = f.entire_mapcount.add_return(cpu, 1) == 0;
        if first {
            f.nr_pages_mapped.add_return(cpu, COMPOUND_MAPPED);
        }
        first
    }

    /// `page_remove_rmap` of one page by a PTE. (A huge anonymous folio that is mapped in part should be queued for
    /// a split; the model has no such queue.)
    pub fn page_remove_rmap(&self, cpu: &Cpu<'_>, pfn: Pfn) {
        if !self.folios.is_valid(pfn) {
            return;
        }
        let folio = self.folios.of(pfn);
        let mapcount = &self.page(pfn).mapcount;
        self.assert_page_table_locked(cpu, mapcount.obj());
        cpu.debts.pay(mapcount.obj(), -1);
        let left = mapcount.add_return(cpu, -1);
        if left < -1 {
            cpu.splat(Splat::Negative(mapcount.obj()));
        }
        if left == -1 && self.folios.is_large(folio) {
            self.folio(folio).nr_pages_mapped.add_return(cpu, -1);
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

    /// `folio_mapcount`, without a step.
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
