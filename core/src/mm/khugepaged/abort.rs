//! The abort of step 2: ptl is held, and entries may have been cleared already.

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::sync::Cpu;

use super::Collapse;

/// Corrects the accounting of what was cleared; the entries stay cleared and are faulted in again.
///
/// The flush comes before the references go: no `pmdp_collapse_flush` will follow.
pub fn abort(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let _f = cpu.enter(func::collapse_abort);
    cpu.pass(ip::abort);
    let s = &k.steps;
    if c.nr_ptes > 0 {
        (s.abort_flush)(cpu, k, c);
        (s.abort_ref_sub)(cpu, k, c);
        cpu.pass(ip::abort_put);
        (s.abort_counter_sub)(cpu, k, c);
    }
    if c.start_pte.take().is_some() {
        (s.abort_unlock)(cpu, k, c);
        k.pte_unmap(cpu);
    } else {
        // There was no table; pml was taken before the look.
        c.release(cpu, k);
    }
    (s.abort_notify_end)(cpu, k, c);
}

/// `flush_tlb_mm`.
pub fn flush(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.flush_tlb_mm(cpu, c.mm);
}

/// Drops ptl.
pub fn unlock(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    c.release(cpu, k);
}
