//! A case is a finding worked up for people: replayed, made small, its schedule in words, its expectations known.

use racewalk::prog::{Expect, KernelName, OracleName, Program, Schedule, limits};
use racewalk::{Era, Machine, Outcome, Variant, vocabulary};

use crate::anchor;
use crate::finding::{Finding, Signature, recorded, signature_of};
use crate::minimise::{Limits, Minimised, minimise};
use crate::progress::Progress;

/// A finding worked up for people.
#[derive(Debug)]
pub(crate) struct Case {
    /// The finding as minimised, in the record form.
    pub(crate) finding: Finding,
    /// The same with a schedule in words, a title and expectations: what is saved and printed.
    pub(crate) program: Program,
    /// What came of that program, with all events.
    pub(crate) outcome: Outcome,
    /// Whether it went the same way when it was run again.
    pub(crate) stable: bool,
    /// How it became small.
    pub(crate) minimised: Minimised,
    /// The verdict under v6.6 with nothing left out, if that is another kernel than the finding's.
    pub(crate) upstream: Option<&'static str>,
}

impl Case {
    /// Works a finding up, within limits.
    pub(crate) fn work_up(finding: &Finding, limits: &Limits, progress: &Progress) -> Case {
        let mut machine = Machine::new();
        let stable = is_stable(&mut machine, &finding.program);
        let minimised = minimise(finding, limits, progress);
        let finding = minimised.finding.clone();
        let mut program = anchor::in_words(&mut machine, &finding);
        let upstream = upstream(&mut machine, &program, &finding.variant);
        write_head(&mut program, &finding, upstream);
        let outcome = recorded(&mut machine, &program);
        let stable = stable && is_stable(&mut machine, &program);
        progress.finish();
        Case { finding, program, outcome, stable, minimised, upstream }
    }

    /// Whether the program is one that a file can hold.
    pub(crate) fn fits_a_file(&self) -> bool {
        match &self.program.schedule {
            Schedule::Decisions(decisions) => decisions.len() <= limits::DECISIONS_MAX,
            Schedule::Turns(turns) => turns.len() <= limits::TURNS_MAX,
        }
    }
}

/// Runs a program twice and compares.
pub(crate) fn is_stable(machine: &mut Machine, program: &Program) -> bool {
    let mut once = || {
        let outcome = recorded(machine, program);
        (outcome.trace.as_ref().map(|trace| trace.hash()), signature_of(&outcome))
    };
    once() == once()
}

/// The verdict under v6.6, all of it, if the variant is another one.
fn upstream(machine: &mut Machine, program: &Program, variant: &Variant) -> Option<&'static str> {
    let fixed = Variant::era(Era::V66);
    if *variant == fixed {
        return None;
    }
    let mut program = program.clone();
    fixed.write_to(&mut program.head);
    Some(recorded(machine, &program).verdict.name())
}

/// Title and expectations: the violation under the file's own kernel; clean under v6.6, if it is.
pub(crate) fn write_head(program: &mut Program, finding: &Finding, upstream: Option<&'static str>) {
    let words = vocabulary();
    let Signature { oracle, .. } = finding.signature;
    let head = &mut program.head;
    head.title = Some(finding.signature.to_string());
    finding.variant.write_to(head);
    let verdict =
        words.oracles.iter().position(|&name| name == oracle).map(|n| OracleName(n as u8));
    head.expect = vec![Expect { kernel: None, verdict }];
    if upstream == Some("clean") {
        let v66 = words
            .kernels
            .iter()
            .position(|&name| name == Era::V66.name())
            .map(|n| KernelName(n as u8));
        head.expect.push(Expect { kernel: v66, verdict: None });
    }
}
