//! Who uses an mm's memory (`mm_users`), and who only holds on to the mm_struct (`mm_count`)
//! (`include/linux/sched/mm.h`, kernel-semantics section 1.4).

use super::kernel::Kernel;
use super::place::func;
use super::types::{MmId, Rss};
use crate::sync::{Cpu, Splat};

impl Kernel {
    /// `mmgrab`: keeps the mm_struct, not its memory. To be given back by [`Kernel::mmdrop`].
    pub fn mmgrab(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.mm(mm).mm_count.add_return(cpu, 1);
    }

    /// `mmdrop`. The last one finds the mm empty.
    pub fn mmdrop(&self, cpu: &Cpu<'_>, mm: MmId) {
        let left = self.mm(mm).mm_count.add_return(cpu, -1);
        if left < 0 {
            cpu.splat(Splat::Negative(self.mm(mm).mm_count.obj()));
        }
        if left == 0 {
            self.check_mm(cpu, mm);
        }
    }

    /// `hpage_collapse_test_exit`: whether the last user is gone. Who holds `mm_count` only asks again after each
    /// taking of mmap_lock: the tear-down does not hold it while it unmaps.
    pub fn hpage_collapse_test_exit(&self, cpu: &Cpu<'_>, mm: MmId) -> bool {
        self.mm(mm).mm_users.read_once(cpu) == 0
    }

    /// `mmput`: one user less; the last one tears the memory down. May sleep.
    pub fn mmput(&self, cpu: &Cpu<'_>, mm: MmId) {
        cpu.might_sleep();
        let left = self.mm(mm).mm_users.add_return(cpu, -1);
        if left < 0 {
            cpu.splat(Splat::Negative(self.mm(mm).mm_users.obj()));
        }
        if left == 0 {
            self.__mmput(cpu, mm);
        }
    }

    /// `__mmput`: without users.
    fn __mmput(&self, cpu: &Cpu<'_>, mm: MmId) {
        let _f = cpu.enter(func::mmput);
        // Before the memory goes: khugepaged must not come to it in between.
        self.__khugepaged_exit(cpu, mm);
        self.exit_mmap(cpu, mm);
        self.mmdrop(cpu, mm);
    }

    /// `do_group_exit`: all threads of the process end, each when it comes out of the kernel; here its first one does, with
    /// the reference that the process was born with. The last one tears the memory down. `false`: it has ended already, or is
    /// not born yet.
    pub fn do_group_exit(&self, cpu: &Cpu<'_>, mm: MmId) -> bool {
        let m = self.mm(mm);
        let alive = m.is_born() && m.is_alive() && !m.set_group_exit();
        if alive {
            self.uffd_kill(cpu, mm);
            self.mmput(cpu, mm);
        }
        alive
    }

    /// A thread of the process enters the kernel. `false`: there is no such process, or it was killed. Not a step: the
    /// thread had its reference to the memory before.
    pub fn thread_begin(&self, mm: MmId) -> bool {
        let m = self.mm(mm);
        // On OS threads the process may end between the look and the reference.
        !m.is_group_exit() && m.is_born() && m.mm_users.poke_inc_not_zero()
    }

    /// The thread is back. Not a step, but if it was killed meanwhile and is the last one: then it tears the memory down.
    pub fn thread_end(&self, cpu: &Cpu<'_>, mm: MmId) {
        if self.mm(mm).mm_users.poke_add(-1) == 0 {
            self.__mmput(cpu, mm);
        }
    }

    /// `check_mm`, when the mm_struct is freed: what it counted is gone.
    fn check_mm(&self, cpu: &Cpu<'_>, mm: MmId) {
        let mm = self.mm(mm);
        let counters =
            [Rss::File, Rss::Anon, Rss::Swap, Rss::Shmem].map(|which| &mm.rss[which as usize]);
        for counter in
            counters.into_iter().chain([&mm.nr_ptes]).filter(|counter| counter.peek() != 0)
        {
            cpu.splat(Splat::CheckMm(counter.obj()));
        }
    }
}
