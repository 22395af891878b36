//! The recorder: events kept in order, and their hash.

use std::hash::Hasher;

use super::{Event, TraceHash};

/// A recorded execution.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    events: Vec<Event>,
    hash: TraceHash,
}

impl Trace {
    /// Appends one event.
    pub fn push(&mut self, event: Event) {
        self.hash.absorb(&event);
        self.events.push(event);
    }

    /// The events, in the order of execution.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many steps a CPU has taken.
    pub fn steps_of(&self, cpu: u8) -> u32 {
        self.events.iter().rev().find(|event| event.cpu == cpu).map_or(0, |event| event.step)
    }

    /// The hash of all events so far.
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.hash = TraceHash::default();
    }
}
