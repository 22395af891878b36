//! The extra counters: interleaving feedback in the place where libFuzzer looks for it.
//!
//! libFuzzer clears the section before each run, reads it afterwards, and treats each counter like one of coverage.

#![allow(unsafe_code, reason = "libFuzzer finds its extra counters by the name of a section")]

use racewalk::FEEDBACK_SLOTS;

// Nothing in the program reads them: without `used` the compiler may leave them out.
// SAFETY: nobody else gives this name to a section, and bytes need no alignment and no initialisation beyond zero.
#[used]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static mut COUNTERS: [u8; FEEDBACK_SLOTS] = [0; FEEDBACK_SLOTS];

/// Lets `fill` write the counters of the run that has just ended.
pub fn publish(fill: &mut dyn FnMut(&mut [u8; FEEDBACK_SLOTS])) {
    let counters = &raw mut COUNTERS;
    // SAFETY: (1) libFuzzer touches the section only while no input is running, on the thread that runs the inputs;
    // (2) a target runs its inputs on that one thread, and `fill` does not come back here: it has no way to name the
    // counters; (3) so this is the only reference while it lives.
    fill(unsafe { &mut *counters });
}
