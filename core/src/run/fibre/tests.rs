//! Toy machines under a director: every way a run can end.

mod bounded;
mod killed;
mod replay;

use std::cell::{Cell, RefCell};

use super::{Listener, Stage, conduct};
use crate::prog::{Decision, PlaceName, Turn, Until};
use crate::run::{Director, End, Stacks};
use crate::sched::{Policy, RandomWalk, Script, Turns};
use crate::sync::{Cpu, Feedback, LockClass, Obj, Place, Rwsem, Smp, Spinlock, What, Word};
use crate::trace::{Event, Trace};

const LEFT: Place = Place(7);

/// A few locks and words, and an ear that keeps the trace.
struct Toy {
    smp: Smp,
    locks: [Spinlock; 2],
    sem: Rwsem,
    words: [Word; 4],
    trace: RefCell<Trace>,
    deaf_after: Cell<usize>,
    tracing: bool,
}

impl Toy {
    fn new() -> Toy {
        Toy {
            smp: Smp::default(),
            locks: [0, 1].map(|i| Spinlock::new(Obj::new(1, i), LockClass::spinning(9))),
            sem: Rwsem::new(Obj::new(2, 0), 1),
            words: [0, 1, 2, 3].map(|i| Word::new(Obj::new(3, i), 0)),
            trace: RefCell::default(),
            deaf_after: Cell::new(usize::MAX),
            tracing: true,
        }
    }

