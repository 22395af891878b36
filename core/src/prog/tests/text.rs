//! Text and programs correspond, and printing keeps what people wrote.

use super::super::*;
use super::{Random, WORDS, dressed};

/// Parses a text whose canonical form is another one.
#[track_caller]
fn check(text: &str, canonical: &str) -> Program {
    let document = parse(text, &WORDS).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let printed = print(&document, &WORDS);
    assert_eq!(printed, canonical);
    assert_eq!(parse(&printed, &WORDS).as_ref(), Ok(&document));
    let mut fixed = document.program.clone();
    fixup(&mut fixed);
    assert_eq!(fixed, document.program, "parsed programs are well-formed");
    document.program
}

/// Parses a text that is in canonical form.
#[track_caller]
fn check_canonical(text: &str) -> Program {
    check(text, text)
}

/// A text with these operations on CPU 0.
fn with_ops(ops: &str) -> String {
    format!("{SETUP}{ops}")
}

const SETUP: &str = "\
racewalk 1
hpn     4
setup
  m0 = mm()
  f0 = file(len=1h, huge)
  v0 = mmap(m0, f0, at=1h, len=1h, private, rw)
  v1 = mmap(m0, anon, at=3h, len=1h+2p, rw)
cpu0
";

const WHOLE: &str = "\
racewalk 1
title   write fault races the second check
kernel  v6.6
without recheck_page
hpn     4
set     ptlock=none
set     page_table_check=off
policy  random mean=16
seed    0x002a
expect  clean
expect  seed-v3 page_table_check

setup
  m0 = mm()
  f0 = file(len=1h, huge)
  f1 = file(len=1h+2p, empty)
  v0 = mmap(m0, f0, at=1h, len=1h, private, rw)
  v1 = mmap(m0, anon, at=3h, len=1h+2p, rw)
  v2 = mmap(m0, f1, at=6h, len=1h, off=1h, shared, ro)
  pte_alloc(v0)
  madvise(v0, populate_read)

cpu0
  madvise(v0, collapse)             # comment
cpu1
  write(v0+2)
  madvise(v0+1, len=2p, dontneed)
  truncate(f0, len=0)
  kvm_fault(v0+1, write)

schedule
  cpu0 until cp6
  cpu1 until exit
  cpu0 until zap_pte_range#2
  cpu1 for 12
  cpu0 until exit
";

#[test]
fn the_whole_language() {
    let program = check_canonical(WHOLE);
    assert_eq!(program.head.title.as_deref(), Some("write fault races the second check"));
    assert_eq!(program.head.kernel, Some(KernelName(2)));
    assert_eq!(program.head.without, [StepName(0)]);
    let verdict = Some(OracleName(0));
    let expect = Expect { kernel: Some(KernelName(1)), verdict };
    assert_eq!(program.head.expect, [Expect { kernel: None, verdict: None }, expect]);
    let Schedule::Turns(turns) = program.schedule else { panic!("{:?}", program.schedule) };
    let until = Until::Place { place: PlaceName(2), nth: 2 };
    assert_eq!(turns[2], Turn { cpu: 0, until });
    assert_eq!(turns[3], Turn { cpu: 1, until: Until::Steps(12) });
}

#[test]
fn every_operation() {
    let ops = "  \
  read(v0)
  write(v1+1h+1)
  madvise(v1+1h, len=1h+2p, populate_write)
  munmap(v1)
  truncate(f0, len=2p)
  swapout(v0+3)
  migrate(v0+3)
  khugepaged(v0)
  uprobe(v0)
  kvm_fault(v0, read)
  tlb_fill(v0)
  tlb_evict(v0)
  rcu_gp()
  pte_alloc(v0)
  lru_drain()
";
    check_canonical(&with_ops(ops));
    for (variant, op) in Op::blank().into_iter().enumerate() {
        let program = check_canonical(&with_ops(&format!("  {op}\n")));
        assert_eq!(program.cpus[0], [op]);
        assert_eq!(op.variant(), variant);
    }
}

