//! Counts: how many steps each CPU takes in a run, and how many of them at which shared object.

use super::dice::Dice;
use super::{At, Why};
use crate::prog::limits::CPUS_MAX;
use crate::trace::Access;

const SLOTS: usize = Access::SLOTS as usize;

/// What uniform walks want to know of a program before they run it: its events, counted in one run.
///
/// As a policy it is a naive random walk, always the same one, that counts. Where another schedule makes a CPU take more
/// or fewer steps (a retry, a fault that somebody else has resolved) the counts are estimates. One CPU after the other
/// would be cheaper, but is the least typical run of all: who comes last finds everything done, or everything changed.
#[derive(Clone, Debug)]
pub struct Counts {
    steps: [u32; CPUS_MAX],
    /// One for the object of each slot, from the first run on.
    objects: Vec<Object>,
    /// The slots that were accessed at all.
    touched: Vec<u16>,
    dice: Dice,
    /// The CPUs that stand right before a step that is known, as a mask.
    ahead: u32,
    drawn: u32,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            steps: [0; CPUS_MAX],
            objects: Vec::new(),
            touched: Vec::new(),
            dice: Dice::new(0),
            ahead: 0,
            drawn: 0,
        }
    }
}

/// Accesses of each CPU to one object, and whether any of them does more than read.
#[derive(Clone, Copy, Debug, Default)]
struct Object {
    accesses: [u32; CPUS_MAX],
    is_written: bool,
}

impl Counts {
    /// Steps of each CPU.
    pub fn steps(&self) -> [u32; CPUS_MAX] {
        self.steps
    }

    /// Each object that several CPUs access and not all of them only read, with the accesses of each.
    pub fn shared(&self) -> impl Iterator<Item = (u16, [u32; CPUS_MAX])> + '_ {
        self.touched.iter().filter_map(|&slot| {
            let object = self.objects[usize::from(slot)];
            let cpus = object.accesses.iter().filter(|&&count| count != 0).count();
            (object.is_written && cpus > 1).then_some((slot, object.accesses))
        })
    }

    pub(super) fn rewind(&mut self) {
        self.dice.rewind();
        self.steps = [0; CPUS_MAX];
        self.ahead = 0;
        for slot in self.touched.drain(..) {
            self.objects[usize::from(slot)] = Object::default();
        }
        self.objects.resize(SLOTS, Object::default());
    }

    pub(super) fn pick(&mut self, why: Why, at: At, runnable: u32) -> u8 {
        self.ahead &= !(1 << at.cpu);
        if why.is_voluntary() {
            self.ahead |= 1 << at.cpu;
            self.count(usize::from(at.cpu), at.next);
        }
        let next = self.dice.choose(runnable);
        self.drawn = self.ahead >> next & 1;
        next
    }

    /// One step; none if it is not known which.
    pub(super) fn drawn(&self) -> u32 {
        self.drawn
    }

    fn count(&mut self, cpu: usize, access: Access) {
        self.steps[cpu] += 1;
        let slot = access.slot();
        let Some(object) = self.objects.get_mut(usize::from(slot)) else { return };
        if object.accesses == [0; CPUS_MAX] {
            self.touched.push(slot);
        }
        object.accesses[cpu] += 1;
        object.is_written |= !access.is_load();
    }
}
