//! A census: how many steps the CPUs of a program take, counted once and remembered for as long as they are asked for.

use super::Variant;
use super::machine::Options;
use crate::prog::{Axes, Op, Program, Setup};
use crate::sched::Counts;

/// The counts of the program that was counted last.
#[derive(Debug, Default)]
pub(super) struct Census {
    subject: Option<Subject>,
    counts: Counts,
}

/// What the counts depend on: all of a run but its schedule.
#[derive(Debug)]
struct Subject {
    setup: Vec<Setup>,
    cpus: Vec<Vec<Op>>,
    hpn: u16,
    axes: Axes,
    variant: Variant,
}

impl Subject {
    fn of(program: &Program, options: &Options) -> Subject {
        Subject {
            setup: program.setup.clone(),
            cpus: program.cpus.clone(),
            hpn: options.hpn.unwrap_or(program.head.hpn),
            axes: options.axes.unwrap_or(program.head.axes),
            variant: options.variant.clone().unwrap_or_else(|| Variant::of(program)),
        }
    }

    fn is(&self, program: &Program, options: &Options) -> bool {
        self.cpus == program.cpus
            && self.setup == program.setup
            && self.hpn == options.hpn.unwrap_or(program.head.hpn)
            && self.axes == options.axes.unwrap_or(program.head.axes)
            && match &options.variant {
                Some(variant) => self.variant == *variant,
                None => self.variant == Variant::of(program),
            }
    }
}

impl Census {
    /// Whether this is what was counted last.
    pub(super) fn is_of(&self, program: &Program, options: &Options) -> bool {
        self.subject.as_ref().is_some_and(|subject| subject.is(program, options))
    }

    /// This is to be counted now, by the policy that it returns.
    pub(super) fn begin(&mut self, program: &Program, options: &Options) -> Counts {
        self.subject = Some(Subject::of(program, options));
        std::mem::take(&mut self.counts)
    }

    /// It was counted.
    pub(super) fn end(&mut self, counts: Counts) {
        self.counts = counts;
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }
}
