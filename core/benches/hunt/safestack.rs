//! SafeStack: a lock-free stack whose bug needs three threads and at least five preemptions.
//!
//! Posted by Dmitry Vyukov to the CHESS forum in 2010 and used as a benchmark since (Thomson, Donaldson and Betts,
//! "Concurrency testing using schedule bounding", PPoPP 2014). Three threads, three elements; each thread twice pops
//! an element, writes its number into it, reads it back and pushes it. Memory is sequentially consistent. Sooner or
//! later two threads have popped the same element: they see each other's number in it.

use racewalk::prog;
use racewalk::run::{Director, End, Listener, Stacks, Stage, conduct};
use racewalk::sched::{Counts, Pct, Policy, Pos, RandomWalk, Surw, Urw};
use racewalk::sync::{Cpu, Obj, Smp, What, Word};

use crate::contest::{Bounds, Hunted, again_and_again};
use crate::exhibit::Exhibit;

const CPUS: usize = 3;
/// How often each thread pops and pushes.
const ROUNDS: u32 = 2;
/// No element.
const NONE: u64 = u64::MAX;
/// Steps after which a schedule in which somebody spins gets fair: a whole run without spinning takes 66.
const STEPS_MAX: u32 = 1_000;

/// An element: what its owner has written, and the number of the next one on the stack.
#[derive(Debug)]
struct Element {
    value: Word,
    next: Word,
}

/// The stack.
#[derive(Debug)]
pub(crate) struct SafeStack {
    smp: Smp,
    head: Word,
    count: Word,
    elements: [Element; CPUS],
}

impl Default for SafeStack {
    fn default() -> SafeStack {
        let word = |class, index| Word::new(Obj::new(class, index), 0);
        SafeStack {
            smp: Smp::default(),
            head: word(1, 0),
            count: word(2, 0),
            elements: [0, 1, 2].map(|n| Element { value: word(3, n), next: word(4, n) }),
        }
    }
}

impl Clone for SafeStack {
    fn clone(&self) -> SafeStack {
        SafeStack::default()
    }
}

impl SafeStack {
    fn pop(&self, cpu: &Cpu<'_>) -> u64 {
        while self.count.read_once(cpu) > 1 {
            let head = self.head.read_once(cpu);
            let element = &self.elements[head as usize];
            let next = element.next.xchg(cpu, NONE);
            if next != NONE {
                if self.head.cmpxchg(cpu, head, next).is_ok() {
                    self.count.add_return(cpu, -1);
                    return head;
                }
                element.next.xchg(cpu, next);
            }
        }
        NONE
    }

    fn push(&self, cpu: &Cpu<'_>, index: u64) {
        let mut head = self.head.read_once(cpu);
        loop {
            self.elements[index as usize].next.write_once(cpu, head);
            match self.head.cmpxchg(cpu, head, index) {
                Ok(_) => break,
                Err(found) => head = found,
            }
        }
        self.count.add_return(cpu, 1);
    }
}

impl Listener for SafeStack {
    fn note(&self, _cpu: &Cpu<'_>, what: What) -> bool {
        !matches!(what, What::Splat(_))
    }
}

impl Exhibit for SafeStack {
    fn name(&self) -> String {
        "safestack".to_owned()
    }

    fn begin(&mut self) {
        self.smp.reset();
        self.head.poke(0);
        self.count.poke(CPUS as u64);
        for (element, next) in self.elements.iter().zip([1, 2, NONE]) {
            element.value.poke(NONE);
            element.next.poke(next);
        }
    }

    fn cpus(&self) -> usize {
        CPUS
    }

    fn smp(&self) -> &Smp {
        &self.smp
    }

    fn set_up(&self, _cpu: &Cpu<'_>) {}

    fn race(&self, cpu: &Cpu<'_>) {
        cpu.begin_op(0);
        for _ in 0..ROUNDS {
            let element = loop {
                match self.pop(cpu) {
                    NONE => {}
                    element => break element,
                }
            };
            let (mine, value) = (u64::from(cpu.id()), &self.elements[element as usize].value);
            value.write_once(cpu, mine);
            cpu.vm_bug_on(value.read_once(cpu) != mine, "an element has two owners");
            self.push(cpu, element);
        }
        cpu.begin_op(1);
    }

    fn end(&self, end: &End) -> Option<String> {
        (*end == End::Stopped).then(|| "two owners".to_owned())
    }

    fn hunt(&self, policy: prog::Policy, seed: u64, bounds: Bounds) -> Hunted {
        let mut stacks = Stacks::new().expect("there is address space for a few stacks");
        let director =
            Director::new(Policy::Counts(Counts::default())).with_steps_max(STEPS_MAX, STEPS_MAX);
        let mut stack = SafeStack::default();
        let mut run = || {
            stack.begin();
            let stage = Stage {
                cpus: CPUS,
                smp: &stack.smp,
                director: &director,
                listener: &stack,
                feedback: None,
                tracing: false,
            };
            let end = conduct(&mut stacks, &stage, &|cpu| {
                if cpu.id() == 0 {
                    director.begin(cpu);
                }
                stack.race(cpu);
            });
            stack.end(&end)
        };
        // The run in which the uniform walks get to know their counts.
        run();
        let chosen = match &*director.policy() {
            Policy::Counts(counts) => of(policy, counts),
            _ => Policy::default(),
        };
        *director.policy() = chosen;
        again_and_again(seed, bounds, |seed| {
            director.policy().reseed(seed);
            run()
        })
    }
}

/// The policy that a header names, for a program that was counted.
fn of(policy: prog::Policy, counts: &Counts) -> Policy {
    match policy {
        prog::Policy::Records => Policy::default(),
        prog::Policy::Random { mean } => Policy::RandomWalk(RandomWalk::new(0, mean)),
        prog::Policy::Pct { depth } => Policy::Pct(Pct::new(0, depth, counts.steps().iter().sum())),
        prog::Policy::Pos => Policy::Pos(Pos::new(0)),
        prog::Policy::Urw => Policy::Urw(Urw::new(0, counts.steps())),
        prog::Policy::Surw => Policy::Surw(Surw::new(0, counts)),
    }
}
