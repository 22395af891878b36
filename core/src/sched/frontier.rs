//! The frontier of a systematic search: the schedules with at most so many preemptions that are still to be run.
//!
//! Iterative context bounding (Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
//! multithreaded programs", PLDI 2007): all schedules without a preemption come first, then those with one, and so
//! on. Each is made of one that was run: it does the same up to a place where there was a choice, and chooses otherwise.
//! So no schedule comes twice.

use std::collections::VecDeque;

use super::bounded::{Cut, Leg, Log};
use super::{Bounded, Why};
use crate::prog::limits::CPUS_MAX;

/// A schedule that was run, and how far its alternatives have been handed out.
#[derive(Clone, Debug)]
struct Node {
    log: Log,
    /// The preemptions of the schedule.
    preemptions: u32,
    /// The first leg in which it may be departed from: all before was prescribed.
    first: usize,
    at: Cursor,
}

/// Before the next step of a leg when it has taken `steps`; the CPUs below `cpu` have been considered.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    leg: usize,
    steps: u32,
    cpu: u8,
}

/// The schedules of a program with at most so many preemptions.
///
/// To preempt is to switch away from a CPU that could go on. It is free to switch to a CPU of the environment, and back
/// from it at the end of its operation.
#[derive(Clone, Debug)]
pub struct Frontier {
    environment: u32,
    bound: u32,
    /// Those with as many preemptions as the one that runs, or one less, that others are still made of for nothing.
    stack: Vec<Node>,
    /// Those with one preemption less, that others are still made of by one more.
    sources: VecDeque<Node>,
    /// Those that will be sources of the next level.
    waiting: VecDeque<Node>,
    level: u32,
    begun: bool,
    /// The schedule that was handed out last.
    cuts: Vec<Cut>,
}

impl Frontier {
    /// All schedules with at most `bound` preemptions are to be run. `environment` is the mask of the CPUs of the
    /// environment; with nobody else they are CPUs like any others.
    pub fn new(bound: u32, cpus: usize, environment: u32) -> Frontier {
        let all = (1 << cpus.min(CPUS_MAX)) - 1;
        Frontier {
            environment: if environment & all == all { 0 } else { environment & all },
            bound,
            stack: Vec::new(),
            sources: VecDeque::new(),
            waiting: VecDeque::new(),
            level: 0,
            begun: false,
            cuts: Vec::new(),
        }
    }

    /// How many preemptions the schedules have that are now handed out.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Prepares the policy for the next schedule; `false` if all have been run.
    ///
    /// When that was run, [`Frontier::ran`] must be told.
    pub fn next(&mut self, policy: &mut Bounded) -> bool {
        if !std::mem::replace(&mut self.begun, true) {
            self.cuts.clear();
        } else if !self.advance() {
            return false;
        }
        let listens = self.level < self.bound || self.environment != 0;
        policy.load(&self.cuts, self.environment, listens);
        true
    }

    /// The schedule was run, and this came of it. `false` if it was none of its own: the CPU that was to go on had to
    /// wait still, so that it is the same as another schedule.
    pub fn ran(&mut self, log: &Log) -> bool {
        let first = self.cuts.len();
        if log.legs.get(first).is_some_and(Leg::is_futile) {
            return false;
        }
        let at = Cursor { leg: first, ..Cursor::default() };
        self.stack.push(Node { log: log.clone(), preemptions: self.level, first, at });
        true
    }

    /// How many schedules the present level has at least, besides those handed out: those that are made directly of
    /// the level before. It walks over all of these, so it is for when the level has just changed.
    pub fn known(&self) -> u64 {
        self.sources.iter().map(|node| node.count(self.environment)).sum()
    }

    /// The next schedule, into `cuts`.
    fn advance(&mut self) -> bool {
        loop {
            while let Some(node) = self.stack.last_mut() {
                if node.depart(false, self.environment, &mut self.cuts) {
                    return true;
                }
                let mut node = self.stack.pop().expect("it was just looked at");
                if node.preemptions < self.bound {
                    node.at = Cursor { leg: node.first, ..Cursor::default() };
                    self.waiting.push_back(node);
                }
            }
            if self.sources.is_empty() {
                if self.waiting.is_empty() {
                    return false;
                }
                self.sources = std::mem::take(&mut self.waiting);
                self.level += 1;
            }
            while let Some(node) = self.sources.front_mut() {
                if node.depart(true, self.environment, &mut self.cuts) {
                    return true;
                }
                self.sources.pop_front();
            }
        }
    }
}

