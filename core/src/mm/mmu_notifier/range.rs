//! `mmu_notifier_invalidate_range_start()` and its end (kernel-semantics section 7.2).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{Cpu, What};

impl Kernel {
    /// `mmu_notifier_invalidate_range_start`: the mirrors drop the range. May sleep, so no spinlock may be held.
    pub fn mmu_notifier_invalidate_range_start(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
    ) {
        let _f = cpu.enter(func::mmu_notifier_invalidate_range_start);
        cpu.might_sleep();
        self.invalidate_range_start(cpu, mm, start, pages, true);
    }

    /// `mmu_notifier_invalidate_range_start_nonblock`, of the oom reaper. `false` (EAGAIN): a subscriber would have had to
    /// sleep, and the range is not open: its end must not be called.
    pub fn mmu_notifier_invalidate_range_start_nonblock(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
    ) -> bool {
        let _f = cpu.enter(func::mmu_notifier_invalidate_range_start);
        self.invalidate_range_start(cpu, mm, start, pages, false)
    }

    /// `__mmu_notifier_invalidate_range_start`.
    fn invalidate_range_start(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
        blockable: bool,
    ) -> bool {
        let subscriptions = &self.mm(mm).notifier;
        let end = Vaddr(start.0 + pages);
        if !subscriptions.itree.invalidate(cpu, start, end, blockable) {
            return false;
        }
        // KVM only spins on its mmu_lock, so it never refuses.
        subscriptions.kvm_start(cpu, start, end);
        cpu.debts.open_range(mm.0, start.0, pages);
        cpu.note(What::Notifier { mm: mm.0, start: start.0, pages, open: true });
        cpu.pass(ip::ni1);
        true
    }

    /// `mmu_notifier_invalidate_range_end`: the mirrors may map the range again.
    pub fn mmu_notifier_invalidate_range_end(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        start: Vaddr,
        pages: u32,
    ) {
        let _f = cpu.enter(func::mmu_notifier_invalidate_range_end);
        // A subscriber's callback may sleep here too (semantics 7.2).
        cpu.might_sleep();
        // Told before the subscribers are, each in its turn: who is the first may mirror the range again at once.
        let open = cpu.debts.close_range(mm.0, start.0, pages);
        cpu.vm_bug_on(!open, "mmu_notifier_invalidate_range_end() of a range that is not open");
        cpu.note(What::Notifier { mm: mm.0, start: start.0, pages, open: false });
        let subscriptions = &self.mm(mm).notifier;
        subscriptions.itree.inv_end(cpu);
        subscriptions.kvm_end(cpu);
    }
}
