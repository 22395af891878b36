//! A script follows decisions: who yields where, and to whom.

use super::ask::{lowest, nearest};
use super::{At, FAR, Grant, Why};
use crate::prog::Decision;
use crate::prog::limits::CPUS_MAX;

/// Follows a list of [`Decision`]s; whatever they leave open has one answer, so a script is a whole schedule.
///
/// A decision is consumed when its CPU stands exactly at its position, whether it was stopped there or blocks there.
/// One whose position the CPU has gone past is dropped. Without a decision a CPU stays, and when it cannot, the
/// lowest runnable one goes. If the CPU that a decision names cannot run, the next runnable one does.
///
/// Decisions of one CPU at one position are consumed in their order: it may block there, be woken, and block again.
#[derive(Clone, Debug, Default)]
pub struct Script {
    decisions: [Vec<Decision>; CPUS_MAX],
    cursor: [usize; CPUS_MAX],
}

impl Script {
    /// A script without decisions: CPU after CPU, to completion.
    pub fn new() -> Script {
        Script::default()
    }

    /// Follows these decisions from now on; the memory of the ones before is used again.
    pub fn load(&mut self, decisions: &[Decision]) {
        self.decisions.iter_mut().for_each(Vec::clear);
        for decision in decisions {
            if let Some(list) = self.decisions.get_mut(usize::from(decision.cpu)) {
                list.push(*decision);
            }
        }
        // Stable: the order at one position means something. Recorded decisions are sorted already.
        for list in &mut self.decisions {
            if !list.is_sorted_by_key(Decision::position) {
                list.sort_by_key(Decision::position);
            }
        }
        self.rewind();
    }

    pub(super) fn rewind(&mut self) {
        self.cursor = [0; CPUS_MAX];
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        let decision = self.upcoming(at).first().filter(|next| is_at(next, at)).copied();
        match decision {
            Some(decision) => {
                self.cursor[usize::from(at.cpu)] += 1;
                nearest(decision.next % CPUS_MAX as u8, runnable)
            }
            None if why.is_voluntary() => at.cpu,
            None => lowest(runnable),
        }
    }

    pub(super) fn grant(&mut self, at: At) -> Grant {
        let upcoming = self.upcoming(at);
        let Some(next) = upcoming.first() else { return Grant::far() };
        // The operation may end before the decision's step comes: then the one after must not be missed.
        let later = upcoming.iter().map(|d| u16::from(d.op)).find(|&op| op > at.op);
        let steps = if u16::from(next.op) == at.op { u32::from(next.k) - at.k } else { FAR };
        Grant { steps, next_op: later.unwrap_or(u16::MAX) }
    }

    /// The decisions of the CPU that it has not gone past.
    fn upcoming(&mut self, at: At) -> &[Decision] {
        let list = &self.decisions[usize::from(at.cpu)];
        let cursor = &mut self.cursor[usize::from(at.cpu)];
        while list.get(*cursor).is_some_and(|d| (u16::from(d.op), u32::from(d.k)) < (at.op, at.k)) {
            *cursor += 1;
        }
        &list[*cursor..]
    }
}

fn is_at(decision: &Decision, at: At) -> bool {
    u16::from(decision.op) == at.op && u32::from(decision.k) == at.k
}
