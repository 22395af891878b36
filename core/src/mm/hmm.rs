//! A device that mirrors part of an mm, in the manner of HMM's drivers: it maps what a walk has found, unless its interval
//! was invalidated meanwhile (kernel-semantics section 7.2).

use super::gup::FollFlags;
use super::kernel::Kernel;
use super::memory::Signal;
use super::mmu_notifier::{Interval, Shadow};
use super::place::{func, ip};
use super::types::{MmId, Vaddr};
use crate::sync::Cpu;

/// How often the driver tries. HMM_RANGE_DEFAULT_TIMEOUT bounds real ones.
const ATTEMPTS: u32 = 4;

impl Kernel {
    /// A fault of the device (`dmirror_fault`) of an mm that has an interval tree: mirrors the page at `addr`. The first one
    /// subscribes to the huge unit around it. `Ok(false)`: not its unit, or an invalidation was in the way of every attempt.
    ///
    /// # Errors
    /// What a user access would get.
    pub fn hmm_fault(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        write: bool,
    ) -> Result<bool, Signal> {
        let _f = cpu.enter(func::hmm_range_fault);
        let itree = &self.mm(mm).notifier.itree;
        let (start, end) = (self.haddr(addr), Vaddr(self.haddr(addr).0 + self.hpn));
        self.mmu_interval_notifier_insert(cpu, mm, start, end);
        for _ in 0..ATTEMPTS {
            if itree.interval() == Interval::Gone || itree.bounds() != (start, end) {
                return Ok(false);
            }
            let seq = self.mmu_interval_read_begin(cpu, mm);
            let page = self.get_user_page(cpu, mm, addr, FollFlags::MAPPING.writing(write))?;
            cpu.pass(ip::kvm1);
            itree.device_lock.lock(cpu);
            let subscribed = matches!(itree.interval(), Interval::Linked | Interval::ToLink);
            let retry = !subscribed || (self.steps.interval_read_retry)(cpu, itree, seq);
            if !retry {
                let generation = self.generation(self.folios.of(page.pfn));
                itree.map(cpu, addr, Shadow { pfn: page.pfn, write: page.writable, generation });
            }
            itree.device_lock.unlock(cpu);
            self.put_user_page(cpu, page);
            if !retry {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
