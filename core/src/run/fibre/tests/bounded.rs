//! A systematic search against a count by hand: the same schedules, each of them once.

use std::collections::BTreeSet;

use super::Toy;
use crate::run::{Director, Stacks};
use crate::sched::{Bounded, Frontier, Policy};
use crate::trace::What;

/// What a CPU of these tests may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Act {
    Write,
    Lock(usize),
    Unlock(usize),
    /// It wanted a lock and began to wait for it.
    Wait(usize),
}

use Act::{Lock, Unlock, Wait, Write};

/// Who did what, in the order in which it was done.
type History = Vec<(u8, Act)>;

/// The operations of each CPU.
type Ops<'a> = &'a [&'a [&'a [Act]]];

/// Runs all schedules that the frontier hands out; how many there were, and the histories.
fn search(cpus: Ops<'_>, bound: u32, environment: u32) -> (usize, BTreeSet<History>) {
    let mut stacks = Stacks::new().expect("room for four stacks");
    let director = Director::new(Policy::default());
    let mut frontier = Frontier::new(bound, cpus.len(), environment);
    let (mut count, mut histories) = (0, BTreeSet::new());
    let mut bounded = Bounded::default();
    while frontier.next(&mut bounded) {
        *director.policy() = Policy::Bounded(std::mem::take(&mut bounded));
        let toy = Toy::new();
        toy.run_on(&mut stacks, cpus.len(), &director, &|cpu| {
            if cpu.id() == 0 {
                director.begin(cpu);
            }
            let ops = cpus[usize::from(cpu.id())];
            for (n, op) in (0..).zip(ops) {
                cpu.begin_op(n);
                for act in *op {
                    match *act {
                        Write => _ = toy.words[0].add_return(cpu, 1),
                        Lock(lock) => toy.locks[lock].lock_nested(cpu),
                        Unlock(lock) => toy.locks[lock].unlock(cpu),
                        Wait(_) => {}
                    }
                }
            }
            cpu.begin_op(ops.len() as u16);
        });
        if let Policy::Bounded(ran) = &mut *director.policy() {
            bounded = std::mem::take(ran);
        }
        if frontier.ran(bounded.log()) {
            count += 1;
            histories.insert(history(&toy));
        }
    }
    (count, histories)
}

fn history(toy: &Toy) -> History {
    let mut history = History::new();
    for event in toy.trace.borrow().events() {
        let act = match event.what {
            What::Rmw { .. } => Write,
            What::Lock { obj, .. } => Lock(obj.index() as usize),
            What::Unlock { obj } => Unlock(obj.index() as usize),
            What::Wait { obj } => Wait(obj.index() as usize),
            _ => continue,
        };
        // Who waits, is woken, and has to wait still, has done nothing.
        let before = history.iter().rev().find(|(cpu, _)| *cpu == event.cpu);
        if !(matches!(act, Wait(_)) && before == Some(&(event.cpu, act))) {
            history.push((event.cpu, act));
        }
    }
    history
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    Ready,
    Waiting(usize),
    Woken,
    Done,
}

/// The same machine once more, as simple as can be: no fibres, no director, every choice tried.
#[derive(Clone)]
struct Model<'a> {
    acts: &'a [Vec<Act>],
    at: Vec<usize>,
    is: Vec<Is>,
    taken: [bool; 2],
    history: History,
}

impl Model<'_> {
    fn runnable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.is.len()).filter(|&cpu| matches!(self.is[cpu], Is::Ready | Is::Woken))
    }

    /// `cpu` goes until it is asked again; whether it can go on.
    fn go(&mut self, cpu: usize) -> bool {
        match (self.is[cpu], self.acts[cpu][self.at[cpu]]) {
            (is, Lock(lock)) if self.taken[lock] => {
                if is == Is::Ready {
                    self.history.push((cpu as u8, Wait(lock)));
                }
                self.is[cpu] = Is::Waiting(lock);
                return false;
            }
            (_, act) => {
                match act {
                    Write | Wait(_) => {}
                    Lock(lock) => self.taken[lock] = true,
                    Unlock(lock) => {
                        self.taken[lock] = false;
                        for is in &mut self.is {
                            if *is == Is::Waiting(lock) {
                                *is = Is::Woken;
                            }
                        }
                    }
                }
                self.history.push((cpu as u8, act));
            }
        }
        self.at[cpu] += 1;
        self.is[cpu] = if self.at[cpu] == self.acts[cpu].len() { Is::Done } else { Is::Ready };
        self.is[cpu] == Is::Ready
    }

    fn all(&self, runs: Option<usize>, preemptions: u32, histories: &mut BTreeSet<History>) {
        if self.runnable().next().is_none() {
            histories.insert(self.history.clone());
        }
        for next in self.runnable() {
            let price = u32::from(runs.is_some_and(|runs| runs != next));
            if price <= preemptions {
                let mut model = self.clone();
                let goes_on = model.go(next);
                model.all(goes_on.then_some(next), preemptions - price, histories);
            }
        }
    }
}

