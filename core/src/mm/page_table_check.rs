//! page_table_check: a second book of who maps a page, kept by the entry-update primitives alone
//! (kernel-semantics section 8).

use super::class::Class;
use super::folio::Folio;
use super::kernel::Kernel;
use super::pgtable::TableState;
use super::types::{FolioId, Pfn, Pmd, Pte, TableId};
use crate::sync::{Cpu, Splat, Word};

impl Kernel {
    /// `page_table_check_clear`: `pages` user mappings, from `pfn` on, are gone.
    fn page_table_check_clear(&self, cpu: &Cpu<'_>, pfn: Pfn, pages: u32) {
        self.ptc_count(cpu, pfn, pages, -1, false);
    }

    /// `page_table_check_set`: `pages` user mappings, from `pfn` on, are new.
    fn page_table_check_set(&self, cpu: &Cpu<'_>, pfn: Pfn, pages: u32, write: bool) {
        self.ptc_count(cpu, pfn, pages, 1, write);
    }

    fn ptc_count(&self, cpu: &Cpu<'_>, pfn: Pfn, pages: u32, delta: i64, write: bool) {
        if !self.config.page_table_check || !self.folios.is_valid(pfn) {
            return;
        }
        let folio = self.folios.of(pfn);
        cpu.debts.pay(Class::Ptc.obj(folio.0), delta * i64::from(pages));
        for pfn in (pfn.0..pfn.0 + pages).map(Pfn) {
            let page = self.page(pfn);
            let anon = self.folio(folio).is_anon();
            let (count, other): (&Word, &Word) = if anon {
                (&page.ptc_anon, &page.ptc_file)
            } else {
                (&page.ptc_file, &page.ptc_anon)
            };
            if other.peek() != 0 {
                let what = "a page is mapped as anonymous and as a page of a file";
                self.page_table_check_bug(cpu, pfn, 2, what);
            }
            // The checker's counters are atomics of their own, but nobody decides anything by them: one
            // action with the store of the entry, so that a schedule does not grow by the checker's steps.
            let now = count.poke_add(delta);
            if now < 0 {
                let what = "a mapping was cleared that was never set";
                self.page_table_check_bug(cpu, pfn, 1, what);
            }
            if anon && now > 1 && write {
                let what = "an anonymous page is mapped twice and writable";
                self.page_table_check_bug(cpu, pfn, 2, what);
            }
        }
    }

    /// A `BUG_ON` of the checker about a page, which is right if the page tables have at least `maps` user mappings of it:
    /// what the checker says is judged apart from what is so.
    #[cold]
    fn page_table_check_bug(&self, cpu: &Cpu<'_>, pfn: Pfn, maps: usize, what: &'static str) {
        cpu.splat(if self.peek_user_maps(pfn) >= maps {
            Splat::PageTableCheck(what)
        } else {
            Splat::CheckerFalseAlarm(what)
        });
    }

    /// The entries that map the page for a user, counted afresh and without a step: huge ones, and those of every table
    /// that is not free, also one that a split is still filling.
    fn peek_user_maps(&self, pfn: Pfn) -> usize {
        let huge =
            self.mms.iter().flat_map(|mm| &mm.pmds).map(|pmd| Pmd(pmd.peek())).filter(|pmd| {
                let range = pmd.pfn().0..pmd.pfn().0 + self.hpn;
                pmd.is_user_accessible() && range.contains(&pfn.0)
            });
        let tables = self.tables.touched().filter(|table| table.state() != TableState::Free);
        let entries = tables.flat_map(|table| table.entries()).map(|entry| Pte(entry.peek()));
        let small = entries.filter(|pte| pte.is_user_accessible() && pte.pfn() == pfn);
        huge.count() + small.count()
    }

    /// `page_table_check_zero`: a folio that is allocated or freed is not mapped.
    pub(super) fn page_table_check_zero(&self, cpu: &Cpu<'_>, id: FolioId) {
        if !self.config.page_table_check {
            return;
        }
        for pfn in self.folios.pfns(id) {
            let page = self.page(pfn);
            if page.ptc_anon.peek() != 0 || page.ptc_file.peek() != 0 {
                let what = "a page is free while the checker counts mappings of it";
                self.page_table_check_bug(cpu, pfn, 1, what);
            }
        }
    }

    /// The hook of `ptep_clear` and its relatives: `old` was found in the entry.
    pub(super) fn page_table_check_pte_clear(&self, cpu: &Cpu<'_>, old: Pte) {
        if old.is_user_accessible() {
            self.page_table_check_clear(cpu, old.pfn(), 1);
        }
    }

    /// The hook of `set_pte_at`: `new` overwrites `old`.
    pub(super) fn page_table_check_pte_set(&self, cpu: &Cpu<'_>, old: Pte, new: Pte) {
        self.page_table_check_pte_clear(cpu, old);
        if new.is_user_accessible() {
            self.page_table_check_set(cpu, new.pfn(), 1, new.is_write());
        }
    }

    /// The hook of `pmdp_huge_get_and_clear`: a value that is not a leaf, or not for the hardware, counts nothing.
    fn page_table_check_pmd_clear(&self, cpu: &Cpu<'_>, old: Pmd) {
        if old.is_user_accessible() {
            self.page_table_check_clear(cpu, old.pfn(), self.hpn);
        }
    }

    /// The hook of `set_pmd_at`.
    pub(super) fn page_table_check_pmd_set(&self, cpu: &Cpu<'_>, old: Pmd, new: Pmd) {
        self.page_table_check_pmd_clear(cpu, old);
        if new.is_user_accessible() {
            self.page_table_check_set(cpu, new.pfn(), self.hpn, new.is_write());
        }
    }

    /// `page_table_check_pte_clear_range`: does the books of all entries of a detached table.
    pub(super) fn page_table_check_pte_clear_range(&self, cpu: &Cpu<'_>, table: TableId) {
        for i in 0..self.hpn {
            self.page_table_check_pte_clear(cpu, Pte(self.tables.get(table).entry(i).peek()));
        }
    }

    /// The user mappings that the checker counts, of all pages of a folio.
    pub fn ptc_of(&self, id: FolioId) -> i64 {
        let count =
            |pfn| self.page(pfn).ptc_anon.peek() as i64 + self.page(pfn).ptc_file.peek() as i64;
        self.folios.pfns(id).map(count).sum()
    }

    /// The folio behind a frame.
    pub fn folio_of(&self, pfn: Pfn) -> &Folio {
        self.folio(self.folios.of(pfn))
    }
}
