//! The machine: everything that a run needs, kept and reused.

use std::cell::Cell;

use super::boot::{boot, config};
use super::census::Census;
use super::fibre::{Stage, conduct};
use super::layout::Layout;
use super::outcome::{Outcome, Reached, Verdict};
use super::segments::turns;
use super::watch::{Memory, Watch};
use super::{Director, End, FAIR_STEPS_MAX, FinalState, STEPS_MAX, Stacks, Variant, interp};
use crate::mm::{Config, Kernel};
use crate::oracle::{self, Wrong};
use crate::prog::{self, Axes, Op, Program, Schedule, Setup};
use crate::sched::{self, Bounded, Pct, Pos, RandomWalk, Script, Surw, Turns, Urw};
use crate::sync::{CPUS_MAX, Cpu, FEEDBACK_SLOTS, Feedback, What};

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The kernel under test; `None`: as the program's header says.
    pub variant: Option<Variant>,
    /// Entries of a table; `None`: as the program's header says.
    pub hpn: Option<u16>,
    /// The configuration; `None`: as the program's header says.
    pub axes: Option<Axes>,
    /// Keep all events, the schedule that was taken, and the final state.
    pub record: bool,
    /// Count which access followed which ([`Machine::feedback`]).
    pub feedback: bool,
    /// Go on after the first violation, and ask the other oracles too ([`Outcome::others`]).
    pub go_on: bool,
}

/// Fibre stacks, a director, and one kernel for each HPN that was asked for.
#[derive(Debug)]
pub struct Machine {
    stacks: Stacks,
    director: Director,
    recorder: Director,
    feedback: Feedback,
    worlds: Vec<(Kernel, Memory)>,
    census: Census,
}

impl Default for Machine {
    fn default() -> Self {
        Machine::new()
    }
}

impl Machine {
    /// A machine that has not run anything yet.
    ///
    /// # Panics
    /// If there is no memory for the fibres' stacks.
    pub fn new() -> Machine {
        let idle = || sched::Policy::Script(Script::default());
        Machine {
            stacks: Stacks::new().expect("there is address space for a few stacks"),
            director: Director::new(idle()),
            recorder: Director::recording(idle()),
            feedback: Feedback::default(),
            worlds: Vec::new(),
            census: Census::default(),
        }
    }

    /// The interleaving counters since the last call, which sets them to zero.
    pub fn feedback(&mut self, into: &mut [u8; FEEDBACK_SLOTS]) {
        self.feedback.take(into);
    }

    /// Runs a program. The same program, schedule and variant give the same outcome.
    pub fn run(&mut self, program: &Program, options: &Options) -> Outcome {
        if matches!(program.head.policy, prog::Policy::Urw | prog::Policy::Surw) {
            self.count(program, options);
        }
        load(&mut self.director(options).policy(), program, &self.census);
        self.run_as_loaded(program, options)
    }

    /// Counts the steps of a program's CPUs for a uniform walk, in a run of its own, unless they are those that were
    /// counted last. So a walk is the same whatever the machine ran before.
    fn count(&mut self, program: &Program, options: &Options) {
        if self.census.is_of(program, options) {
            return;
        }
        *self.director.policy() = sched::Policy::Counts(self.census.begin(program, options));
        // What that run finds is nobody's business, and it goes on, so that all is counted: the run under the walk will
        // be looked at.
        let unheard = Options { record: false, feedback: false, go_on: true, ..options.clone() };
        self.run_as_loaded(program, &unheard);
        if let sched::Policy::Counts(counts) = std::mem::take(&mut *self.director.policy()) {
            self.census.end(counts);
        }
    }

