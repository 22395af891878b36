//! A hunter runs one input after the other on a machine of its own.

use std::cell::RefCell;

use racewalk::{FEEDBACK_SLOTS, Machine, Options, Program, Reader, Target, Verdict};

use crate::{Complaint, Pins, codec, install_hook, protocols, raise};

/// Larger tables are for comparison with a real kernel, not for a campaign, unless it asks for them: they show the same
/// races in a hundred times the steps, and an engine that keeps one mutates little else.
const HPN_MAX: u16 = 8;

/// Hands the interleaving counters of a run to an engine, which lets them be filled in.
pub type Publish = fn(&mut dyn FnMut(&mut [u8; FEEDBACK_SLOTS]));

/// A machine, the program that it ran last, and what the campaign holds fast. All memory is reused.
#[derive(Debug)]
pub struct Hunter {
    pins: Pins,
    options: Options,
    reader: Reader,
    publish: Option<Publish>,
    machine: Machine,
    program: Program,
    met: u64,
}

impl Hunter {
    /// A hunter of a target, for the kernel that `pins` name. Without an engine that wants them no counters are kept.
    pub fn new(pins: Pins, target: Target, publish: Option<Publish>) -> Hunter {
        let publish = publish.filter(|_| !pins.blind);
        let options = Options {
            variant: Some(pins.variant.clone()),
            feedback: publish.is_some(),
            ..Options::default()
        };
        let (reader, machine) = (Reader::new(target), Machine::new());
        Hunter { pins, options, reader, publish, machine, program: Program::default(), met: 0 }
    }

    /// The text of the program that `bytes` are.
    pub fn show(&mut self, bytes: &[u8]) -> String {
        self.reader.read(bytes, &mut self.program);
        racewalk::print_program(&self.program)
    }

    /// Runs the program that `bytes` are.
    ///
    /// # Errors
    /// What it violates, unless that is a known finding.
    pub fn run(&mut self, bytes: &[u8]) -> Result<(), Complaint> {
        let complaint = self.judge(bytes);
        if let Some(publish) = self.publish {
            let machine = &mut self.machine;
            publish(&mut |counters| machine.feedback(counters));
        }
        match complaint {
            Some(complaint) if self.pins.is_known(complaint.oracle, complaint.function) => {
                self.meet();
                Ok(())
            }
            Some(complaint) => Err(complaint),
            None => Ok(()),
        }
    }

    fn judge(&mut self, bytes: &[u8]) -> Option<Complaint> {
        let target = self.reader.target();
        if target == Target::Codec {
            let function = codec::disagreement(bytes)?;
            return Some(Complaint { oracle: codec::ORACLE, function });
        }
        self.reader.read(bytes, &mut self.program);
        if self.program.head.hpn > HPN_MAX && self.pins.hpn.is_none() {
            return None;
        }
        self.pins.apply(&mut self.program);
        if target == Target::Protocols
            && let Some(complaint) = protocols::disagreement(&mut self.machine, &self.program)
        {
            return Some(complaint);
        }
        match self.machine.run(&self.program, &self.options).verdict {
            Verdict::Clean => None,
            Verdict::Violation(violation) => Some(Complaint::of(&violation)),
        }
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
pub fn prepare(target: Target, publish: Option<Publish>) {
    install_hook();
    match Pins::from_env(target) {
        Ok(pins) => HUNTER.set(Some(Hunter::new(pins, target, publish))),
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
    let ran =
        HUNTER.with_borrow_mut(|hunter| hunter.as_mut().expect("prepare() comes first").run(bytes));
    if let Err(Complaint { oracle, function }) = ran {
        raise(oracle, function);
    }
}

/// The text of an input, as the target that this process is for reads it.
pub(crate) fn show(bytes: &[u8]) -> String {
    HUNTER.with_borrow_mut(|hunter| match hunter {
        Some(hunter) => hunter.show(bytes),
        None => racewalk::print_program(&racewalk::prog::decode(bytes)),
    })
}

#[cfg(test)]
mod tests {
    use super::Hunter;
    use crate::Pins;
    use racewalk::Target;

    fn hunter(pins: Pins) -> Hunter {
        Hunter::new(pins, Target::Race, None)
    }

    #[test]
    fn harmless_bytes_are_clean() {
        for &target in Target::ALL {
            let pins = Pins::from_env(target).expect("the environment is empty");
            let mut hunter = Hunter::new(pins, target, None);
            for bytes in [&[][..], &[0], &[0x20; 400], &[0xff; 968], &[0; 5000]] {
                let ran = hunter.run(bytes);
                assert_eq!(ran, Ok(()), "{}: {:?}", target.name(), bytes.first());
            }
        }
    }

    #[test]
    fn a_known_finding_is_counted_and_clean() {
        let text = include_str!("../../corpus/litmus/without/unlock_hpage.rw");
        let mut program = racewalk::parse(text).expect("the corpus is text").program;
        program.schedule = Default::default();
        let bytes = racewalk::prog::encode(&program).expect("it fits");
        let pins = || Pins::new("v6.6", "unlock_hpage", "", "", "").expect("there is this step");
        let complaint = hunter(pins()).run(&bytes).expect_err("it breaks whoever goes first");
        let known = format!("{}:{}", complaint.oracle, complaint.function);
        let mut hunter = hunter(pins().knowing(&known).expect("it is one"));
        assert_eq!(hunter.run(&bytes), Ok(()));
        assert_eq!(hunter.run(&bytes), Ok(()));
        assert_eq!(hunter.met, 2);
    }

    #[test]
    fn a_pinned_table_size_leaves_programs_whole() {
        // The header asks for tables of 512 entries; in smaller ones the mappings would overlap as they are declared.
        let bytes = [0xff; 112];
        for hpn in ["4", "8", "512"] {
            let pins = Pins::new("", "", "", hpn, "").expect("these are the sizes there are");
            assert_eq!(hunter(pins).run(&bytes), Ok(()), "hpn {hpn}");
        }
    }

    #[test]
    fn each_target_shows_what_it_reads() {
        let shown = |target| {
            let pins = Pins::new("", "", "", "", "").expect("an empty environment is fine");
            Hunter::new(pins, target, None).show(&[0, 0, 0, 0, 0, 0, 1, 0, 0, 200])
        };
        let schedule = shown(Target::Schedule);
        assert!(schedule.contains("\ntitle "), "a litmus program has a title: {schedule}");
        assert_ne!(shown(Target::Race), shown(Target::Abort), "a theme bends a foreign tag");
    }
}
