//! A complaint is what a target says about an input that is not clean.

use racewalk::Violation;

/// What was violated, and in which function. Holds nothing that varies from run to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// The oracle.
    pub oracle: &'static str,
    /// The function.
    pub function: &'static str,
}

impl Complaint {
    /// The complaint that a violation is.
    pub fn of(violation: &Violation) -> Complaint {
        Complaint { oracle: violation.oracle.name, function: violation.function }
    }
}
