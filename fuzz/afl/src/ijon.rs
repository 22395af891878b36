//! The IJON map: interleaving feedback in the place where AFL++ looks for it.

#![allow(unsafe_code, reason = "AFL++ knows its feedback by names and calls of C")]

use racewalk::FEEDBACK_SLOTS;

/// Tells AFL++ that there is such feedback; its own compiler pass would define it.
// SAFETY: nobody else gives this name to anything: the pass is not used.
#[used]
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the name is AFL++'s")]
static mut __afl_ijon_enabled: u32 = 1;

/// Buckets of counts that are told apart, as libFuzzer does: 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more.
const BUCKETS: [u8; 7] = [2, 3, 4, 8, 16, 32, 128];

/// Hands the counters of the run that has just ended to AFL++, which clears its map before each run. The map has a place
/// for each bucket of each counter: eight times 4096 of its 65536.
pub fn publish(fill: &mut dyn FnMut(&mut [u8; FEEDBACK_SLOTS])) {
    let mut counters = [0; FEEDBACK_SLOTS];
    fill(&mut counters);
    for (slot, count) in (0_u32..).zip(counters).filter(|&(_, count)| count != 0) {
        let bucket = BUCKETS.iter().filter(|&&from| count >= from).count() as u32;
        // SAFETY: the function reduces any number to the size of the map, which exists from before `main` to the end.
        unsafe { afl::ijon_inc(slot + FEEDBACK_SLOTS as u32 * bucket, 0) };
    }
}
