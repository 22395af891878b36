//! What a collapse has done so far, which its result must agree with.
//!
//! The promises: where a CPU has unlinked a table nobody installs PTEs while it holds the huge page, and MADV_COLLAPSE
//! says that a range is huge only if it was, at some instant of the call.

use crate::mm::{Kernel, MmId, UNITS_MAX, Vaddr};
use crate::sync::CPUS_MAX;

/// What each CPU's collapse has done.
#[derive(Debug, Default)]
pub(super) struct Collapses {
    /// The huge PMD that a CPU installed last: mm and first page.
    installed: [Option<(u8, u32)>; CPUS_MAX],
    /// The range whose table a CPU has unlinked while it holds the huge page's lock.
    unlinked: [Option<(u8, u32)>; CPUS_MAX],
    /// The call of MADV_COLLAPSE that a CPU is in, and the units that had a huge PMD meanwhile.
    calls: [Option<(u8, u64)>; CPUS_MAX],
}

impl Collapses {
    pub(super) fn reset(&mut self) {
        *self = Collapses::default();
    }

    pub(super) fn has_installed(&self, cpu: u8, mm: u8, haddr: u32) -> bool {
        self.installed[usize::from(cpu)] == Some((mm, haddr))
    }

    pub(super) fn has_unlinked(&self, cpu: u8, mm: u8, haddr: u32) -> bool {
        self.unlinked[usize::from(cpu)] == Some((mm, haddr))
    }

    /// The CPU that has unlinked the table of this huge range.
    pub(super) fn unlinked_by(&self, mm: u8, haddr: u32) -> Option<u8> {
        let range = Some((mm, haddr));
        self.unlinked.iter().position(|&unlinked| unlinked == range).map(|cpu| cpu as u8)
    }

    /// The units of the mm that had a huge PMD during the call that the CPU is in, as bits.
    pub(super) fn huge_units(&self, cpu: u8, mm: u8) -> u64 {
        self.calls[usize::from(cpu)].map_or(0, |(of, units)| if of == mm { units } else { 0 })
    }

    /// A huge PMD was installed.
    pub(super) fn install(&mut self, cpu: u8, mm: u8, haddr: u32, unit: u32) {
        self.installed[usize::from(cpu)] = Some((mm, haddr));
        for (_, units) in self.calls.iter_mut().flatten().filter(|(of, _)| *of == mm) {
            *units |= 1 << unit;
        }
    }

    /// A table was unlinked, or (`None`) whoever did so does not keep PTEs out any longer.
    pub(super) fn set_unlinked(&mut self, cpu: u8, range: Option<(u8, u32)>) {
        self.unlinked[usize::from(cpu)] = range;
    }

    /// MADV_COLLAPSE begins.
    pub(super) fn begin_call(&mut self, kernel: &Kernel, cpu: u8, mm: u8) {
        let is_huge =
            |unit: &u32| kernel.peek_pmd(MmId(mm), Vaddr(unit * kernel.hpn)).is_trans_huge();
        let units = (0..UNITS_MAX as u32).filter(is_huge).fold(0, |all, unit| all | 1 << unit);
        self.calls[usize::from(cpu)] = Some((mm, units));
    }

    /// MADV_COLLAPSE returns.
    pub(super) fn end_call(&mut self, cpu: u8) {
        self.calls[usize::from(cpu)] = None;
    }

    /// A collapse of one range is over.
    pub(super) fn end_range(&mut self, cpu: u8) {
        self.unlinked[usize::from(cpu)] = None;
        self.installed[usize::from(cpu)] = None;
    }
}
