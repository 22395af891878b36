//! Fewer decisions are an execution that a person can follow: the last passes drop and replace them.

use racewalk::prog::{Decision, Policy, Program, Schedule};
use racewalk::{Event, What};

use super::trial::Trial;
use crate::finding::recorded;

/// Runs that the search for one or two decisions may take, each.
const SEARCH_RUNS_MAX: usize = 60_000;
/// Schedules that are drawn from each random policy.
const REDRAWS: u64 = 1_000;

/// Drops decisions: all, halves, and so on down to one.
pub(super) fn drop(trial: &mut Trial<'_>) -> bool {
    let mut smaller = false;
    let mut size = trial.decisions().len();
    while size > 0 {
        let mut end = trial.decisions().len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let mut left = trial.decisions().to_vec();
            left.drain(start..end);
            smaller |= trial.accept(with_decisions(trial.best(), left));
            end = start.min(trial.decisions().len());
        }
        size /= 2;
    }
    smaller
}

/// Looks for any schedule of one decision that does it, then of two, then for one with fewer decisions than now among
/// random ones: dropping alone gets stuck where several decisions could be replaced by another one.
pub(super) fn fewer(trial: &mut Trial<'_>) -> bool {
    let now = trial.decisions().len();
    if now < 2 {
        return false;
    }
    let places = positions(trial.best());
    let single = places.iter().map(|&decision| vec![decision]);
    if search(trial, single) {
        return true;
    }
    if now < 3 {
        return false;
    }
    if places.len() * places.len() / 2 > SEARCH_RUNS_MAX {
        return redraw(trial);
    }
    let pairs = places
        .iter()
        .enumerate()
        .flat_map(|(n, &first)| places[n + 1..].iter().map(move |&second| vec![first, second]));
    search(trial, pairs) || redraw(trial)
}

/// Draws schedules with few preemptions and takes the first that does it in fewer decisions than now.
fn redraw(trial: &mut Trial<'_>) -> bool {
    let policies =
        [Policy::Pct { depth: 2 }, Policy::Pct { depth: 3 }, Policy::Random { mean: 64 }];
    for policy in policies {
        for seed in 0..REDRAWS {
            if trial.is_over() {
                return false;
            }
            let mut drawn = trial.best().clone();
            (drawn.head.policy, drawn.head.seed) = (policy, seed);
            if !trial.shows(&drawn) {
                continue;
            }
            let taken = trial.taken(&drawn);
            if taken.len() < trial.decisions().len()
                && trial.accept(with_decisions(trial.best(), taken))
            {
                return true;
            }
        }
    }
    false
}

fn search(trial: &mut Trial<'_>, schedules: impl Iterator<Item = Vec<Decision>>) -> bool {
    for schedule in schedules.take(SEARCH_RUNS_MAX) {
        if trial.is_over() {
            return false;
        }
        let candidate = with_decisions(trial.best(), schedule);
        if trial.shows(&candidate) && trial.accept(candidate) {
            return true;
        }
    }
    false
}

fn with_decisions(program: &Program, decisions: Vec<Decision>) -> Program {
    Program { schedule: Schedule::Decisions(decisions), ..program.clone() }
}

/// All single decisions that are possible: at each step of each operation of each CPU, for each other CPU.
///
/// How many steps an operation takes is what a run without decisions shows, and the run at hand.
fn positions(program: &Program) -> Vec<Decision> {
    let mut machine = racewalk::Machine::new();
    let mut steps: Vec<Vec<u32>> = program.cpus.iter().map(|ops| vec![0; ops.len()]).collect();
    for program in [program.clone(), with_decisions(program, Vec::new())] {
        let outcome = recorded(&mut machine, &program);
        let events = outcome.trace.as_ref().map_or(&[][..], |trace| trace.events());
        for (most, found) in
            steps.iter_mut().flatten().zip(steps_of_ops(&program, events).into_iter().flatten())
        {
            *most = (*most).max(found);
        }
    }
    let cpus = program.cpus.len() as u8;
    let mut all = Vec::new();
    for (cpu, ops) in (0..).zip(&steps) {
        for (op, &most) in (0..).zip(ops) {
            for k in 0..=most.min(u32::from(u16::MAX)) as u16 {
                all.extend((0..cpus).filter(|&next| next != cpu).map(|next| Decision {
                    cpu,
                    op,
                    k,
                    next,
                }));
            }
        }
    }
    all
}

fn steps_of_ops(program: &Program, events: &[Event]) -> Vec<Vec<u32>> {
    let mut steps: Vec<Vec<u32>> = program.cpus.iter().map(|ops| vec![0; ops.len()]).collect();
    let mut open: Vec<Option<(u16, u32)>> = vec![None; program.cpus.len()];
    for event in events {
        let cpu = usize::from(event.cpu);
        if let What::OpBegin(op) = event.what {
            open[cpu] = Some((op, event.step));
        }
        if let Some((op, begun)) = open[cpu]
            && let Some(most) = steps[cpu].get_mut(usize::from(op))
        {
            *most = event.step.saturating_sub(begun);
        }
    }
    steps
}
