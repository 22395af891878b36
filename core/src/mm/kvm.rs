//! A secondary MMU in the manner of KVM: it maps what the primary one maps, holds no reference to it, and relies
//! on mmu_notifier to be told (kernel-semantics section 7.2).

use super::gup::FollFlags;
use super::kernel::Kernel;
use super::memory::Signal;
use super::mmu_notifier::Shadow;
use super::place::func;
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
            let page = self.get_user_page(cpu, mm, addr, FollFlags::GET.writing(write))?;
            sub.mmu_lock.lock(cpu);
            let retry = self.mmu_invalidate_retry(cpu, mm, addr, seq);
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

    /// `mmu_invalidate_retry_hva`, under mmu_lock: an invalidation of the page is in progress, or one (of whatever
    /// range) has ended since `seq` was read.
    fn mmu_invalidate_retry(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, seq: u64) -> bool {
        let sub = &self.mm(mm).notifier;
        let range = sub.range_start.peek()..sub.range_end.peek();
        let in_progress = sub.active.read_once(cpu) != 0 && range.contains(&u64::from(addr.0));
        in_progress || sub.seq.read_once(cpu) != seq
    }
}
