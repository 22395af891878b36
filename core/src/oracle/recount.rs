//! A recount: every counter of the kernel, counted afresh from the page tables and the caches.

use crate::mm::{
    FolioId, GupHeld, Kernel, MMS_MAX, MmId, Pmd, Pte, Rss, Slot, UNITS_MAX, Vaddr, swap_slots,
};

/// The counts.
#[derive(Debug, Default)]
pub struct Recount {
    /// By mm and rss counter.
    pub rss: [[i64; 4]; MMS_MAX],
    /// Tables by mm: linked, or deposited.
    pub nr_ptes: [i64; MMS_MAX],
    /// Deposited tables by mm.
    pub deposited: [i64; MMS_MAX],
    /// PMD entries by mm that a deposited table belongs to: huge ones of anonymous memory.
    pub depositors: [i64; MMS_MAX],
    /// PTEs that map each frame.
    pub ptes: Vec<u32>,
    /// PMD entries that map each folio.
    pub pmds: Vec<u32>,
    /// Reasons for references of each folio.
    pub refs: Vec<u32>,
    /// FOLL_PIN references of each large folio.
    pub pins: Vec<u32>,
    /// User mappings of all pages of each folio, as page_table_check counts them.
    pub user_maps: Vec<u32>,
    /// Swap entries by slot.
    pub swap: Vec<u32>,
    /// A migration entry that was met.
    pub migration: Option<(MmId, Vaddr)>,
}

impl Recount {
    /// Counts.
    pub fn count(&mut self, kernel: &Kernel) {
        self.clear(kernel);
        for mm in (0..MMS_MAX as u8).map(MmId) {
            for unit in 0..UNITS_MAX as u32 {
                let haddr = Vaddr(unit * kernel.hpn);
                let pmd = kernel.peek_pmd(mm, haddr);
                if pmd.is_trans_huge() || pmd.is_migration() {
                    self.count_huge(kernel, mm, haddr, pmd);
                } else if let Some(table) =
                    pmd.pgtable().filter(|&id| pmd.is_table() && kernel.tables.is_valid(id))
                {
                    self.nr_ptes[mm.idx()] += 1;
                    for (i, entry) in (0..).zip(kernel.tables.get(table).entries()) {
                        self.count_pte(kernel, mm, Vaddr(haddr.0 + i), Pte(entry.peek()));
                    }
                }
            }
            self.deposited[mm.idx()] = kernel.deposited(mm).count() as i64;
            self.nr_ptes[mm.idx()] += self.deposited[mm.idx()];
        }
        self.count_caches(kernel);
    }

    fn clear(&mut self, kernel: &Kernel) {
        let pages = kernel.folios.len();
        let folios = kernel.folios.len();
        self.rss = Default::default();
        self.nr_ptes = Default::default();
        self.deposited = Default::default();
        self.depositors = Default::default();
        self.migration = None;
        for (counts, len) in [
            (&mut self.ptes, pages),
            (&mut self.pmds, folios),
            (&mut self.refs, folios),
            (&mut self.pins, folios),
            (&mut self.user_maps, folios),
            (&mut self.swap, swap_slots(kernel.hpn) as usize),
        ] {
            counts.clear();
            counts.resize(len, 0);
        }
    }

    fn count_huge(&mut self, kernel: &Kernel, mm: MmId, haddr: Vaddr, pmd: Pmd) {
        if let Some(which) = kernel.rss_of_pmd(pmd).0 {
            self.rss[mm.idx()][which as usize] += i64::from(kernel.hpn);
            self.depositors[mm.idx()] += i64::from(which == Rss::Anon);
        }
        self.depositors[mm.idx()] += i64::from(kernel.is_huge_zero_pmd(pmd));
        if pmd.is_migration() {
            self.migration = Some((mm, haddr));
        }
        if let Some(folio) = kernel.pmd_folio(pmd) {
            self.pmds[folio.idx()] += 1;
            self.refs[folio.idx()] += 1;
            self.user_maps[folio.idx()] += if pmd.is_user_accessible() { kernel.hpn } else { 0 };
        }
    }

    fn count_pte(&mut self, kernel: &Kernel, mm: MmId, addr: Vaddr, pte: Pte) {
        if pte.is_none() {
            return;
        }
        if let Some(which) = kernel.rss_of(pte).0 {
            self.rss[mm.idx()][which as usize] += 1;
        }
        if let Some(slot) = pte.swap_slot() {
            self.swap[slot.idx()] += 1;
        }
        if pte.is_migration() {
            self.migration = Some((mm, addr));
        }
        if pte.is_present() && kernel.folios.is_valid(pte.pfn()) {
            let folio = kernel.folios.of(pte.pfn());
            self.user_maps[folio.idx()] += u32::from(pte.is_user_accessible());
            if !pte.is_special() {
                self.ptes[pte.pfn().0 as usize] += 1;
                self.refs[folio.idx()] += 1;
            }
        }
    }

    fn count_caches(&mut self, kernel: &Kernel) {
        for file in &kernel.files {
            for index in 0..file.i_pages.len() as u32 {
                match file.slot(index) {
                    Slot::Folio(FolioId(folio)) => self.refs[folio as usize] += 1,
                    Slot::Value(swap) => self.swap[swap.idx()] += 1,
                    Slot::Empty | Slot::Retry => {}
                }
            }
        }
        for held in kernel.gup_held.iter().flat_map(GupHeld::iter) {
            let (refs, pins) = kernel.gup_refs(held.pfn, held.flags);
            let folio = kernel.folios.of(held.pfn).idx();
            self.refs[folio] += refs as u32;
            self.pins[folio] += pins as u32;
        }
        for (id, _) in kernel.swap.touched() {
            if let Some(folio) = kernel.swap.cached(id) {
                self.refs[folio.idx()] += 1;
            }
        }
        if let Some(kept) = kernel.slots.kept_hpage.peek().checked_sub(1) {
            self.refs[kept as usize] += 1;
        }
        for folio in kernel.lru_batches.iter().flat_map(crate::mm::LruBatch::folios) {
            self.refs[folio.idx()] += 1;
        }
    }
}
