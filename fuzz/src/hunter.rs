//! A hunter runs one input after the other on a machine of its own.

use std::cell::RefCell;

use racewalk::prog::decode_into;
use racewalk::{Machine, Options, Program, Verdict};

use crate::{Pins, install_hook, raise};

/// Larger tables are for comparison with a real kernel, not for a campaign, unless it asks for them: they show the same
/// races in a hundred times the steps, and an engine that keeps one mutates little else.
const HPN_MAX: u16 = 8;

/// A machine, the program that it ran last, and what the campaign holds fast. All memory is reused.
#[derive(Debug)]
pub struct Hunter {
    pins: Pins,
    options: Options,
    machine: Machine,
    program: Program,
    met: u64,
}

impl Hunter {
    /// A hunter for the kernel that `pins` name.
    pub fn new(pins: Pins) -> Hunter {
        let options = Options {
            variant: Some(pins.variant.clone()),
            feedback: cfg!(feature = "libfuzzer"),
            ..Options::default()
        };
        Hunter { pins, options, machine: Machine::new(), program: Program::default(), met: 0 }
    }

    /// Runs the program that `bytes` are. The verdict is the caller's to judge; a known finding is clean.
    pub fn run(&mut self, bytes: &[u8]) -> Verdict {
        decode_into(bytes, &mut self.program);
        if self.program.head.hpn > HPN_MAX && self.pins.hpn.is_none() {
            return Verdict::Clean;
        }
        self.pins.apply(&mut self.program);
        let outcome = self.machine.run(&self.program, &self.options);
        #[cfg(feature = "libfuzzer")]
        crate::counters::publish(|counters| self.machine.feedback(counters));
        if let Verdict::Violation(violation) = &outcome.verdict
            && self.pins.is_known(violation.oracle.name, violation.function)
        {
            self.meet();
            return Verdict::Clean;
        }
        outcome.verdict
    }

    /// Counts a known finding, and says so more and more rarely: whoever started us reads it.
    fn meet(&mut self) {
        self.met += 1;
        if self.met.is_power_of_two() {
            eprintln!("racewalk: known findings met: {}", self.met);
        }
    }
}

thread_local! {
    static HUNTER: RefCell<Option<Hunter>> = const { RefCell::new(None) };
}

/// Gets ready, once, before the first input. Ends the process if the environment makes no sense.
pub fn prepare() {
    install_hook();
    match Pins::from_env() {
        Ok(pins) => HUNTER.set(Some(Hunter::new(pins))),
        Err(error) => {
            eprintln!("racewalk: the environment asks for something that is not known: {error}");
            std::process::exit(2);
        }
    }
}

/// Runs one input; a run that is not clean panics, from a function that is named like the oracle.
///
/// # Panics
/// If the run was not clean, or [`prepare`] was not called on this thread.
pub fn hunt(bytes: &[u8]) {
    let verdict =
        HUNTER.with_borrow_mut(|hunter| hunter.as_mut().expect("prepare() comes first").run(bytes));
    if let Verdict::Violation(violation) = verdict {
        raise(violation.oracle.name, violation.function);
    }
}

#[cfg(test)]
mod tests {
    use super::Hunter;
    use crate::Pins;

    #[test]
    fn harmless_bytes_are_clean() {
        let mut hunter = Hunter::new(Pins::from_env().expect("the environment is empty"));
        for bytes in [&[][..], &[0], &[0x20; 400], &[0xff; 968], &[0; 5000]] {
            assert_eq!(
                hunter.run(bytes).name(),
                "clean",
                "{} times {:?}",
                bytes.len(),
                bytes.first()
            );
        }
    }

    #[test]
    fn a_known_finding_is_counted_and_clean() {
        let text = include_str!("../../corpus/litmus/without/unlock_hpage.rw");
        let mut program = racewalk::parse(text).expect("the corpus is text").program;
        program.schedule = Default::default();
        let bytes = racewalk::prog::encode(&program).expect("it fits");
        let pins = || Pins::new("v6.6", "unlock_hpage", "", "", "").expect("there is this step");
        let mut hunter = Hunter::new(pins());
        let verdict = hunter.run(&bytes);
        let violation = verdict.violation().expect("it breaks whoever goes first");
        let known = format!("{}:{}", violation.oracle.name, violation.function);
        let mut hunter = Hunter::new(pins().knowing(&known).expect("it is one"));
        assert!(hunter.run(&bytes).is_clean());
        assert!(hunter.run(&bytes).is_clean());
        assert_eq!(hunter.met, 2);
    }

    #[test]
    fn a_pinned_table_size_leaves_programs_whole() {
        // The header asks for tables of 512 entries; in smaller ones the mappings would overlap as they are declared.
        let bytes = [0xff; 112];
        for hpn in ["4", "8", "512"] {
            let mut hunter =
                Hunter::new(Pins::new("", "", "", hpn, "").expect("these are the sizes there are"));
            assert_eq!(hunter.run(&bytes).name(), "clean", "hpn {hpn}");
        }
    }
}
