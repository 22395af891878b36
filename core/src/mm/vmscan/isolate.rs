//! How reclaim and migration come by a folio.

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::types::{FolioId, MmId, Pfn, Pmd, Pte, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// The page that an entry maps at `addr`, without a step.
    ///
    /// Reclaim and compaction find a folio on a list, or by its frame; a program names it by an address.
    fn page_at(&self, mm: MmId, addr: Vaddr) -> Option<Pfn> {
        let pmd = Pmd(self.pmdp(mm, addr).peek());
        let page = if pmd.is_trans_huge() {
            Pfn(pmd.pfn().0 + addr.0 % self.hpn)
        } else {
            let table =
                pmd.pgtable().filter(|&table| pmd.is_table() && self.tables.is_valid(table))?;
            let pte = Pte(self.tables.get(table).entry(addr.0).peek());
            if !pte.is_present() || pte.is_special() {
                return None;
            }
            pte.pfn()
        };
        self.folios.is_valid(page).then_some(page)
    }

    /// The folio that is mapped at `addr`, with a reference.
    ///
    /// It may be freed, and be another one, between the look and the grab: so it is looked at again.
    pub(in crate::mm) fn get_folio_at(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
    ) -> Option<FolioId> {
        let page = self.page_at(mm, addr)?;
        let folio = self.try_get_folio(cpu, page)?;
        if self.page_at(mm, addr) == Some(page) {
            return Some(folio);
        }
        self.folio_put(cpu, folio);
        None
    }

    /// The memory behind the page that is mapped at `addr` breaks.
    pub fn poison_page_at(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) {
        let Some(folio) = self.get_folio_at(cpu, mm, addr) else { return };
        if let Some(page) = self.page_at(mm, addr).filter(|&page| self.folios.of(page) == folio) {
            self.poison_page(cpu, page);
        }
        self.folio_put(cpu, folio);
    }

    /// `isolate_lru_folios` of the one that is mapped at `addr`: off the LRU, with a reference that is the isolation's.
    /// `None`: there is none, or somebody else was faster.
    pub(in crate::mm) fn isolate_folio_at(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
    ) -> Option<FolioId> {
        let folio = self.get_folio_at(cpu, mm, addr)?;
        if self.folio(folio).flags.change_bits(cpu, 0, flags::LRU) & flags::LRU != 0 {
            return Some(folio);
        }
        self.folio_put(cpu, folio);
        None
    }

    /// `move_folios_to_lru`: an isolated folio goes back to the LRU, if anybody still wants it.
    pub(super) fn move_folio_to_lru(&self, cpu: &Cpu<'_>, folio: FolioId) {
        self.folio(folio).flags.change_bits(cpu, flags::LRU, 0);
        self.folio_put(cpu, folio);
    }
}
