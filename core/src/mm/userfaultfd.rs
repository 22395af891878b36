//! userfaultfd: a fault that somebody else is to resolve (kernel-semantics section 10.10).
//!
//! Nobody can resolve one yet, so it ends as with UFFD_FEATURE_SIGBUS.

use super::kernel::Kernel;
use super::memory::{FaultResult, VmFault};
use super::place::func;
use crate::sync::Cpu;

impl Kernel {
    /// `handle_userfault`: no page-table lock is held, the lock of the fault is, and stays held.
    pub fn handle_userfault(&self, cpu: &Cpu<'_>, _vmf: &VmFault) -> FaultResult {
        let _f = cpu.enter(func::handle_userfault);
        cpu.might_sleep();
        FaultResult::Sigbus
    }
}
