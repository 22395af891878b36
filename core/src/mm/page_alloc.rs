//! The gate of all allocations: whether there is memory (kernel-semantics section 20.2, `fail_alloc(n)`).
//!
//! Whatever allocates (a folio, a page table, a VMA, an anon_vma or a link of one, a node of an xarray, a swap slot, a
//! batch of a gather) and whatever is charged to a cgroup asks here first. So an operation can be run again and again,
//! and each time the next of its allocations fails.

use std::sync::atomic::{AtomicU64, Ordering};

use super::kernel::Kernel;
use super::place::ip;
use super::types::FolioId;
use crate::sync::Cpu;

/// The allocations of a CPU that are to fail.
#[derive(Debug, Default)]
pub struct FailAlloc {
    /// Bit n: the n-th next one.
    fails: AtomicU64,
}

impl FailAlloc {
    pub(in crate::mm) fn reset(&mut self) {
        *self.fails.get_mut() = 0;
    }
}

impl Kernel {
    /// `should_failslab`, `should_fail_alloc_page`: asked once for each allocation and each charge. `true`: there is no
    /// memory, and the caller takes the path of the kernel for that. Not a step: no other CPU knows of it.
    #[inline]
    pub fn should_fail_alloc(&self, cpu: &Cpu<'_>) -> bool {
        let fails = &self.fail_alloc[usize::from(cpu.id())].fails;
        match fails.load(Ordering::Relaxed) {
            0 => false,
            pending => {
                fails.store(pending >> 1, Ordering::Relaxed);
                if pending & 1 == 1 {
                    cpu.pass(ip::nomem);
                }
                pending & 1 == 1
            }
        }
    }

    /// `mem_cgroup_charge` of a new folio. `false`: the cgroup is at its limit, and the caller puts the folio.
    pub fn mem_cgroup_charge(&self, cpu: &Cpu<'_>, _: FolioId) -> bool {
        !self.should_fail_alloc(cpu)
    }

    /// The `nth` next allocation of this CPU fails, and those that were asked to before.
    pub fn set_fail_alloc(&self, cpu: &Cpu<'_>, nth: u32) {
        let fails = &self.fail_alloc[usize::from(cpu.id())].fails;
        fails.fetch_or(1 << nth.min(63), Ordering::Relaxed);
    }
}
