//! mmu_gather: pages and tables that were unmapped wait here until no CPU can reach them any longer
//! (kernel-semantics section 6.4).

use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{FolioId, MmId, Pfn, TableId, Vaddr};
use crate::sync::Cpu;

/// Pages of a batch, as many as a small table has twice: a full batch is not rare.
const BATCH: usize = 16;
/// Of those, for so many there is room without an allocation.
const BUNDLE: usize = 8;
/// Tables of a batch.
const TABLES: usize = 8;

/// A gather in flight. It owns the references that the cleared entries had.
#[derive(Debug)]
pub struct MmuGather {
    /// Whose entries are cleared.
    pub mm: MmId,
    start: u32,
    end: u32,
    /// Tables are freed after the next flush.
    freed_tables: bool,
    pages: [FolioId; BATCH],
    nr_pages: usize,
    /// Pages whose rmap is removed after the flush only: a CPU may still write through a stale entry.
    delayed: [Pfn; BATCH],
    nr_delayed: usize,
    tables: [TableId; TABLES],
    nr_tables: usize,
}

impl MmuGather {
    /// Whether an rmap waits for a flush.
    pub fn has_delayed_rmap(&self) -> bool {
        self.nr_delayed != 0
    }
}

impl Kernel {
    /// `tlb_gather_mmu`.
    pub fn tlb_gather_mmu(&self, cpu: &Cpu<'_>, mm: MmId) -> MmuGather {
        self.mm(mm).tlb_flush_pending.add_return(cpu, 1);
        MmuGather {
            mm,
            start: u32::MAX,
            end: 0,
            freed_tables: false,
            pages: [FolioId(0); BATCH],
            nr_pages: 0,
            delayed: [Pfn(0); BATCH],
            nr_delayed: 0,
            tables: [TableId(0); TABLES],
            nr_tables: 0,
        }
    }

    /// `tlb_remove_tlb_entry`: an entry of the range was cleared.
    pub fn tlb_remove_tlb_entry(&self, tlb: &mut MmuGather, addr: Vaddr, pages: u32) {
        tlb.start = tlb.start.min(addr.0);
        tlb.end = tlb.end.max(addr.0 + pages);
    }

    /// `__tlb_remove_page`: hands a reference over, and the rmap too if `delayed` names the page.
    /// `true`: the batch is full, or there is no memory for another one, and the caller must flush.
    pub fn tlb_remove_page(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        folio: FolioId,
        delayed: Option<Pfn>,
    ) -> bool {
        tlb.pages[tlb.nr_pages] = folio;
        tlb.nr_pages += 1;
        if let Some(pfn) = delayed {
            tlb.delayed[tlb.nr_delayed] = pfn;
            tlb.nr_delayed += 1;
        }
        // tlb_next_batch()
        tlb.nr_pages == BATCH || tlb.nr_pages == BUNDLE && self.should_fail_alloc(cpu)
    }

    /// `pte_free_tlb`: hands a table over. A full batch is flushed at once.
    pub fn pte_free_tlb(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, table: TableId, haddr: Vaddr) {
        self.tlb_remove_tlb_entry(tlb, haddr, self.hpn);
        tlb.freed_tables = true;
        // tlb_remove_table(): the batch needs a page, and there is none to be waited for.
        if self.config.rcu_table_free && tlb.nr_tables == 0 && self.should_fail_alloc(cpu) {
            (self.steps.pt_reclaim.remove_table_one)(cpu, self, tlb, table);
            return;
        }
        tlb.tables[tlb.nr_tables] = table;
        tlb.nr_tables += 1;
        if tlb.nr_tables == TABLES {
            self.tlb_flush_mmu(cpu, tlb);
        }
    }

    /// `tlb_flush_mmu_tlbonly`.
    pub fn tlb_flush_mmu_tlbonly(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather) {
        if tlb.start < tlb.end {
            let range = (Vaddr(tlb.start), tlb.end - tlb.start);
            self.flush_tlb_mm_range(cpu, tlb.mm, range, tlb.freed_tables);
            (tlb.start, tlb.end) = (u32::MAX, 0);
            tlb.freed_tables = false;
        }
    }

    /// `tlb_flush_rmaps`: after the flush, and before ptl is dropped.
    pub fn tlb_flush_rmaps(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather) {
        for &pfn in &tlb.delayed[..tlb.nr_delayed] {
            self.page_remove_rmap(cpu, pfn);
        }
        tlb.nr_delayed = 0;
    }

    /// `tlb_flush_mmu`: flushes, then frees tables and pages. Without CONFIG_MMU_GATHER_RCU_TABLE_FREE a table is freed as
    /// a page is: whoever walks with interrupts off has held the flush up.
    pub fn tlb_flush_mmu(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather) {
        (self.steps.zap.gather_flush)(cpu, self, tlb);
        for &table in &tlb.tables[..tlb.nr_tables] {
            if self.config.rcu_table_free {
                self.pte_free_defer(cpu, table);
            } else {
                self.pte_free_now(cpu, table);
            }
        }
        tlb.nr_tables = 0;
        for &folio in &tlb.pages[..tlb.nr_pages] {
            // free_pages_and_swap_cache()
            self.free_swap_cache(cpu, folio);
            self.folio_put(cpu, folio);
        }
        tlb.nr_pages = 0;
    }

    /// `tlb_finish_mmu`. With another gather on the same mm, whatever that one cleared must be flushed too.
    pub fn tlb_finish_mmu(&self, cpu: &Cpu<'_>, mut tlb: MmuGather) {
        let _f = cpu.enter(func::tlb_finish_mmu);
        if (self.steps.zap.is_nested)(self.mm(tlb.mm).tlb_flush_pending.read_once(cpu)) {
            (tlb.start, tlb.end, tlb.freed_tables) = (0, u32::MAX, true);
        }
        self.tlb_flush_mmu(cpu, &mut tlb);
        self.mm(tlb.mm).tlb_flush_pending.add_return(cpu, -1);
    }
}