/// Compares a search with the model, bound by bound, and returns how many schedules there were with the largest one.
fn check(cpus: &[&[Act]]) -> usize {
    let ops: Vec<Vec<&[Act]>> = cpus.iter().map(|acts| vec![*acts]).collect();
    let ops: Vec<&[&[Act]]> = ops.iter().map(Vec::as_slice).collect();
    let acts: Vec<Vec<Act>> = cpus.iter().map(|acts| acts.to_vec()).collect();
    let mut last = 0;
    for bound in 0..=3 {
        let mut expected = BTreeSet::new();
        let model = Model {
            acts: &acts,
            at: vec![0; cpus.len()],
            is: vec![Is::Ready; cpus.len()],
            taken: [false; 2],
            history: Vec::new(),
        };
        model.all(None, bound, &mut expected);
        let (count, found) = search(&ops, bound, 0);
        assert_eq!(found, expected, "{cpus:?} with {bound} preemptions");
        assert_eq!(count, found.len(), "{cpus:?} with {bound} preemptions: none comes twice");
        last = count;
    }
    last
}

#[test]
fn steps_that_nobody_waits_for() {
    // Two CPUs of three steps: 2, then 4 ways to preempt once, and so on; all 20 interleavings with enough of them.
    assert_eq!(check(&[&[Write; 2], &[Write; 2]]), 6);
    assert_eq!(search(&[&[&[Write; 3]], &[&[Write; 3]]], 9, 0).0, 20);
    assert_eq!(search(&[&[&[Write; 3]], &[&[Write; 3]]], 0, 0).0, 2);
    assert_eq!(search(&[&[&[Write; 3]], &[&[Write; 3]]], 1, 0).0, 2 + 4);
    check(&[&[Write; 3], &[Write; 2], &[Write; 2]]);
    check(&[&[Write; 1], &[Write; 1], &[Write; 2], &[Write; 1]]);
}

#[test]
fn locks_that_are_waited_for() {
    let locked = [Lock(0), Write, Unlock(0)];
    check(&[&locked, &locked]);
    check(&[&locked, &locked, &[Write; 2]]);
    check(&[&locked, &locked, &locked]);
    let twice = [Lock(0), Unlock(0), Lock(0), Unlock(0), Write];
    check(&[&twice, &[Write, Lock(0), Write, Unlock(0)]]);
    check(&[&twice, &twice, &[Lock(0), Unlock(0)]]);
}

#[test]
fn deadlocks_are_ends_too() {
    let (ab, ba) =
        ([Lock(0), Lock(1), Unlock(1), Unlock(0)], [Lock(1), Lock(0), Unlock(0), Unlock(1)]);
    check(&[&ab, &ba]);
    check(&[&ab, &ba, &[Lock(1), Write, Unlock(1)]]);
}

/// The number of ways to choose `k` of `n`.
fn choose(n: usize, k: usize) -> usize {
    (1..=k).fold(1, |product, i| product * (n - k + i) / i)
}

#[test]
fn the_environment_is_free() {
    // Whenever CPU 0 could take a step, and at the end, each operation of CPU 1 in its order, as a whole.
    for (steps, ops) in [(4, 1), (4, 2), (3, 3)] {
        for length in 1..3 {
            let op: &[Act] = &[Write; 2][..length];
            let (count, found) = search(&[&[&[Write; 4][..steps]], &vec![op; ops]], 0, 0b10);
            assert_eq!(count, choose(steps + ops, ops));
            assert_eq!(found.len(), count);
        }
    }
    // Beside two others: it adds its places, and no preemption of one by the other.
    let two: &[&[Act]] = &[&[Write; 2]];
    let (count, found) = search(&[two, two, &[&[Write; 1]]], 0, 0b100);
    assert_eq!(count, 2 * 5);
    assert_eq!(found.len(), count);
    let (count, found) = search(&[two, two, &[&[Write; 1]]], 1, 0b100);
    assert_eq!(found.len(), count);
    // Two CPUs of the environment do not make each other's operations longer.
    let (count, found) = search(&[two, &[&[Write; 2]], &[&[Write; 2]]], 0, 0b110);
    assert_eq!(count, 3 * 4);
    assert_eq!(found.len(), count);
}

#[test]
fn nothing_but_environment_is_like_anybody() {
    let two: &[&[Act]] = &[&[Write; 2]];
    assert_eq!(search(&[two, two], 0, 0b11), search(&[two, two], 0, 0));
}