    /// Runs a program under a schedule of a systematic search, whatever the program's own may be. The log of the run
    /// is in `bounded` afterwards.
    pub fn run_bounded(
        &mut self,
        program: &Program,
        options: &Options,
        bounded: &mut Bounded,
    ) -> Outcome {
        *self.director(options).policy() = sched::Policy::Bounded(std::mem::take(bounded));
        let outcome = self.run_as_loaded(program, options);
        if let sched::Policy::Bounded(ran) = &mut *self.director(options).policy() {
            *bounded = std::mem::take(ran);
        }
        outcome
    }

    fn director(&self, options: &Options) -> &Director {
        if options.record { &self.recorder } else { &self.director }
    }

    fn run_as_loaded(&mut self, program: &Program, options: &Options) -> Outcome {
        let hpn = u32::from(options.hpn.unwrap_or(program.head.hpn));
        let variant = options.variant.clone().unwrap_or_else(|| Variant::of(program));
        let world = self.world(hpn);
        let (kernel, memory) = &mut self.worlds[world];
        kernel.reset(config(options.axes.unwrap_or(program.head.axes)), variant.steps());
        memory.reset(options.record, options.go_on);
        boot(kernel, program);
        memory.observed.begin(kernel);
        let director = if options.record { &self.recorder } else { &self.director };
        // What a step bound means depends on the size of a table.
        let scale = (hpn / 8).max(1);
        director.set_steps_max(STEPS_MAX * scale, FAIR_STEPS_MAX * scale);
        let feedback = options.feedback.then_some(&self.feedback);
        let watch = Watch::new(kernel, memory);
        let run = Run {
            kernel,
            watch: &watch,
            director,
            program,
            layout: Layout::of(program, hpn as u16),
            reached: Cell::default(),
            steps: Cell::default(),
        };
        let stage = Stage {
            cpus: program.cpus.len(),
            smp: &kernel.smp,
            director,
            listener: &watch,
            feedback,
            tracing: options.record,
        };
        let end = conduct(&mut self.stacks, &stage, &|cpu| run.cpu(cpu));
        conclude(&watch, &end);
        let (reached, counted) = (run.reached.get(), run.steps.get());
        // A run that was stopped has CPUs that did not come to their end: the trace knows how far they came.
        let steps = match &memory.trace {
            Some(trace) => (0..CPUS_MAX as u8).map(|cpu| trace.steps_of(cpu)).sum(),
            None => counted,
        };
        let unreached = match &*director.policy() {
            sched::Policy::Turns(turns) => turns.missed(),
            _ => Vec::new(),
        };
        let quiet = options.record && end == End::Clean;
        let state =
            if quiet { FinalState::of(kernel, &memory.recount) } else { FinalState::default() };
        Outcome {
            verdict: memory.violation.take().map_or(Verdict::Clean, Verdict::Violation),
            others: std::mem::take(&mut memory.others),
            steps,
            preemptions: director.preemptions(),
            taken: director.taken(),
            turns: turns(&director.segments()),
            reached,
            trace: memory.trace.take(),
            unreached,
            state,
        }
    }

    fn world(&mut self, hpn: u32) -> usize {
        match self.worlds.iter().position(|(kernel, _)| kernel.hpn == hpn) {
            Some(world) => world,
            None => {
                let kernel = Kernel::new(hpn, Config::default(), Variant::default().steps());
                self.worlds.push((kernel, Memory::new(hpn)));
                self.worlds.len() - 1
            }
        }
    }
}

