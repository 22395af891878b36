//! The signature: what findings of one bug have in common, and those of two have not.
//!
//! It is the oracle and the two racing functions, of a finding that has been minimised: before, there are accesses
//! in the trace that have nothing to do with it. Where there is a right kernel on which the program is clean, the first
//! of the two is where the runs part, with what is done there and what ought to be: an oracle notices one bug in many
//! functions, and many bugs in one, but what is left undone is in one place.

use std::fmt;

use racewalk::prog::Program;
use racewalk::{Machine, Outcome, place_name};

use crate::departure::{Departure, Reference, kind};
use crate::finding::Signature as Noticed;
use crate::racing::Pair;

/// What tells bugs apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Signature {
    /// The oracle.
    pub(crate) oracle: &'static str,
    /// How the functions were found.
    pub(crate) race: Race,
}

/// The racing functions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Race {
    /// Where the failing run parts from the right one: the function, what it does, and what it ought to do.
    Departs {
        /// The function.
        function: &'static str,
        /// What it does there.
        does: String,
        /// What a right kernel does there.
        ought: Option<String>,
    },
    /// The functions of the two last accesses that conflict, in the order of their names.
    Between(&'static str, &'static str),
    /// No two CPUs met: the function in which the oracle noticed.
    Alone(&'static str),
}

impl Signature {
    /// The signature of a run that was recorded, of a program that has been minimised; `None` if the run was clean.
    pub(crate) fn of(
        program: &Program,
        outcome: &Outcome,
        right: Option<&Reference>,
    ) -> Option<Signature> {
        let Noticed { oracle, function } = Noticed::of(outcome.verdict.violation()?);
        let departure = right.and_then(|right| Departure::between(outcome, &right.outcome));
        let race = match departure {
            Some(departure) => Race::Departs {
                function: place_name(departure.function),
                does: departure.wrong.map_or_else(|| "nothing".to_owned(), kind),
                ought: departure.right.map(kind),
            },
            None => Race::met(program, outcome, function),
        };
        Some(Signature { oracle, race })
    }

    /// The same, of a program that is run for it.
    pub(crate) fn found_by(machine: &mut Machine, program: &Program) -> Option<Signature> {
        let outcome = crate::finding::recorded(machine, program);
        let right = Reference::of(machine, program);
        Signature::of(program, &outcome, right.as_ref())
    }

    /// The same without a right kernel: by the racing pair alone.
    pub(crate) fn by_pair(program: &Program, outcome: &Outcome) -> Option<Signature> {
        Signature::of(program, outcome, None)
    }

    /// The same as part of a file's name.
    pub(crate) fn slug(&self) -> String {
        match &self.race {
            Race::Departs { function, .. } | Race::Alone(function) => {
                format!("{}-{function}", self.oracle)
            }
            Race::Between(one, other) => format!("{}-{one}-{other}", self.oracle),
        }
    }
}

impl Race {
    /// The functions of the two that met.
    fn met(program: &Program, outcome: &Outcome, noticed: &'static str) -> Race {
        match Pair::of(outcome, u32::from(program.head.hpn)) {
            Some(Pair { first, second }) => {
                let mut both = [place_name(first.function), place_name(second.function)];
                both.sort_unstable();
                Race::Between(both[0], both[1])
            }
            None => Race::Alone(noticed),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.race {
            Race::Departs { function, does, ought } => {
                write!(f, "{}: {function} does `{does}`", self.oracle)?;
                match ought {
                    Some(ought) => write!(f, " where it ought to `{ought}`"),
                    None => Ok(()),
                }
            }
            Race::Between(one, other) => write!(f, "{}: {one} and {other}", self.oracle),
            Race::Alone("quiescence") => write!(f, "{} at quiescence", self.oracle),
            Race::Alone(function) => write!(f, "{} in {function}", self.oracle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Race, Signature};
    use racewalk::{Machine, Program};

    fn program(name: &str) -> Program {
        let path = format!("{}/../corpus/litmus/without/{name}.rw", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the corpus can be read");
        racewalk::parse(&text).expect("the corpus is right").program
    }

    fn signature(name: &str) -> Signature {
        Signature::found_by(&mut Machine::new(), &program(name)).expect("it fails")
    }

    #[test]
    fn bugs_that_one_oracle_notices_in_one_function_are_two() {
        let names = ["counter_sub", "recheck_page", "abort_counter_sub"];
        let signatures = names.map(signature);
        assert!(signatures.iter().all(|signature| signature.oracle == "bad_rss_counter"));
        let differ = |n: usize, m: usize| signatures[n] != signatures[m];
        assert!(differ(0, 1) && differ(1, 2) && differ(0, 2), "{signatures:?}");
    }

    #[test]
    fn what_a_kernel_leaves_undone_is_said() {
        assert_eq!(
            signature("counter_sub").to_string(),
            "bad_rss_counter: collapse_pte_mapped_thp does `cp10:` where it ought to `change rss`"
        );
    }

    #[test]
    fn without_a_right_kernel_it_is_the_two_that_met() {
        let program = program("recheck_page");
        let outcome = crate::finding::recorded(&mut Machine::new(), &program);
        let signature = Signature::by_pair(&program, &outcome).expect("it fails");
        assert_eq!(signature.race, Race::Between("collapse_pte_mapped_thp", "wp_page_copy"));
        assert_eq!(signature.slug(), "bad_rss_counter-collapse_pte_mapped_thp-wp_page_copy");
    }

    #[test]
    fn a_clean_run_has_none() {
        let mut program = program("recheck_page");
        program.head.without.clear();
        assert_eq!(Signature::found_by(&mut Machine::new(), &program), None);
    }
}
