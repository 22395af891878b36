//! How step 4 unlinks the table and flushes what was cached of it.

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::TableState;
use crate::mm::types::{MmId, Pmd, Vaddr};
use crate::sync::Cpu;

use super::{Collapse, free};

/// `pmdp_collapse_flush`, with both locks held: the flush is over before anybody can install anything here.
pub fn collapse_flush(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    cpu.assert_held(k.lock_obj(k.pmd_lockptr(c.mm)));
    if let Some(ptl) = c.ptl {
        cpu.assert_held(k.lock_obj(ptl));
    }
    c.pgt_pmd = k.pmdp_collapse_flush(cpu, c.mm, c.haddr);
    k.pmdp_get_lockless_sync(cpu);
}

/// The same without the flush, which is left for later.
pub fn unlink_only(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    c.pgt_pmd = k.pmdp_unlink(cpu, c.mm, c.haddr, TableState::Detached);
}

/// The flush, after the locks were dropped.
pub fn flush_late(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.flush_tlb_range(cpu, c.mm, c.haddr, k.hpn);
}

/// Leaves the table linked.
pub fn leave_linked(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    c.pgt_pmd = k.pmdp_get_lockless(cpu, c.mm, c.haddr);
}

/// The flush inside `pmdp_collapse_flush`.
pub fn flush(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) {
    k.flush_tlb_range(cpu, mm, haddr, k.hpn);
}

/// The same where MADV_DONTNEED frees tables: the locks were dropped since step 2, and the table may be gone. If so, what
/// was cleared is flushed, and nothing is left to be freed.
pub fn collapse_flush_if_same(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let now = k.pmdp_get_lockless(cpu, c.mm, c.haddr);
    if now == c.pgt_pmd {
        collapse_flush(cpu, k, c);
    } else {
        k.flush_tlb_mm(cpu, c.mm);
        c.pgt_pmd = Pmd::NONE;
    }
}

/// What follows in step 4, if there was a table: uncounting it, the checker's books, freeing it.
pub fn if_unlinked<const WHAT: usize>(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if c.pgt_pmd.is_table() {
        [free::dec_nr_ptes, free::ptc_clear_range, free::free_defer][WHAT](cpu, k, c);
    }
}
