//! Waits that a signal may end: it comes where nobody else can go on, and hides no deadlock.

use std::cell::RefCell;

use super::Toy;
use crate::run::{Director, End};
use crate::sched::{Policy, RandomWalk};
use crate::sync::{Cpu, Obj, WaitQueue};

fn director(seed: u64) -> Director {
    Director::new(Policy::RandomWalk(RandomWalk::new(seed, 3)))
}

/// Who waited, and whether what it waited for came.
type Said = RefCell<Vec<(u8, bool)>>;
/// What a CPU does.
type Body<'a> = &'a dyn Fn(&Toy, &WaitQueue, &Cpu<'_>, &Said);

/// What `body` leaves in the list, and how the run ended, for many seeds.
fn all(cpus: usize, body: Body<'_>) -> Vec<(End, Vec<(u8, bool)>)> {
    (0..50)
        .map(|seed| {
            let (toy, queue) = (Toy::new(), WaitQueue::new(Obj::new(4, 0)));
            let said = RefCell::default();
            let director = director(seed);
            let end = toy.run(cpus, &director, &|cpu| {
                if cpu.id() == 0 {
                    director.begin(cpu);
                }
                body(&toy, &queue, cpu, &said);
            });
            (end, said.take())
        })
        .collect()
}

#[test]
fn whoever_is_woken_is_not_killed() {
    let runs = all(2, &|toy, queue, cpu, said| {
        if cpu.id() == 0 {
            let there = queue.wait_event_killable(cpu, || toy.words[0].peek() == 1);
            said.borrow_mut().push((0, there));
        } else {
            toy.words[1].add_return(cpu, 1);
            toy.words[0].write_once(cpu, 1);
            queue.wake_up_all(cpu);
        }
    });
    assert!(runs.iter().all(|run| *run == (End::Clean, vec![(0, true)])), "{runs:?}");
}

#[test]
fn where_nobody_can_go_on_the_first_is_killed_and_may_help_the_others() {
    let runs = all(3, &|toy, queue, cpu, said| {
        let there = queue.wait_event_killable(cpu, || toy.words[0].peek() == 1);
        said.borrow_mut().push((cpu.id(), there));
        toy.words[0].write_once(cpu, 1);
        queue.wake_up_all(cpu);
    });
    for (end, mut said) in runs {
        assert_eq!(end, End::Clean);
        said.sort_unstable();
        assert_eq!(said, [(0, false), (1, true), (2, true)]);
    }
}

#[test]
fn a_deadlock_of_others_is_one_still() {
    let runs = all(2, &|toy, queue, cpu, _| {
        if cpu.id() == 0 {
            queue.wait_event_killable(cpu, || false);
        } else {
            toy.locks[0].lock(cpu);
            toy.locks[0].lock_nested(cpu);
        }
    });
    assert!(runs.iter().all(|(end, _)| *end == End::Deadlock { waiting: 2 }), "{runs:?}");
}
