//! A cut that the schedule at hand does not survive may show the same under another one: it is tried again with all
//! schedules of few preemptions.

use racewalk::prog::{Op, Program, Setup, limits};
use racewalk::sched::{Bounded, Frontier};

use super::cut::{without_cpu, without_item, without_ops};
use super::trial::Trial;
use crate::explore::environment;

/// Runs for one program that was cut.
const RUNS_MAX: u32 = 1_500;

/// Leaves out one operation or item of the set-up, or moves one to where it races with nobody, under a schedule of its
/// own. Stops at the first that can go, for the cheaper passes to go on from there.
pub(super) fn cuts(trial: &mut Trial<'_>) -> bool {
    let mut candidates = Vec::new();
    let best = trial.best();
    for cpu in (0..best.cpus.len()).rev().filter(|_| best.cpus.len() > 1) {
        candidates.push(without_cpu(best, cpu as u8));
        let others = (0..best.cpus.len()).filter(|&other| other != cpu);
        candidates.extend(others.filter_map(|other| joined(best, other, cpu)));
    }
    for cpu in 0..best.cpus.len() {
        for op in (0..best.cpus[cpu].len()).rev() {
            candidates.push(without_ops(best, cpu as u8, op, op + 1));
        }
    }
    for cpu in 0..best.cpus.len() {
        candidates.extend(first_in_setup(best, cpu));
    }
    candidates.extend((0..best.setup.len()).rev().map(|item| without_item(best, item)));
    candidates.into_iter().any(|candidate| !trial.is_over() && rescheduled(trial, candidate))
}

/// The operations of `cpu` after those of `other`.
fn joined(program: &Program, other: usize, cpu: usize) -> Option<Program> {
    let (mine, its) = (&program.cpus[cpu], &program.cpus[other]);
    if mine.len() + its.len() > limits::OPS_MAX {
        return None;
    }
    let both: Vec<Op> = its.iter().chain(mine).copied().collect();
    let mut program = program.clone();
    program.cpus[other] = both;
    Some(without_cpu(&program, cpu as u8))
}

/// The first operation of a CPU at the end of the set-up, if the CPU has others.
fn first_in_setup(program: &Program, cpu: usize) -> Option<Program> {
    let op = *program.cpus[cpu].first()?;
    // What a CPU does at the end is what the program is about: that stays where it is.
    if program.setup.len() >= limits::SETUP_MAX || program.cpus[cpu].len() < 2 {
        return None;
    }
    let mut program = without_ops(program, cpu as u8, 0, 1);
    program.setup.push(Setup::Do(op));
    Some(program)
}

/// Takes a program if it shows the same as it is, or under any schedule of no more preemptions than there are
/// decisions now, as far as the runs go.
fn rescheduled(trial: &mut Trial<'_>, candidate: Program) -> bool {
    if trial.accept(candidate.clone()) {
        return true;
    }
    let Some(candidate) = trial.well_formed(candidate) else { return false };
    if !trial.first_time(&candidate) {
        return false;
    }
    let most = trial.decisions().len();
    let bound = most.min(2) as u32;
    let mut frontier = Frontier::new(bound, candidate.cpus.len(), environment(&candidate));
    let mut bounded = Bounded::default();
    let mut runs = 0;
    while runs < RUNS_MAX && !trial.is_over() && frontier.next(&mut bounded) {
        runs += 1;
        let shows = trial.shows_bounded(&candidate, &mut bounded);
        frontier.ran(bounded.log());
        if shows {
            let taken = trial.taken_bounded(&candidate, &mut bounded);
            if taken.len() <= most {
                let mut candidate = candidate.clone();
                candidate.schedule = racewalk::prog::Schedule::Decisions(taken);
                if trial.accept(candidate) {
                    return true;
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{first_in_setup, joined};
    use racewalk::prog::{Op, Program, Setup};

    fn program(ops: &[usize]) -> Program {
        let cpus = ops.iter().map(|&n| vec![Op::RcuGp; n]).collect();
        Program { cpus, ..Program::default() }
    }

    #[test]
    fn two_cpus_become_one_if_their_operations_fit() {
        let both = joined(&program(&[2, 3]), 0, 1).expect("they fit");
        assert_eq!(both.cpus.iter().map(Vec::len).collect::<Vec<_>>(), [5]);
        assert!(joined(&program(&[10, 10]), 0, 1).is_none());
    }

    #[test]
    fn a_cpu_keeps_its_last_operation() {
        let moved = first_in_setup(&program(&[2]), 0).expect("there is another");
        assert_eq!((moved.cpus[0].len(), &moved.setup[..]), (1, &[Setup::Do(Op::RcuGp)][..]));
        assert!(first_in_setup(&program(&[1]), 0).is_none());
    }
}