#[test]
fn names_and_spaces_are_free() {
    let free = "racewalk   1\r\n\
        setup\n\
        me=mm( )\n\
        \tlib-c.so = file ( huge , len = 1h )\n\
        text = mmap(me, lib-c.so, rw, private, len=4p, at=1h+0p)\n\
        cpu0\n\
        read(text+3p)\n\
        madvise(text, dontneed, len=0)\n\
        kvm_fault(text + 2)\n";
    let canonical = "\
racewalk 1
hpn     4
setup
  m0 = mm()
  f0 = file(len=1h, huge)
  v0 = mmap(m0, f0, at=1h, len=4p, private, rw)
cpu0
  read(v0+3)
  madvise(v0, dontneed)
  kvm_fault(v0+2, read)
";
    check(free, canonical);
}

#[test]
fn comments_and_blank_lines_stay() {
    check_canonical(
        "\
# a licence

racewalk 1
# about the title
title   fixes #3   # this is title too
hpn     8                           # eight
set     ptlock=split                # the default, on purpose

# the set-up
setup                               # here
  m0 = mm()
  # a mapping

  # and its length
  v0 = mmap(m0, anon, at=1h, len=1h+2p, rw)  # longer than the comment column

cpu0
  # nothing happens
  rcu_gp()
# between the lines

cpu1
# not even here

schedule                            # none
# the end
",
    );
}

#[test]
fn blank_lines_are_thinned() {
    let text = format!("\n\n{}\n\n\n  rcu_gp()\n\n\n", SETUP);
    check_printed(&text, &format!("{SETUP}\n  rcu_gp()\n"));
}

/// Like [`check`], where the blank lines of the document are more than those of its text.
#[track_caller]
fn check_printed(text: &str, canonical: &str) {
    let document = parse(text, &WORDS).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(print(&document, &WORDS), canonical);
}

#[test]
fn decisions_are_sorted_with_their_comments() {
    let text = with_ops("  read(v0)\ncpu1\nschedule\n");
    check(
        &format!(
            "{text}  # c\n  cpu1 exit -> cpu0   # d\n  cpu0 exit -> cpu1\n  # a\n  cpu0 op 0 step 700 -> cpu1  # b\n"
        ),
        &format!(
            "{text}  # a\n  cpu0 op 0 step 700 -> cpu1        # b\n  cpu0 exit -> cpu1\n  # c\n  cpu1 exit -> cpu0                 # d\n"
        ),
    );
}

#[test]
fn a_program_without_comments_has_blank_lines() {
    let program = decode(&[]);
    check_canonical(&print_program(&program, &WORDS));
    assert!(print_program(&program, &WORDS).contains("\n\ncpu0\n\ncpu1\n"));
}

#[test]
fn stale_comments_are_not_printed() {
    let mut document = Document::from(decode(&[]));
    let plain = print(&document, &WORDS);
    document.comments.put_after(Item::Op(3, 9), " gone".to_owned());
    assert_eq!(print(&document, &WORDS), plain);
    document.comments.put_after(Item::Title, " no title".to_owned());
    assert_eq!(print(&document, &WORDS), plain);
    document.comments.put_after(Item::Magic, " two\nlines".to_owned());
    assert!(
        print(&document, &WORDS).starts_with("racewalk 1                          # two lines\n")
    );
}

#[test]
fn comments_can_be_renumbered() {
    let text = with_ops("  # a\n  read(v0)  # b\n  # c\n  write(v0)  # d\n");
    let mut document = parse(&text, &WORDS).expect("valid");
    document.program.cpus[0].remove(0);
    document.comments.renumber(|item| match item {
        Item::Op(0, n) => n.checked_sub(1).map(|n| Item::Op(0, n)),
        item => Some(item),
    });
    let left = with_ops("  # c\n  write(v0)                         # d\n");
    assert_eq!(print(&document, &WORDS), left);
}

#[test]
fn every_program_survives_its_text() {
    let mut random = Random(21);
    for _ in 0..3_000 {
        let program = dressed(&mut random);
        let text = print_program(&program, &WORDS);
        assert_eq!(check_canonical(&text), program);
    }
}

#[test]
fn unknown_numbers_are_printed_all_the_same() {
    let mut program = decode(&[]);
    program.head.kernel = Some(KernelName(77));
    let text = print_program(&program, &WORDS);
    assert!(text.contains("kernel  ?\n"));
    assert!(parse(&text, &WORDS).is_err());
}
