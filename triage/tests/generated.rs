//! a copy made between step 1 and step 2 is lost without the second check

use racewalk::{Era, Machine, Options, Variant, parse};

const PROGRAM: &str = r#"racewalk 1
title   a copy made between step 1 and step 2 is lost without the second check
kernel  v6.6
without recheck_page
hpn     4
expect  bad_rss_counter
expect  v6.6 clean

setup
  m0 = mm()
  f0 = file(len=1h, huge)
  v0 = mmap(m0, f0, at=1h, len=1h, private, rw)
  pte_alloc(v0)
  madvise(v0, populate_read)

cpu0
  madvise(v0, collapse)

cpu1
  write(v0+1)

schedule
  cpu0 until cp6
  cpu1 until exit
  cpu0 until exit
"#;

fn verdict(kernel: Option<Variant>) -> &'static str {
    let program = parse(PROGRAM).expect("the text is a program").program;
    let options = Options { variant: kernel, ..Options::default() };
    Machine::new().run(&program, &options).verdict.name()
}

/// It shows on v6.6 without recheck_page.
#[test]
fn a_copy_made_between_step_1_and_step_2_is_lost_without_the_second_check() {
    assert_eq!(verdict(None), "bad_rss_counter");
}

/// What a fix has to come to.
#[test]
fn a_copy_made_between_step_1_and_step_2_is_lost_without_the_second_check_is_cured() {
    let fixed = Era::from_name("v6.6").map(Variant::era);
    assert!(fixed.is_some());
    assert_eq!(verdict(fixed), "clean");
}
