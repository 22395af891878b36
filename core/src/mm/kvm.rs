//! A secondary MMU in the manner of KVM: it maps what the primary one maps, holds no reference to it, and relies
//! on mmu_notifier to be told (kernel-semantics section 7.2).

use super::gup::FollFlags;
use super::kernel::Kernel;
use super::memory::Signal;
use super::mmu_notifier::{Shadow, Subscriptions};
use super::place::{func, ip};
use super::types::{MmId, Vaddr};
use crate::sync::Cpu;

/// How often a guest is let back in to fault before it is given up. A real one retries for ever, but under a
/// schedule that lets nobody else run, for ever is too long.
const ATTEMPTS: u32 = 4;

impl Kernel {
    /// `kvm_mmu_fault`, the fault loop: maps the page at `addr` in the secondary MMU of `mm`. `false`: an
    /// invalidation was in the way of every attempt.
    pub fn kvm_mmu_fault(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        write: bool,
    ) -> Result<bool, Signal> {
        let _f = cpu.enter(func::kvm_mmu_fault);
        let sub = &self.mm(mm).notifier;
        for _ in 0..ATTEMPTS {
            // Before the page is looked up: an invalidation that ends after this is noticed below.
            let seq = sub.seq.read_once(cpu);
            let page = self.get_user_page(cpu, mm, addr, FollFlags::MAPPING.writing(write))?;
            cpu.pass(ip::kvm1);
            sub.mmu_lock.lock(cpu);
            let retry = (self.steps.kvm_in_progress)(cpu, sub, addr)
                || (self.steps.kvm_seq_changed)(cpu, sub, seq);
            if !retry {
                let generation = self.generation(self.folios.of(page.pfn));
                sub.map_shadow(
                    cpu,
                    addr,
                    Shadow { pfn: page.pfn, write: page.writable, generation },
                );
            }
            sub.mmu_lock.unlock(cpu);
            self.put_user_page(cpu, page);
            if !retry {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `mmu_invalidate_retry_hva`, under mmu_lock: an invalidation of the page is in progress.
pub(super) fn in_progress(cpu: &Cpu<'_>, sub: &Subscriptions, addr: Vaddr) -> bool {
    let range = sub.range_start.peek()..sub.range_end.peek();
    sub.active.read_once(cpu) != 0 && range.contains(&u64::from(addr.0))
}

/// ... or one (of whatever range) has ended since `seq` was read.
pub(super) fn seq_changed(cpu: &Cpu<'_>, sub: &Subscriptions, seq: u64) -> bool {
    sub.seq.read_once(cpu) != seq
}
