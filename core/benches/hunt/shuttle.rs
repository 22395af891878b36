//! Shuttle as the conductor: each CPU is one of its threads, each step one of its scheduling points.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{self, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use racewalk::prog::limits::CPUS_MAX;
use racewalk::run::{End, STACK_BYTES, STEPS_MAX};
use racewalk::sync::{Conductor, Cpu, Obj, Place, What};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};
use shuttle::sync::atomic::AtomicBool;
use shuttle::thread::{self, Thread};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::contest::{Bounds, Hunted};
use crate::exhibit::Exhibit;

/// A scheduler of Shuttle's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy {
    /// `RandomScheduler`.
    Random,
    /// `PctScheduler` of this depth.
    Pct(usize),
    /// `UrwRandomScheduler`.
    Urw,
}

/// What the panic says with which an execution is left in its middle: Shuttle knows no other way.
const LEFT: &str = "the execution is left";

/// Keeps quiet about executions that are left.
pub(crate) fn hush() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some(LEFT) {
            before(info);
        }
    }));
}

/// Hunts under a scheduler of Shuttle's. An execution that takes more steps than a director of ours would let its
/// policy steer is given up.
pub(crate) fn hunt<E: Exhibit>(exhibit: &E, policy: Policy, seed: u64, bounds: Bounds) -> Hunted {
    let begun = Instant::now();
    let executions = Arc::new(AtomicU64::new(0));
    let found = Arc::new(Mutex::new(None));
    // An execution that was left for another reason than the bug ends the run of the scheduler: another one goes on.
    for round in 0.. {
        let left = bounds.time.saturating_sub(begun.elapsed());
        let done = executions.load(Ordering::Relaxed);
        let is_over = take(&found).is_some() || left.is_zero() || done >= bounds.executions;
        if is_over {
            break;
        }
        let most = usize::try_from(bounds.executions - done).unwrap_or(usize::MAX);
        let seed = seed << 40 | round;
        let mut config = Config::new();
        config.stack_size = STACK_BYTES;
        config.failure_persistence = FailurePersistence::None;
        config.max_steps = MaxSteps::ContinueAfter(STEPS_MAX as usize);
        config.max_time = Some(left);
        config.silence_warnings = true;
        config.ungraceful_shutdown_config.immediately_return_on_panic = true;
        let spare = Mutex::new(Some(exhibit.clone()));
        let (executions, found, original) =
            (Arc::clone(&executions), Arc::clone(&found), exhibit.clone());
        let execute = move || {
            executions.fetch_add(1, Ordering::Relaxed);
            // An execution that was given up has kept the exhibit that it ran on.
            let ready = spare.lock().unwrap_or_else(PoisonError::into_inner).take();
            let exhibit = execution(ready.unwrap_or_else(|| original.clone()), &found);
            *spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(exhibit);
        };
        match policy {
            Policy::Random => run(RandomScheduler::new_from_seed(seed, most), config, execute),
            Policy::Pct(depth) => {
                run(PctScheduler::new_from_seed(seed, depth, most), config, execute);
            }
            Policy::Urw => run(UrwRandomScheduler::new_from_seed(seed, most), config, execute),
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    Hunted { found: take(&found), executions: executions.load(Ordering::Relaxed), seconds }
}

fn take(found: &Mutex<Option<String>>) -> Option<String> {
    found.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn run(
    scheduler: impl Scheduler + 'static,
    config: Config,
    execute: impl Fn() + Send + Sync + 'static,
) {
    let runner = Runner::new(scheduler, config);
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| runner.run(execute))) {
        let is_ours = payload.downcast_ref::<&str>().is_some_and(|text| *text == LEFT)
            || payload.downcast_ref::<String>().is_some_and(|text| text.contains(LEFT));
        if !is_ours {
            std::panic::resume_unwind(payload);
        }
    }
}

/// One execution; gives the exhibit back.
fn execution<E: Exhibit>(mut exhibit: E, found: &Mutex<Option<String>>) -> E {
    exhibit.begin();
    let cpus = exhibit.cpus();
    let crowd = Crowd {
        exhibit: &exhibit,
        found,
        point: AtomicBool::new(false),
        racing: atomic::AtomicBool::new(false),
        threads: [const { Mutex::new(None) }; CPUS_MAX],
        live: AtomicU32::new((1 << cpus) - 1),
        waiting: AtomicU32::new(0),
        woken: AtomicU32::new(0),
        killable: AtomicU32::new(0),
        killed: AtomicU32::new(0),
    };
    let task = Task { crowd: &crowd };
    let cpu = Cpu::conducted(0, exhibit.smp(), &task, None, false);
    exhibit.set_up(&cpu);
    thread::scope(|scope| {
        crowd.race();
        for id in 1..cpus as u8 {
            let crowd = &crowd;
            scope.spawn(move || {
                let task = Task { crowd };
                let cpu = Cpu::conducted(id, crowd.exhibit.smp(), &task, None, false);
                task.live(&cpu);
            });
        }
        cpu.revoke();
        task.live(&cpu);
    });
    if let Some(bug) = exhibit.end(&End::Clean) {
        crowd.tell(bug);
        panic!("{LEFT}");
    }
    exhibit
}

/// What the CPUs of an execution share. Only one of them runs at a time.
struct Crowd<'a, E> {
    exhibit: &'a E,
    found: &'a Mutex<Option<String>>,
    /// To load it is a scheduling point.
    point: AtomicBool,
    racing: atomic::AtomicBool,
    threads: [Mutex<Option<Thread>>; CPUS_MAX],
    /// CPUs that have not finished.
    live: AtomicU32,
    /// Those of them that wait and have not been woken.
    waiting: AtomicU32,
    /// Those that were woken, and whose threads are to be told when the one that runs comes to its next step: to tell
    /// them is a scheduling point, and there must be none within a step.
    woken: AtomicU32,
    killable: AtomicU32,
    killed: AtomicU32,
}

