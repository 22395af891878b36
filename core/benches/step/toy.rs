//! The toy: the workload on our own CPUs, under each policy, with and without interleaving feedback.

use racewalk::prog::Decision;
use racewalk::run::{Director, End, Listener, Stacks, Stage, conduct};
use racewalk::sched::{Counts, Pct, Policy, Pos, RandomWalk, Script, Surw, Urw};
use racewalk::sync::{Cpu, Feedback, LockClass, Obj, Smp, Spinlock, What, Word};

use crate::contender::{Contender, steps};

struct Toy {
    name: &'static str,
    stacks: Stacks,
    smp: Smp,
    director: Director,
    feedback: Option<Feedback>,
    shared: Shared,
    seed: u64,
}

/// What the CPUs share.
struct Shared {
    lock: Spinlock,
    sum: Word,
    words: [Word; 4],
}

/// Hears everything, objects to nothing.
struct Deaf;

impl Listener for Deaf {
    fn note(&self, _cpu: &Cpu<'_>, _what: What) -> bool {
        true
    }
}

/// Every policy, without feedback and with it.
pub(crate) fn contenders() -> Vec<Box<dyn Contender>> {
    let long = steps(crate::LONG);
    let policies = |feedback: bool| -> [(&'static str, Policy, bool); 5] {
        [
            ("uniform", Policy::RandomWalk(RandomWalk::uniform(0)), feedback),
            ("run-length 16", Policy::RandomWalk(RandomWalk::new(0, 16)), feedback),
            ("run-length 64", Policy::RandomWalk(RandomWalk::new(0, 64)), feedback),
            ("PCT depth 3", Policy::Pct(Pct::new(0, 3, long)), feedback),
            ("script of 16", script(), feedback),
        ]
    };
    let counts = counts();
    let at_every_step = [
        ("POS", Policy::Pos(Pos::new(0)), false),
        ("URW", Policy::Urw(Urw::new(0, counts.steps())), false),
        ("SURW", Policy::Surw(Surw::new(0, &counts)), false),
    ];
    [policies(false), policies(true)]
        .into_iter()
        .flatten()
        .chain(at_every_step)
        .map(|(name, policy, feedback)| {
            Box::new(Toy::new(name, policy, feedback)) as Box<dyn Contender>
        })
        .collect()
}

/// What a long execution consists of.
fn counts() -> Counts {
    let mut toy = Toy::new("counts", Policy::Counts(Counts::default()), false);
    toy.execution(crate::LONG);
    match &*toy.director.policy() {
        Policy::Counts(counts) => counts.clone(),
        _ => Counts::default(),
    }
}

fn script() -> Policy {
    let mut script = Script::new();
    let decision = |i: u8| Decision { cpu: i % 3, op: 0, k: u16::from(i) * 30, next: (i + 1) % 3 };
    script.load(&(0..16).map(decision).collect::<Vec<_>>());
    Policy::Script(script)
}

impl Toy {
    fn new(name: &'static str, policy: Policy, feedback: bool) -> Toy {
        Toy {
            name,
            stacks: Stacks::new().expect("room for four stacks"),
            smp: Smp::default(),
            director: Director::new(policy),
            feedback: feedback.then(Feedback::default),
            shared: Shared {
                lock: Spinlock::new(Obj::new(1, 0), LockClass::spinning(1)),
                sum: Word::new(Obj::new(2, 0), 0),
                words: [0, 1, 2, 3].map(|i| Word::new(Obj::new(3, i), 0)),
            },
            seed: 0,
        }
    }

    fn execution(&mut self, rounds: u32) {
        self.smp.reset();
        self.shared.lock.reset();
        self.shared.sum.poke(0);
        self.shared.words.iter().for_each(|word| word.poke(0));
        self.director.policy().reseed(self.seed);
        self.seed += 1;
        let (shared, director) = (&self.shared, &self.director);
        let feedback = self.feedback.as_ref();
        let stage =
            Stage { cpus: 3, smp: &self.smp, director, listener: &Deaf, feedback, tracing: false };
        let end = conduct(&mut self.stacks, &stage, &|cpu| {
            if cpu.id() == 0 {
                director.begin(cpu);
            }
            cpu.begin_op(0);
            body(cpu, rounds, shared);
            cpu.begin_op(1);
        });
        assert_eq!(end, End::Clean);
        assert_eq!(self.shared.sum.peek(), u64::from(3 * rounds));
    }
}

#[inline(never)]
fn body(cpu: &Cpu<'_>, rounds: u32, shared: &Shared) {
    for i in 0..rounds {
        shared.lock.lock(cpu);
        shared.sum.poke(shared.sum.peek() + 1);
        shared.lock.unlock(cpu);
        shared.words[(i + u32::from(cpu.id())) as usize & 3].add_return(cpu, 1);
    }
}

impl Contender for Toy {
    fn name(&self) -> String {
        let feedback = if self.feedback.is_some() { ", feedback" } else { "" };
        format!("racewalk {}{feedback}", self.name)
    }

    fn run(&mut self, rounds: u32, executions: u32) {
        (0..executions).for_each(|_| self.execution(rounds));
    }

    fn executions_to_count(&self) -> u32 {
        100
    }
}
