//! An anchor is a named place at which a turn ends: it says why the CPU stops there, and survives changes of the code.

use racewalk::prog::{PlaceName, Program, Schedule, Turn, Until};
use racewalk::{Event, Machine, Place, What, place_name};

use crate::finding::{Finding, Signature, recorded, signature_of};

/// The places that a CPU came to in a turn, and for the how manieth time.
type Arrivals = Vec<(Place, u16)>;

/// A finding's program with its schedule in words, as far as they can say the same.
///
/// First every `for n` becomes `until PLACE` where the trace stays the same. What is left is moved to the nearest
/// place before or after, if the same oracle still notices in the same function. Turns that change nothing go.
/// The record form comes back if turns cannot say it.
pub(crate) fn in_words(machine: &mut Machine, finding: &Finding) -> Program {
    let (hash, _, turns) = look(machine, &finding.program);
    let program = Program { schedule: Schedule::Turns(turns), ..finding.program.clone() };
    let mut work = Work { machine, signature: finding.signature, program, hash };
    if look(work.machine, &work.program).0 != hash {
        return finding.program.clone();
    }
    for turn in 0..work.turns().len() {
        work.name_exactly(turn);
    }
    work.drop_idle_turns();
    for turn in 0..work.turns().len() {
        work.name_nearly(turn);
    }
    work.drop_idle_turns();
    work.program
}

/// Hash, signature and turns of a run.
fn look(machine: &mut Machine, program: &Program) -> (u64, Option<Signature>, Vec<Turn>) {
    let outcome = recorded(machine, program);
    let hash = outcome.trace.as_ref().map_or(0, |trace| trace.hash());
    (hash, signature_of(&outcome), outcome.turns)
}

/// A program on its way into words.
struct Work<'m> {
    machine: &'m mut Machine,
    signature: Signature,
    program: Program,
    hash: u64,
}

impl Work<'_> {
    fn turns(&self) -> &[Turn] {
        match &self.program.schedule {
            Schedule::Turns(turns) => turns,
            Schedule::Decisions(_) => &[],
        }
    }

    fn with_turn(&self, turn: usize, until: Until) -> Program {
        let mut turns = self.turns().to_vec();
        turns[turn].until = until;
        Program { schedule: Schedule::Turns(turns), ..self.program.clone() }
    }

    /// The places that the CPU came to in a turn, in order, each with the number of the arrival; and those after it.
    fn arrivals(&mut self, turn: usize) -> (Arrivals, Arrivals) {
        let outcome = recorded(self.machine, &self.program);
        let events = race(outcome.trace.as_ref().map_or(&[][..], |trace| trace.events()));
        let Some((start, end)) = stretch(events, self.turns(), turn) else {
            return Default::default();
        };
        let cpu = self.turns()[turn].cpu;
        let mut arrived = Vec::<(Place, u16)>::new();
        let later = events[end..].iter().filter(|event| event.cpu == cpu);
        let mut within = 0;
        for (n, event) in events[start..end].iter().chain(later).enumerate() {
            if let What::Enter(place) | What::Pass(place) = event.what {
                let nth = arrived.iter().filter(|(other, _)| *other == place).count() + 1;
                arrived.push((place, nth as u16));
            }
            if start + n < end {
                within = arrived.len();
            }
        }
        let after = arrived.split_off(within);
        (arrived, after)
    }

    fn is_counted(&self, turn: usize) -> bool {
        matches!(self.turns().get(turn), Some(Turn { until: Until::Steps(_), .. }))
    }

    /// `for n` becomes the place where the CPU stands, if it has just come to one.
    fn name_exactly(&mut self, turn: usize) {
        if !self.is_counted(turn) {
            return;
        }
        let (mut arrived, _) = self.arrivals(turn);
        arrived.reverse();
        arrived.truncate(4);
        arrived.sort_by_key(|(place, nth)| (!is_label(*place), *nth > 1));
        for (place, nth) in arrived {
            let candidate = self.with_turn(turn, until(place, nth));
            if look(self.machine, &candidate).0 == self.hash {
                self.program = candidate;
                return;
            }
        }
    }

    /// `for n` becomes the nearest place where stopping does the same harm, labels first.
    fn name_nearly(&mut self, turn: usize) {
        if !self.is_counted(turn) {
            return;
        }
        let (mut before, mut after) = self.arrivals(turn);
        before.reverse();
        before.truncate(6);
        after.truncate(6);
        let mut near: Vec<(Place, u16)> = before.into_iter().chain(after).collect();
        near.sort_by_key(|(place, nth)| (*nth > 1, !is_label(*place)));
        for (place, nth) in near {
            let candidate = self.with_turn(turn, until(place, nth));
            let (hash, signature, _) = look(self.machine, &candidate);
            if signature == Some(self.signature) {
                (self.program, self.hash) = (candidate, hash);
                return;
            }
        }
    }

    /// Drops turns without which the trace is the same, but never the last one: it is what people look for.
    fn drop_idle_turns(&mut self) {
        for turn in (0..self.turns().len().saturating_sub(1)).rev() {
            let mut turns = self.turns().to_vec();
            turns.remove(turn);
            let candidate = Program { schedule: Schedule::Turns(turns), ..self.program.clone() };
            if look(self.machine, &candidate).0 == self.hash {
                self.program = candidate;
            }
        }
    }
}

fn until(place: Place, nth: u16) -> Until {
    Until::Place { place: PlaceName(place.0), nth }
}

/// Labels are interleaving points, named for this purpose: `cp8`, `abort`.
fn is_label(place: Place) -> bool {
    let name = place_name(place);
    name.starts_with("step") || name == "abort" || name.ends_with(|c: char| c.is_ascii_digit())
}

/// The events after the set-up.
pub(crate) fn race(events: &[Event]) -> &[Event] {
    let set_up = events.iter().rposition(|event| event.what == What::OpEnd(u16::MAX));
    &events[set_up.map_or(0, |last| last + 1)..]
}

/// Which events belong to a turn: stretches of one CPU and turns follow each other, but a turn may be without events.
fn stretch(events: &[Event], turns: &[Turn], wanted: usize) -> Option<(usize, usize)> {
    let mut start = 0;
    for (n, turn) in turns.iter().enumerate() {
        let here = events[start..].iter().take_while(|event| event.cpu == turn.cpu).count();
        if n == wanted {
            return (here > 0).then_some((start, start + here));
        }
        start += here;
    }
    None
}