impl<E: Exhibit> Crowd<'_, E> {
    fn race(&self) {
        self.racing.store(true, Ordering::Relaxed);
    }

    fn tell(&self, bug: String) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(bug);
    }

    /// Leaves the execution, which has ended so.
    fn leave(&self, end: &End) -> ! {
        if let Some(bug) = self.exhibit.end(end) {
            self.tell(bug);
        }
        panic!("{LEFT}");
    }

    fn unpark(&self) {
        let woken = self.woken.swap(0, Ordering::Relaxed);
        for (cpu, thread) in self.threads.iter().enumerate() {
            if woken >> cpu & 1 == 1 {
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).clone();
                thread.as_ref().inspect(|thread| thread.unpark());
            }
        }
    }

    /// If nobody can go on, somebody gets a signal who waits for what it may spare him, as from our director; else it
    /// is a deadlock.
    fn help_if_stuck(&self) {
        let (live, waiting) =
            (self.live.load(Ordering::Relaxed), self.waiting.load(Ordering::Relaxed));
        if live == 0 || live != waiting {
            return;
        }
        let victims = self.killable.load(Ordering::Relaxed) & live;
        if victims == 0 {
            self.leave(&End::Deadlock { waiting });
        }
        let victim = 1 << victims.trailing_zeros();
        self.killable.fetch_and(!victim, Ordering::Relaxed);
        self.killed.fetch_or(victim, Ordering::Relaxed);
        self.waiting.fetch_and(!victim, Ordering::Relaxed);
        self.woken.fetch_or(victim, Ordering::Relaxed);
    }
}

/// The conductor that one CPU sees.
struct Task<'a, E> {
    crowd: &'a Crowd<'a, E>,
}

impl<E: Exhibit> Task<'_, E> {
    fn live(&self, cpu: &Cpu<'_>) {
        let Crowd { exhibit, threads, live, .. } = self.crowd;
        *threads[usize::from(cpu.id())].lock().unwrap_or_else(PoisonError::into_inner) =
            Some(thread::current());
        exhibit.race(cpu);
        live.fetch_and(!(1 << cpu.id()), Ordering::Relaxed);
        self.crowd.help_if_stuck();
        self.crowd.unpark();
    }
}

impl<E: Exhibit> Conductor for Task<'_, E> {
    fn turn(&self, cpu: &Cpu<'_>) {
        if !self.crowd.racing.load(Ordering::Relaxed) {
            return cpu.grant(STEPS_MAX, u16::MAX);
        }
        self.crowd.unpark();
        self.crowd.point.load(Ordering::SeqCst);
        cpu.grant(1, u16::MAX);
    }

    fn wait(&self, cpu: &Cpu<'_>, _on: Obj) {
        let (crowd, me) = (self.crowd, 1 << cpu.id());
        crowd.waiting.fetch_or(me, Ordering::Relaxed);
        crowd.help_if_stuck();
        crowd.unpark();
        while crowd.waiting.load(Ordering::Relaxed) & me != 0 {
            thread::park();
        }
        // Whoever has waited asks before its next step.
        cpu.revoke();
    }

    fn wait_killable(&self, cpu: &Cpu<'_>, on: Obj) -> bool {
        let (crowd, me) = (self.crowd, 1 << cpu.id());
        crowd.killable.fetch_or(me, Ordering::Relaxed);
        self.wait(cpu, on);
        crowd.killable.fetch_and(!me, Ordering::Relaxed);
        crowd.killed.fetch_and(!me, Ordering::Relaxed) & me == 0
    }

    fn wake(&self, _cpu: &Cpu<'_>, cpus: u32) {
        let waiting = self.crowd.waiting.fetch_and(!cpus, Ordering::Relaxed);
        self.crowd.woken.fetch_or(cpus & waiting, Ordering::Relaxed);
    }

    fn note(&self, cpu: &Cpu<'_>, what: What) {
        if !std::thread::panicking() && !self.crowd.exhibit.note(cpu, what) {
            self.crowd.leave(&End::Stopped);
        }
    }

    fn arrived(&self, _cpu: &Cpu<'_>, _place: Place) {}
}
