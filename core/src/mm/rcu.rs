//! What waits for a grace period, and what is done with it then (kernel-semantics section 12.2).

use super::kernel::Kernel;
use super::place::func;
use super::types::{TableId, VmaId};
use crate::sync::Cpu;

/// An object with an `rcu_head`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RcuHead {
    /// A PTE table.
    Table(TableId),
    /// A VMA.
    Vma(VmaId),
}

/// The kind is in the upper half of a token, the index in the lower one.
const VMA: u32 = 1 << 16;

impl RcuHead {
    /// What `call_rcu` takes.
    pub(super) fn token(self) -> u32 {
        match self {
            RcuHead::Table(table) => u32::from(table.0),
            RcuHead::Vma(vma) => VMA | u32::from(vma.0),
        }
    }

    fn of(token: u32) -> RcuHead {
        if token & VMA != 0 {
            RcuHead::Vma(VmaId(token as u8))
        } else {
            RcuHead::Table(TableId(token as u16))
        }
    }
}

impl Kernel {
    /// The RCU softirq of this CPU: frees what waited for a grace period that has gone by.
    pub fn rcu_do_batch(&self, cpu: &Cpu<'_>) {
        if self.smp.callbacks_pending() == 0 {
            return;
        }
        let _f = cpu.enter(func::rcu_do_batch);
        while let Some(token) = cpu.rcu_ready() {
            match RcuHead::of(token) {
                RcuHead::Table(table) => self.pte_free_now(cpu, table),
                RcuHead::Vma(vma) => self.__vm_area_free(cpu, vma),
            }
        }
    }
}
