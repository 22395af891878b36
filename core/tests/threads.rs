//! The same programs on OS threads, with nobody conducting: the hardware schedules, the quiescent oracles look.

mod dice;

use dice::random;
use racewalk::prog::{self, Shape};
use racewalk::{Era, Options, Variant, free_run};

/// Programs: a thread sanitizer makes each of them many times slower.
const PROGRAMS: u64 = if cfg!(debug_assertions) { 300 } else { 3_000 };

fn first_violation(variant: &Variant, programs: u64) -> Option<(u64, &'static str)> {
    (0..programs).find_map(|seed| {
        let program = prog::generate(&mut random(seed), &Shape::default());
        let verdict =
            free_run(&program, &Options { variant: Some(variant.clone()), ..Options::default() });
        (!verdict.is_clean()).then(|| (seed, verdict.name()))
    })
}

#[test]
fn v66_is_clean_on_os_threads() {
    assert_eq!(first_violation(&Variant::era(Era::Fixed), PROGRAMS), None);
}

#[test]
fn a_lost_correction_is_found_on_os_threads() {
    let without = racewalk::Protection::from_name("counter_sub").into_iter().collect();
    let found = first_violation(&Variant { without, ..Variant::era(Era::Fixed) }, PROGRAMS);
    assert_eq!(found.map(|(_, name)| name), Some("bad_rss_counter"));
}

#[test]
fn a_broken_lock_is_found_on_os_threads() {
    // The collapse takes a reference to the huge page, but not its lock.
    let without = racewalk::Protection::from_name("hpage_lock").into_iter().collect();
    let found = first_violation(&Variant { without, ..Variant::era(Era::Fixed) }, 40 * PROGRAMS);
    assert!(found.is_some(), "nobody ran into the lock that is not there");
    println!("{found:?}");
}