/// Gives the director's policy the program's schedule, in the memory that it has.
fn load(policy: &mut sched::Policy, program: &Program, census: &Census) {
    let seed = program.head.seed;
    match (program.head.policy, &program.schedule, policy) {
        (prog::Policy::Random { mean }, _, policy) => {
            *policy = sched::Policy::RandomWalk(RandomWalk::new(seed, mean.max(1)));
        }
        (prog::Policy::Pct { depth }, _, policy) => {
            *policy = sched::Policy::Pct(Pct::new(seed, depth.max(1), STEPS_GUESS));
        }
        (prog::Policy::Pos, _, policy) => *policy = sched::Policy::Pos(Pos::new(seed)),
        (prog::Policy::Urw, _, policy) => {
            *policy = sched::Policy::Urw(Urw::new(seed, census.counts().steps()));
        }
        (prog::Policy::Surw, _, policy) => {
            *policy = sched::Policy::Surw(Surw::new(seed, census.counts()));
        }
        (prog::Policy::Records, Schedule::Turns(turns), policy) => {
            let mut followed = Turns::new();
            followed.load(turns);
            *policy = sched::Policy::Turns(followed);
        }
        (prog::Policy::Records, Schedule::Decisions(decisions), sched::Policy::Script(script)) => {
            script.load(decisions);
        }
        (prog::Policy::Records, Schedule::Decisions(decisions), policy) => {
            let mut script = Script::new();
            script.load(decisions);
            *policy = sched::Policy::Script(script);
        }
    }
}

/// Among how many steps PCT spreads its change points: about what a program of a dozen operations takes.
const STEPS_GUESS: u32 = 256;

/// One run of one program.
struct Run<'a> {
    kernel: &'a Kernel,
    watch: &'a Watch<'a>,
    director: &'a Director,
    program: &'a Program,
    layout: Layout,
    reached: Cell<Reached>,
    steps: Cell<u32>,
}

impl Run<'_> {
    /// What a CPU does: CPU 0 the set-up first, then each its own operations.
    fn cpu(&self, cpu: &Cpu<'_>) {
        if cpu.id() == 0 {
            for (n, item) in (0..).zip(&self.program.setup) {
                if let Setup::Do(op) = *item {
                    self.call(cpu, op, 0x1000 + n, u16::MAX);
                }
            }
            cpu.forget_reached();
            self.director.begin(cpu);
        }
        let ops = &self.program.cpus[usize::from(cpu.id())];
        for (n, &op) in (0..).zip(ops) {
            cpu.begin_op(n);
            self.call(cpu, op, 0x100 * (u64::from(cpu.id()) + 1) + u64::from(n), n);
        }
        cpu.begin_op(ops.len() as u16);
        // The program is over, and a process that exits gives back what it holds of the memory of others.
        if self.kernel.gup_put_all(cpu) {
            self.kernel.rcu_do_batch(cpu);
            cpu.note(What::OpEnd(ops.len() as u16));
        }
        let mut reached = self.reached.get();
        reached.merge(cpu.reached());
        self.reached.set(reached);
        self.steps.set(self.steps.get() + cpu.now());
    }

    fn call(&self, cpu: &Cpu<'_>, op: Op, tag: u64, n: u16) {
        let dropping = interp::dropping(&self.layout, op);
        if dropping.is_some() {
            self.watch.set_dropping(cpu, dropping);
        }
        interp::call(cpu, self.kernel, &self.layout, op, tag);
        if dropping.is_some() {
            self.watch.set_dropping(cpu, None);
        }
        // Interrupts come between operations at the latest: the RCU softirq runs where it can.
        self.kernel.rcu_do_batch(cpu);
        cpu.note(What::OpEnd(n));
    }
}

/// Lets the oracles look at how it ended.
pub(super) fn conclude(watch: &Watch<'_>, end: &End) {
    match end {
        End::Clean => watch.quiesce(),
        End::Stopped => {}
        End::Deadlock { waiting } => {
            let cpus: Vec<String> = (0..32)
                .filter(|cpu| waiting >> cpu & 1 == 1)
                .map(|cpu| format!("cpu{cpu}"))
                .collect();
            let detail = format!("{} wait for ever", cpus.join(" and "));
            watch.ended(&oracle::DEADLOCK, Wrong::new(detail, []));
        }
        End::Livelock => {
            watch.ended(&oracle::LIVELOCK, Wrong::new("no end after fair turns for all", []));
        }
        End::Panicked(message) => {
            watch.ended(&oracle::PANIC, Wrong::new(format!("the model panicked: {message}"), []));
        }
    }
}
