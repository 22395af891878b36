//! CPUs as OS threads: nobody conducts, the hardware decides.

use std::sync::Barrier;

use crate::sync::{CPUS_MAX, Cpu, Smp};

/// Runs `body` once on each of `cpus` CPUs, each an OS thread, all starting together.
///
/// For ThreadSanitizer, which takes all fibres for one thread, and for the differential test: what the free machine
/// does, the conducted one must be able to do. The scene must have been set up before, on a CPU that is free.
pub fn free_run(smp: &Smp, cpus: usize, body: &(dyn Fn(&Cpu<'_>) + Sync)) {
    let cpus = cpus.clamp(1, CPUS_MAX);
    let start = &Barrier::new(cpus);
    std::thread::scope(|scope| {
        for id in 0..cpus as u8 {
            scope.spawn(move || {
                let cpu = Cpu::free(id, smp);
                start.wait();
                body(&cpu);
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::free_run;
    use crate::sync::{LockClass, Obj, Smp, Spinlock, Word};

    #[test]
    fn a_lock_excludes_threads() {
        let (smp, lock) = (Smp::default(), Spinlock::new(Obj::new(1, 0), LockClass::spinning(1)));
        let sum = Word::new(Obj::new(2, 0), 0);
        free_run(&smp, 3, &|cpu| {
            for _ in 0..1000 {
                lock.lock(cpu);
                sum.poke(sum.peek() + 1);
                lock.unlock(cpu);
            }
        });
        assert_eq!(sum.peek(), 3000);
    }
}
