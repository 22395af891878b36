//! The invalidation range around steps 2 to 4, at its place and at others.

use crate::mm::kernel::Kernel;
use crate::sync::Cpu;

use super::Collapse;

/// Opens the range. May sleep: so it has to be done before ptl is taken.
pub fn start(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.mmu_notifier_invalidate_range_start(cpu, c.mm, c.haddr, k.hpn);
    c.notified = true;
}

/// Closes the range if it is open.
pub fn end(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if std::mem::take(&mut c.notified) {
        k.mmu_notifier_invalidate_range_end(cpu, c.mm, c.haddr, k.hpn);
    }
}