    fn run(&self, cpus: usize, director: &Director, body: &dyn Fn(&Cpu<'_>)) -> End {
        let mut stacks = Stacks::new().expect("room for four stacks");
        self.run_on(&mut stacks, cpus, director, body)
    }

    fn run_on(
        &self,
        stacks: &mut Stacks,
        cpus: usize,
        director: &Director,
        body: &dyn Fn(&Cpu<'_>),
    ) -> End {
        self.trace.borrow_mut().clear();
        let feedback = Some(&Feedback::default());
        let stage = Stage {
            cpus,
            smp: &self.smp,
            director,
            listener: self,
            feedback,
            tracing: self.tracing,
        };
        conduct(stacks, &stage, body)
    }

    fn hash(&self) -> u64 {
        self.trace.borrow().hash()
    }

    /// One operation of a random program; some of them deadlock with each other.
    fn op(&self, cpu: &Cpu<'_>, kind: u32) {
        let [a, b] = &self.locks;
        let word = &self.words[kind as usize / 16 % 4];
        match kind % 12 {
            0 | 1 => {
                a.lock(cpu);
                word.add_return(cpu, 1);
                a.unlock(cpu);
            }
            2 | 10 => {
                a.lock(cpu);
                b.lock_nested(cpu);
                word.xchg(cpu, kind.into());
                b.unlock(cpu);
                a.unlock(cpu);
            }
            3 | 11 => {
                b.lock(cpu);
                if kind & 1024 == 0 && a.trylock(cpu) {
                    a.unlock(cpu);
                } else if kind & 1024 != 0 {
                    a.lock_nested(cpu);
                    a.unlock(cpu);
                }
                b.unlock(cpu);
            }
            4 => {
                self.sem.down_read(cpu);
                let _span = cpu.enter(LEFT);
                word.read_once(cpu);
                self.sem.up_read(cpu);
            }
            5 => {
                self.sem.down_write(cpu);
                word.write_once(cpu, 5);
                self.sem.downgrade_write(cpu);
                word.read_once(cpu);
                self.sem.up_read(cpu);
            }
            6 => {
                cpu.local_irq_disable();
                word.read_once(cpu);
                word.read_once(cpu);
                cpu.local_irq_enable();
            }
            7 => (0..3).for_each(|target| cpu.wait_for_irqs_on(target)),
            8 => {}
            _ => (0..8).for_each(|n| word.write_once(cpu, n)),
        }
    }
}

impl Listener for Toy {
    fn note(&self, cpu: &Cpu<'_>, what: What) -> bool {
        let mut trace = self.trace.borrow_mut();
        trace.push(Event { cpu: cpu.id(), step: cpu.now(), place: cpu.place(), what });
        trace.events().len() < self.deaf_after.get()
    }
}

fn xorshift(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as u32
}

fn script(decisions: &[Decision]) -> Policy {
    let mut script = Script::new();
    script.load(decisions);
    Policy::Script(script)
}

fn turns(list: &[Turn]) -> Policy {
    let mut turns = Turns::new();
    turns.load(list);
    Policy::Turns(turns)
}

#[test]
fn three_cpus_count_under_a_lock() {
    let toy = Toy::new();
    let director = Director::new(Policy::RandomWalk(RandomWalk::uniform(3)));
    let end = toy.run(3, &director, &|cpu| {
        if cpu.id() == 0 {
            director.begin(cpu);
        }
        for _ in 0..50 {
            toy.locks[0].lock(cpu);
            let count = toy.words[0].read_once(cpu);
            toy.words[0].write_once(cpu, count + 1);
            toy.locks[0].unlock(cpu);
        }
    });
    assert_eq!(end, End::Clean);
    assert_eq!(toy.words[0].peek(), 150);
    assert!(director.preemptions() > 50);
    assert!(director.taken().is_empty(), "nothing was recorded");
}

#[test]
fn the_set_up_is_alone() {
    let toy = Toy::new();
    let director = Director::new(Policy::RandomWalk(RandomWalk::uniform(1)));
    let end = toy.run(3, &director, &|cpu| {
        if cpu.id() == 0 {
            (0..100).for_each(|_| toy.words[0].write_once(cpu, 1));
            toy.words[1].write_once(cpu, 1);
            director.begin(cpu);
        }
        assert_eq!(toy.words[1].read_once(cpu), 1);
    });
    assert_eq!(end, End::Clean);
}

#[test]
fn two_locks_in_two_orders_deadlock() {
    let toy = Toy::new();
    let at = |cpu, k, next| Decision { cpu, op: 0, k, next };
    let director = Director::new(script(&[at(0, 1, 1)]));
    let end = toy.run(3, &director, &|cpu| match cpu.id() {
        2 => cpu.begin_op(0),
        id => {
            if id == 0 {
                director.begin(cpu);
            }
            cpu.begin_op(0);
            toy.locks[usize::from(id)].lock(cpu);
            toy.locks[usize::from(1 - id)].lock(cpu);
        }
    });
    assert_eq!(end, End::Deadlock { waiting: 3 });
}

#[test]
fn a_lock_taken_twice_in_the_set_up_deadlocks() {
    let (toy, director) = (Toy::new(), Director::new(Policy::default()));
    let end = toy.run(2, &director, &|cpu| {
        assert_eq!(cpu.id(), 0);
        toy.locks[0].lock(cpu);
        toy.locks[0].lock(cpu);
    });
    assert_eq!(end, End::Deadlock { waiting: 1 });
}

/// Two CPUs that each wait for the other to be quick: `fair` tells whether round robin helps.
fn check_spin(fair: bool, expected: End) {
    let toy = Toy::new();
    let director = Director::new(Policy::default()).with_steps_max(500, 500);
    let end = toy.run(2, &director, &|cpu| {
        if cpu.id() == 0 {
            director.begin(cpu);
            while toy.words[0].read_once(cpu) == 0 {}
        } else if fair {
            toy.words[0].write_once(cpu, 1);
        }
    });
    assert_eq!(end, expected);
}

#[test]
fn a_loop_that_nobody_ends_is_a_livelock() {
    check_spin(false, End::Livelock);
}

#[test]
fn a_loop_that_somebody_ends_is_only_slow() {
    check_spin(true, End::Clean);
}

#[test]
fn an_endless_set_up_is_a_livelock() {
    let (toy, director) = (Toy::new(), Director::new(Policy::default()));
    assert_eq!(
        toy.run(2, &director, &|cpu| while toy.words[0].read_once(cpu) == 0 {}),
        End::Livelock
    );
}

#[test]
fn a_panic_is_an_end_and_the_stacks_are_good_again() {
    struct Alive<'a>(&'a Cell<i32>);
    impl Drop for Alive<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let mut stacks = Stacks::new().expect("room for four stacks");
    let alive = Cell::new(0);
    for seed in 0..50 {
        let toy = Toy::new();
        let director = Director::new(Policy::RandomWalk(RandomWalk::new(seed, 3)));
        let end = toy.run_on(&mut stacks, 3, &director, &|cpu| {
            alive.set(alive.get() + 1);
            let _alive = Alive(&alive);
            let _span = cpu.enter(LEFT);
            if cpu.id() == 0 {
                director.begin(cpu);
            }
            for i in 0..20 {
                toy.op(cpu, 0);
                assert!(i < 10 || cpu.id() != 1, "number {i}");
            }
        });
        assert_eq!(end, End::Panicked("number 10".into()));
        assert_eq!(alive.get(), 0);
    }
}

#[test]
fn a_listener_stops_the_run() {
    let (toy, director) = (Toy::new(), Director::new(Policy::RandomWalk(RandomWalk::uniform(1))));
    toy.deaf_after.set(30);
    let end = toy.run(3, &director, &|cpu| {
        if cpu.id() == 0 {
            director.begin(cpu);
        }
        (0..100).for_each(|_| toy.op(cpu, 4));
    });
    assert_eq!(end, End::Stopped);
    assert_eq!(toy.trace.borrow().events().len(), 30);
}

/// Three CPUs pass LEFT ten times each, four steps a time. Returns who took each step.
fn passers(director: &Director) -> Vec<u8> {
    let (toy, who) = (Toy::new(), RefCell::new(Vec::new()));
    let end = toy.run(3, director, &|cpu| {
        if cpu.id() == 0 {
            director.begin(cpu);
        }
        for op in 0..10 {
            cpu.begin_op(op);
            for step in 0..4 {
                if step == 1 {
                    cpu.pass(LEFT);
                }
                toy.words[0].read_once(cpu);
                who.borrow_mut().push(cpu.id());
            }
        }
        cpu.begin_op(10);
    });
    assert_eq!(end, End::Clean);
    who.into_inner()
}

#[test]
fn turns_end_at_places_steps_and_exits() {
    let left = |nth| Until::Place { place: PlaceName(LEFT.0), nth };
    let turn = |cpu, until| Turn { cpu, until };
    let list = [
        turn(1, left(2)),
        turn(2, Until::Steps(3)),
        turn(1, left(1)),
        turn(2, Until::Exit),
        turn(2, left(1)),
    ];
    let director = Director::new(turns(&list));
    let who = passers(&director);
    let runs: Vec<(u8, usize)> =
        who.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
    assert_eq!(runs, [(1, 5), (2, 3), (1, 4), (2, 37), (0, 40), (1, 31)]);
    let Policy::Turns(turns) = &*director.policy() else { panic!("turns") };
    assert_eq!(turns.missed(), [4]);
}

#[test]
fn a_decision_interrupts_where_it_says() {
    let at = |cpu, op, k, next| Decision { cpu, op, k, next };
    // The second lies past the end of its operation; the last says who goes when CPU 2 has finished.
    let director =
        Director::new(script(&[at(0, 1, 2, 2), at(0, 2, 9, 1), at(0, 3, 0, 1), at(2, 10, 0, 0)]));
    let runs: Vec<(u8, usize)> =
        passers(&director).chunk_by(|a, b| a == b).map(|r| (r[0], r.len())).collect();
    assert_eq!(runs, [(0, 6), (2, 40), (0, 6), (1, 40), (0, 28)]);
}
