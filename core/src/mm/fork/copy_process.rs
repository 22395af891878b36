//! `copy_process`, as far as memory goes: a child comes to life, or does not.

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::mm_struct::mmf;
use crate::mm::types::MmId;
use crate::sync::Cpu;

impl Kernel {
    /// `fork()` by a thread of `oldmm`: `mm` becomes a copy of it. EBUSY: `mm` is or was somebody's already, and nothing
    /// happens; an mm is born once. ENOMEM; EINTR: the parent was killed meanwhile. Then what there was of the child is torn
    /// down, and it is never born. May sleep.
    pub fn copy_process(&self, cpu: &Cpu<'_>, oldmm: MmId, mm: MmId) -> Errno {
        if oldmm == mm || !self.mm(mm).init_forked() {
            return Errno::Ebusy;
        }
        // MMF_INIT_MASK
        self.mm(mm).flags.poke_bits(self.mm(oldmm).flags.peek() & mmf::DISABLE_THP, 0);
        let mut errno = self.dup_mmap(cpu, mm, oldmm);
        if errno == Errno::Ok && self.fatal_signal_pending(oldmm) {
            errno = Errno::Eintr;
        }
        match errno {
            Errno::Ok => self.mm(mm).wake_up_new_task(),
            _ => self.mmput(cpu, mm),
        }
        errno
    }

    /// Whether the process was killed. Not a step: its own thread asks.
    pub(super) fn fatal_signal_pending(&self, mm: MmId) -> bool {
        self.mm(mm).is_group_exit()
    }
}
