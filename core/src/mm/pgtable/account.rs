//! What the counters owe for an entry that comes or goes (kernel-semantics section 18.1, Q1 to Q9).
//!
//! The primitives that change entries call this; kernel code never does.

use crate::mm::class::Class;
use crate::mm::kernel::Kernel;
use crate::mm::types::{FolioId, MmId, Pfn, Pmd, Pte, Rss, Vaddr};
use crate::sync::{Cpu, What};

/// Which rss counter an entry is counted by, if any (Q1 to Q3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RssDebt(pub Option<Rss>);

impl Kernel {
    /// What the counters owe for a transition of an entry of a linked table.
    pub(super) fn entry_changed(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, old: Pte, new: Pte) {
        let lost = old.is_user_accessible()
            && (!new.is_user_accessible() || old.is_write() && !new.is_write());
        let downgrade = || cpu.note(What::Downgrade { mm: mm.0, start: addr.0, pages: 1 });
        let establish = || {
            cpu.note(What::Establish { mm: mm.0, start: addr.0, pfn: new.pfn().0, pages: 1 });
        };
        let same_page = old.is_present() && new.is_present() && old.pfn() == new.pfn();
        if same_page && old.is_user_accessible() == new.is_user_accessible() {
            if lost {
                downgrade();
            } else if new.is_write() && !old.is_write() {
                establish();
            }
            return;
        }
        self.owe_for(cpu, mm, old, -1);
        self.owe_for(cpu, mm, new, 1);
        if lost || old.is_user_accessible() && !same_page {
            downgrade();
        }
        if new.is_present() {
            establish();
        }
    }

    /// Owes each counter its share of an entry that came (`1`) or went (`-1`).
    fn owe_for(&self, cpu: &Cpu<'_>, mm: MmId, entry: Pte, delta: i64) {
        if entry.is_none() {
            return;
        }
        if let RssDebt(Some(which)) = self.rss_of(entry) {
            cpu.debts.owe(self.mm(mm).rss_obj(which), delta);
        }
        if let Some(slot) = entry.swap_slot() {
            cpu.debts.owe(Class::SwapCount.obj(u32::from(slot.0)), delta);
        }
        if entry.is_present() && self.folios.is_valid(entry.pfn()) {
            let folio = self.folios.of(entry.pfn());
            if !entry.is_special() {
                cpu.debts.owe(Class::Mapcount.obj(entry.pfn().0), delta);
                cpu.debts.owe(Class::Refcount.obj(folio.0), delta);
            }
            if self.config.page_table_check && entry.is_user_accessible() {
                cpu.debts.owe(Class::Ptc.obj(folio.0), delta);
            }
        }
    }

    /// Which rss counter counts the entry. The zero page and markers count nowhere, a migration entry as its page.
    pub fn rss_of(&self, entry: Pte) -> RssDebt {
        let which = if entry.swap_slot().is_some() {
            Some(Rss::Swap)
        } else if (entry.is_present() && !entry.is_special()) || entry.is_migration() {
            self.rss_of_page(entry.pfn())
        } else {
            None
        };
        RssDebt(which)
    }

    fn rss_of_page(&self, pfn: Pfn) -> Option<Rss> {
        self.folios.is_valid(pfn).then(|| self.mm_counter(self.folios.of(pfn)))
    }

    /// What the counters owe for a transition of a PMD entry between leaves and `None`. What a table that comes or goes
    /// holds is not looked at.
    pub(super) fn pmd_changed(&self, cpu: &Cpu<'_>, mm: MmId, haddr: Vaddr, old: Pmd, new: Pmd) {
        let lost = old.is_user_accessible()
            && !(new.is_user_accessible()
                && old.pfn() == new.pfn()
                && old.is_write() <= new.is_write());
        let same_page = old.is_trans_huge() && new.is_trans_huge() && old.pfn() == new.pfn();
        let establish = || {
            let pages = self.hpn;
            cpu.note(What::Establish { mm: mm.0, start: haddr.0, pfn: new.pfn().0, pages });
        };
        if same_page && old.is_user_accessible() == new.is_user_accessible() {
            if lost {
                cpu.note(What::Downgrade { mm: mm.0, start: haddr.0, pages: self.hpn });
            } else if new.is_write() && !old.is_write() {
                establish();
            }
            return;
        }
        self.owe_for_pmd(cpu, mm, old, -1);
        self.owe_for_pmd(cpu, mm, new, 1);
        if lost {
            cpu.note(What::Downgrade { mm: mm.0, start: haddr.0, pages: self.hpn });
        }
        if new.is_trans_huge() && !same_page {
            establish();
        }
    }

    fn owe_for_pmd(&self, cpu: &Cpu<'_>, mm: MmId, entry: Pmd, delta: i64) {
        let pages = i64::from(self.hpn) * delta;
        if let RssDebt(Some(which)) = self.rss_of_pmd(entry) {
            cpu.debts.owe(self.mm(mm).rss_obj(which), pages);
        }
        if let Some(folio) = self.pmd_folio(entry) {
            cpu.debts.owe(Class::EntireMapcount.obj(folio.0), delta);
            cpu.debts.owe(Class::Refcount.obj(folio.0), delta);
        }
        let checked = self.config.page_table_check && entry.is_user_accessible();
        if checked && self.folios.is_valid(entry.pfn()) {
            cpu.debts.owe(Class::Ptc.obj(self.folios.of(entry.pfn()).0), pages);
        }
    }

    /// Which rss counter counts the entry HPN times. A migration entry counts as its page, the huge zero page nowhere.
    pub fn rss_of_pmd(&self, entry: Pmd) -> RssDebt {
        let huge = entry.is_trans_huge() && !self.is_huge_zero_pmd(entry);
        let leaf = huge || entry.is_migration();
        RssDebt(if leaf { self.rss_of_page(entry.pfn()) } else { None })
    }

    /// The folio that a huge entry maps, whether the hardware may use it or not. `None` of anything else, and of the
    /// huge zero page, which is not counted.
    pub fn pmd_folio(&self, entry: Pmd) -> Option<FolioId> {
        let huge = entry.is_trans_huge() && !self.is_huge_zero_pmd(entry);
        (huge && self.folios.is_valid(entry.pfn())).then(|| self.folios.of(entry.pfn()))
    }
}
