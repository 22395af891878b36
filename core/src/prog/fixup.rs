//! Fix-up bends a program until it is well-formed; a program that is well-formed stays as it is.

use super::limits::{
    CPUS_MAX, DECISIONS_MAX, OPS_MAX, PCT_DEPTH_MAX, RUN_MEAN_MAX, SEED_MAX, SETUP_MAX, TURNS_MAX,
};
use super::op::Op;
use super::program::{Head, Policy, Program};
use super::scene;
use super::schedule::{Decision, Schedule, Turn, Until};
use super::setup::Setup;
use super::world::World;

/// Makes a program well-formed.
///
/// Afterwards there is at least one mm and one vma (a program without vmas gets the default scene), every reference is
/// to something declared (before its use, in the set-up), every address lies inside its vma, vmas do not overlap, and
/// the limits hold. Decisions are in the order of their positions.
pub fn fixup(program: &mut Program) {
    fix_head(&mut program.head);
    let world = fix_setup(&mut program.setup, program.head.hpn);
    fix_cpus(&mut program.cpus, &world);
    fix_schedule(&mut program.schedule, &program.cpus);
}

fn fix_head(head: &mut Head) {
    if !Head::HPNS.contains(&head.hpn) {
        head.hpn = Head::HPNS[usize::from(head.hpn) % 2];
    }
    match &mut head.policy {
        Policy::Records | Policy::Pos | Policy::Urw | Policy::Surw => {}
        Policy::Random { mean } => *mean = reduce(*mean, RUN_MEAN_MAX),
        Policy::Pct { depth } => *depth = reduce(*depth, PCT_DEPTH_MAX),
    }
    head.seed &= SEED_MAX;
    let unprintable = |title: &String| {
        title.is_empty() || title.trim() != title || title.contains(|c: char| c.is_control())
    };
    if head.title.as_ref().is_some_and(unprintable) {
        let title = head.title.take().unwrap_or_default();
        let title = title.replace(|c: char| c.is_control(), " ").trim().to_owned();
        head.title = (!title.is_empty()).then_some(title);
    }
}

/// A number from 1 to `max`; itself if it is one already.
pub(super) fn reduce(n: u8, max: u8) -> u8 {
    1 + n.wrapping_sub(1) % max
}

fn fix_setup(setup: &mut Vec<Setup>, hpn: u16) -> World {
    setup.truncate(SETUP_MAX);
    let mapping = setup.iter().position(|item| matches!(item, Setup::Mmap { .. }));
    let space = setup.iter().position(|item| matches!(item, Setup::Mm { .. }));
    if mapping.is_some_and(|mapping| space.is_none_or(|space| mapping < space)) {
        setup.truncate(SETUP_MAX - 1);
        setup.insert(0, Setup::Mm { unborn: false });
    }
    if !setup.iter().any(|item| matches!(item, Setup::Mmap { .. })) {
        setup.truncate(SETUP_MAX - scene::default().len());
        setup.splice(0..0, scene::default().iter().copied());
    }
    let mut world = World::new(hpn);
    setup.retain_mut(|item| {
        let kept = world.bend(item);
        if kept {
            world.declare(item);
        }
        kept
    });
    world
}

fn fix_cpus(cpus: &mut Vec<Vec<Op>>, world: &World) {
    cpus.truncate(CPUS_MAX);
    if cpus.is_empty() {
        cpus.push(Vec::new());
    }
    for ops in cpus {
        ops.truncate(OPS_MAX);
        ops.iter_mut().for_each(|op| world.bend_op(op));
    }
}

fn fix_schedule(schedule: &mut Schedule, cpus: &[Vec<Op>]) {
    let count = cpus.len() as u8;
    match schedule {
        Schedule::Decisions(decisions) => {
            decisions.retain_mut(|decision| fix_decision(decision, cpus));
            sort(decisions);
            decisions.truncate(DECISIONS_MAX);
        }
        // Text writes a schedule without lines in one way only.
        Schedule::Turns(turns) if turns.is_empty() => *schedule = Schedule::default(),
        Schedule::Turns(turns) => {
            turns.truncate(TURNS_MAX);
            for Turn { cpu, until } in turns {
                *cpu %= count;
                match until {
                    Until::Place { nth, .. } => *nth = (*nth).max(1),
                    Until::Steps(steps) => *steps = (*steps).max(1),
                    Until::Exit => {}
                }
            }
        }
    }
}

fn fix_decision(decision: &mut Decision, cpus: &[Vec<Op>]) -> bool {
    let count = cpus.len() as u8;
    decision.cpu %= count;
    decision.next %= count;
    let ops = cpus[usize::from(decision.cpu)].len();
    if usize::from(decision.op) == ops {
        decision.k = 0;
    }
    usize::from(decision.op) <= ops
}

/// Sorts by position and keeps the order at one position.
fn sort(decisions: &mut [Decision]) {
    if decisions.len() > DECISIONS_MAX {
        return decisions.sort_by_key(Decision::position);
    }
    // By hand, because the standard stable sort may allocate and this runs at every fuzz execution.
    for end in 1..decisions.len() {
        let mut at = end;
        while at > 0 && decisions[at - 1].position() > decisions[at].position() {
            decisions.swap(at - 1, at);
            at -= 1;
        }
    }
}
