//! The layers agree on their bounds: what a program may ask for, a machine has.

use crate::mm;
use crate::prog::limits;
use crate::sync;

#[test]
fn a_machine_has_what_a_program_may_ask_for() {
    assert_eq!(limits::MMS_MAX, mm::MMS_MAX);
    assert_eq!(limits::FILES_MAX, mm::FILES_MAX);
    const { assert!(limits::VMAS_MAX <= mm::VMAS_MAX) };
    assert_eq!(usize::from(limits::UNITS_MAX), mm::UNITS_MAX);
    // The selftest of khugepaged has files of four huge units.
    const { assert!(limits::FILE_UNITS_MAX as usize <= mm::FILE_UNITS_MAX) };
    assert_eq!(limits::CPUS_MAX, sync::CPUS_MAX);
}