impl Node {
    /// The next schedule that departs from this one, with one more preemption or with none, into `cuts`.
    fn depart(&mut self, preempting: bool, environment: u32, cuts: &mut Vec<Cut>) -> bool {
        while let Some(cut) = self.step(preempting, environment) {
            if let Some((leg, cut)) = cut {
                self.write(leg, cut, cuts);
                return true;
            }
        }
        false
    }

    fn count(&self, environment: u32) -> u64 {
        let mut node = self.clone();
        let mut count = 0;
        while let Some(cut) = node.step(true, environment) {
            count += u64::from(cut.is_some());
        }
        count
    }

    /// Moves the cursor by one: `None` if it is at the end, `Some(None)` if what it passed is no choice of this kind.
    fn step(&mut self, preempting: bool, environment: u32) -> Option<Option<(usize, Cut)>> {
        let at = self.at;
        let leg = *self.log.legs.get(at.leg)?;
        let ends = at.steps >= leg.steps;
        if usize::from(at.cpu) == CPUS_MAX {
            self.at = if ends {
                Cursor { leg: at.leg + 1, ..Cursor::default() }
            } else {
                Cursor { steps: at.steps + 1, cpu: 0, ..at }
            };
            return Some(None);
        }
        // Without an environment nothing but the end of a leg is for free.
        if !preempting && environment == 0 && !ends {
            self.at = Cursor { steps: leg.steps, cpu: 0, ..at };
            return Some(None);
        }
        self.at.cpu += 1;
        let cost = if ends {
            self.cost_at_end(at.leg, at.cpu, environment)
        } else {
            self.cost_within(at, environment)
        };
        let steps = (!ends || leg.ended.is_some_and(Why::is_voluntary)).then_some(at.steps);
        let cut = Cut { steps, next: at.cpu };
        Some((cost == Some(u32::from(preempting))).then_some((at.leg, cut)))
    }

    /// What it costs to switch to `at.cpu` in the middle of a leg; `None` if that cannot be, or is nothing new.
    fn cost_within(&self, at: Cursor, environment: u32) -> Option<u32> {
        let leg = self.log.legs[at.leg];
        // Who has just been switched to and has done nothing yet need not have been.
        if at.steps == 0 && !leg.waited || at.cpu == leg.cpu {
            return None;
        }
        let changes = self.log.changes.iter().rev();
        let runnable = changes
            .filter(|change| change.leg == at.leg && change.steps <= at.steps)
            .map(|change| change.runnable)
            .next()
            .unwrap_or_else(|| self.log.legs[at.leg - 1].runnable);
        let interrupts = environment >> at.cpu & 1 == 1 && environment >> leg.cpu & 1 == 0;
        (runnable >> at.cpu & 1 == 1).then_some(u32::from(!interrupts))
    }

    /// The same at the end of a leg, where somebody has to be chosen.
    fn cost_at_end(&self, leg: usize, cpu: u8, environment: u32) -> Option<u32> {
        let Leg { ended, runnable, cpu: ran, .. } = self.log.legs[leg];
        let chosen = self.log.legs.get(leg + 1)?;
        // If who was chosen could not go on, the choice that counts is the one after.
        if ended.is_none() || chosen.is_futile() || chosen.cpu == cpu || runnable >> cpu & 1 == 0 {
            return None;
        }
        let is_environment = |cpu: u8| environment >> cpu & 1 == 1;
        let interrupted = self.log.home(leg, environment);
        let preempts = is_environment(ran)
            && ended != Some(Why::Begin)
            && !is_environment(cpu)
            && interrupted.is_some_and(|home| home != cpu && runnable >> home & 1 == 1);
        Some(u32::from(preempts))
    }

    /// The schedule up to `leg`, then `cut`.
    fn write(&self, leg: usize, cut: Cut, cuts: &mut Vec<Cut>) {
        cuts.clear();
        cuts.extend(self.log.legs[..=leg].windows(2).map(|pair| Cut {
            steps: pair[0].ended.is_some_and(Why::is_voluntary).then_some(pair[0].steps),
            next: pair[1].cpu,
        }));
        cuts.push(cut);
    }
}
