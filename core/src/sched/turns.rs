//! Turns are a schedule as people write it: this CPU until it gets there, then that one.

use super::ask::lowest;
use super::{At, FAR, Grant, Why};
use crate::prog::{Turn, Until};

/// Follows a list of [`Turn`]s.
///
/// A turn ends at its target, when its CPU finishes, or when it blocks: what is feasible with a bug is usually not
/// feasible without it (the correct CPU waits), and one schedule must do for both. A turn whose CPU cannot run is
/// skipped. After the last turn the lowest runnable CPU goes, to completion.
///
/// A turn until a place counts the arrivals there since it began, and ends before the next step.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    turns: Vec<Turn>,
    at: usize,
    open: bool,
    began: Option<u32>,
    arrivals: u16,
    arrived: bool,
    missed: Vec<usize>,
}

impl Turns {
    /// No turns: CPU after CPU, to completion.
    pub fn new() -> Turns {
        Turns::default()
    }

    /// Follows these turns from now on; the memory of the ones before is used again.
    pub fn load(&mut self, turns: &[Turn]) {
        self.turns.clear();
        self.turns.extend_from_slice(turns);
        self.rewind();
    }

    /// The turns, by index, that ended without having come to their place, those not even begun included.
    pub fn missed(&self) -> Vec<usize> {
        let open = usize::from(self.open && self.arrived);
        let rest = (self.at + open..self.turns.len()).filter(|&turn| self.is_place(turn));
        self.missed.iter().copied().chain(rest).collect()
    }

    pub(super) fn rewind(&mut self) {
        self.at = 0;
        self.missed.clear();
        self.close();
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        if self.open && why.is_voluntary() && !self.is_reached(at) {
            return at.cpu;
        }
        if self.open {
            self.end();
        } else if why.is_voluntary() && self.at == self.turns.len() {
            return at.cpu;
        }
        while let Some(turn) = self.turns.get(self.at) {
            if runnable >> turn.cpu & 1 == 1 {
                self.open = true;
                return turn.cpu;
            }
            self.end();
        }
        lowest(runnable)
    }

    pub(super) fn grant(&mut self, at: At) -> Grant {
        let Some(turn) = self.turns.get(self.at).filter(|_| self.open) else { return Grant::far() };
        let began = *self.began.get_or_insert(at.step);
        Grant::steps(match turn.until {
            Until::Steps(steps) => began.saturating_add(steps).saturating_sub(at.step),
            _ => FAR,
        })
    }

    /// The place that ends the turn in progress; 0 if it is not a place that ends it.
    pub(super) fn stop_at(&self, cpu: u8) -> u16 {
        match self.turns.get(self.at) {
            Some(Turn { cpu: owner, until: Until::Place { place, .. } })
                if self.open && *owner == cpu =>
            {
                place.0
            }
            _ => 0,
        }
    }

    pub(super) fn arrived(&mut self, cpu: u8, place: u16) -> bool {
        if self.stop_at(cpu) != place || place == 0 {
            return false;
        }
        let Until::Place { nth, .. } = self.turns[self.at].until else { return false };
        self.arrivals = self.arrivals.saturating_add(1);
        self.arrived |= self.arrivals >= nth;
        self.arrived
    }

    fn is_reached(&self, at: At) -> bool {
        match self.turns[self.at].until {
            Until::Place { .. } => self.arrived,
            Until::Steps(steps) => self.began.is_some_and(|began| at.step - began >= steps),
            Until::Exit => false,
        }
    }

    fn is_place(&self, turn: usize) -> bool {
        matches!(self.turns[turn].until, Until::Place { .. })
    }

    /// The turn is over, or is skipped.
    fn end(&mut self) {
        if !self.arrived && self.is_place(self.at) {
            self.missed.push(self.at);
        }
        self.at += 1;
        self.close();
    }

    fn close(&mut self) {
        self.open = false;
        self.began = None;
        self.arrivals = 0;
        self.arrived = false;
    }
}
