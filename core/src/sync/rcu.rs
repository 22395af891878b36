//! RCU: read sections, and callbacks that run when every section that was open has been left.
//!
//! A CPU with interrupts off counts as a reader (kernel-semantics section 12.2).

use std::sync::atomic::Ordering;

use super::Cpu;
use super::smp::Pending;

impl Cpu<'_> {
    /// `rcu_read_lock`. Not a step: it is local to the CPU.
    #[inline]
    pub fn rcu_read_lock(&self) {
        self.held.atomic_enter();
        self.smp().percpu[usize::from(self.id())].rcu_nesting.fetch_add(1, Ordering::SeqCst);
    }

    /// `rcu_read_unlock`.
    #[inline]
    pub fn rcu_read_unlock(&self) {
        self.held.atomic_leave();
        let nesting = &self.smp().percpu[usize::from(self.id())].rcu_nesting;
        let before = nesting.fetch_sub(1, Ordering::SeqCst);
        self.vm_bug_on(before == 0, "rcu_read_unlock() without rcu_read_lock()");
        if before == 0 {
            nesting.store(0, Ordering::SeqCst);
        }
        if before <= 1 {
            self.quiescent_state();
        }
    }

    /// `call_rcu`: `token` comes out of [`Cpu::rcu_ready`] when a grace period has gone by.
    pub fn call_rcu(&self, token: u32) {
        let smp = self.smp();
        if let Ok(mut pending) = smp.pending.lock() {
            pending.push(Pending { token, readers: smp.readers() });
            smp.pending_len.store(pending.len() as u32, Ordering::SeqCst);
        }
    }

    /// A callback whose grace period has gone by, if there is one. The caller runs it.
    pub fn rcu_ready(&self) -> Option<u32> {
        let smp = self.smp();
        if smp.pending_len.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let mut pending = smp.pending.lock().ok()?;
        // Whoever is in no section now has left the one that it was in: on OS threads a CPU may leave just before
        // the callback that waits for it is there to be seen.
        let readers = smp.readers();
        let at = pending.iter().position(|p| p.readers & readers == 0)?;
        let token = pending.remove(at).token;
        smp.pending_len.store(pending.len() as u32, Ordering::SeqCst);
        Some(token)
    }

    /// This CPU is in no read section: no callback waits for it any longer.
    #[inline]
    pub(super) fn quiescent_state(&self) {
        let smp = self.smp();
        if smp.pending_len.load(Ordering::SeqCst) == 0 || smp.readers() & 1 << self.id() != 0 {
            return;
        }
        if let Ok(mut pending) = smp.pending.lock() {
            pending.iter_mut().for_each(|p| p.readers &= !(1 << self.id()));
        }
    }
}
