//! The protocols: one single-threaded history on two eras ends in one abstract state.

use racewalk::eras::{end_of, single_threaded};
use racewalk::{Era, Machine, Program};

use crate::Complaint;

/// The oracle's name.
pub(crate) const ORACLE: &str = "eras_differ";

/// What is wrong with the history that `program` is when all its operations run one after the other.
pub(crate) fn disagreement(machine: &mut Machine, program: &Program) -> Option<Complaint> {
    let mut history = program.clone();
    single_threaded(&mut history);
    let mut ending = |era| end_of(machine, &history, era);
    match (ending(Era::PreSeed), ending(Era::V66)) {
        (Ok(older), Ok(newer)) => (!older.agrees(&newer, &history))
            .then_some(Complaint { oracle: ORACLE, function: "pre_seed_and_v66" }),
        (Err(violation), _) | (_, Err(violation)) => Some(Complaint::of(&violation)),
    }
}
