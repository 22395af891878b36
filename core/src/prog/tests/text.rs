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
fn every_policy() {
    let named = [
        ("random mean=64", Policy::Random { mean: 64 }),
        ("pct depth=8", Policy::Pct { depth: 8 }),
        ("pos", Policy::Pos),
        ("urw", Policy::Urw),
        ("surw", Policy::Surw),
    ];
    for (text, policy) in named {
        let program = check_canonical(&WHOLE.replace("random mean=16", text));
        assert_eq!((program.head.policy, program.head.seed), (policy, 0x2a));
    }
}

/// A set-up in which every operation has something to be about.
const WORLD: &str = "\
racewalk 1
hpn     4
setup
  m0 = mm()
  m1 = mm(unborn)
  f0 = file(len=1h, huge)
  f1 = file(len=2h, regular, empty)
  v0 = mmap(m0, f0, at=1h, len=1h, private, rw)
  v1 = mmap(m0, anon, at=3h, len=1h+2p, rw, hugepage)
  v2 = mmap(m0, reserved, at=5h, len=2h)
  v3 = mmap(m1, reserved, at=1h, len=1h)
cpu0
";

/// The operations of a text's CPU 0 are these, which is also how they are printed.
#[track_caller]
fn check_ops(ops: &str) -> Vec<Op> {
    let mut program = check_canonical(&format!("{WORLD}{ops}"));
    program.cpus.remove(0)
}

#[test]
fn every_operation() {
    let first = "  \
  read(v0)
  write(v1+1h+1)
  madvise(v1+1h, len=1h+2p, populate_write)
  munmap(v1)
  truncate(f0, len=2p)
  swapout(v0+3)
  migrate(v0+3)
  khugepaged(v0)
  uprobe(v0)
  kvm_fault(v0, write)
  hmm_fault(v0+1, write)
  tlb_fill(v0, write)
  tlb_evict(v0)
  rcu_gp()
  pte_alloc(v0)
  lru_drain()
";
    let second = "  \
  map(v0, shared f1, ro, off=1h)
  mremap(v0+1, v2, len=2p, dontunmap)
  mprotect(v0+1, len=2p, none)
  fork(m0, m1)
  exit(m1)
  punch(f0, off=1p, len=2p)
  alloc(f1, off=1h, len=1h)
  file_write(f0, off=3p)
  open_write(f1)
  close_write(f1)
  gup_fast(v0+1, write, longterm)
  gup_slow(v0+1, write, pin)
  put()
  split(v0)
";
    let third = "  \
  numa(v0+1, len=2p)
  poison(v0+1)
  fail_alloc(7)
  oom_reap(m0)
  uffd_register(v1, len=1h, missing, wp, minor)
  uffd_unregister(v1, len=1h)
  uffd_copy(v1)
  uffd_zeropage(v1)
  uffd_continue(v0)
  uffd_poison(v1)
  uffd_wp(v1, len=2p, on)
  smaps(v0)
  pagemap(v0)
  mincore(v0, len=2p)
  context_switch(m1)
";
    let ops = [check_ops(first), check_ops(second), check_ops(third)].concat();
    assert!(ops.iter().map(Op::variant).eq(0..Op::VARIANTS));
}

#[test]
fn what_need_not_be_said_is_not() {
    let ops = "  \
  munmap(v0+1)
  map(v2, anon, rx)
  map(v0, private f0, rw)
  mremap(v0, v2)
  mprotect(v0, ro)
  punch(f0)
  alloc(f0, off=1p)
  file_write(f0)
  gup_fast(v0)
  gup_slow(v0, pin)
  numa(v0)
  uffd_register(v1, minor)
  uffd_wp(v1, off)
  mincore(v3)
  kvm_fault(v0)
";
    check_ops(ops);
    for (said, needed) in [
        ("kvm_fault(v0, read)", "kvm_fault(v0)"),
        ("tlb_fill(v0, read)", "tlb_fill(v0)"),
        ("gup_fast(v0, get, read)", "gup_fast(v0)"),
        ("punch(f0, len=0, off=0)", "punch(f0)"),
        ("uffd_register(v1, wp, len=0, missing)", "uffd_register(v1, missing, wp)"),
        ("map(v0, private f0, off=0, none)", "map(v0, private f0, none)"),
    ] {
        check(&format!("{WORLD}  {said}\n"), &format!("{WORLD}  {needed}\n"));
    }
}

#[test]
fn every_advice_and_every_protection() {
    let advices = Advice::ALL.iter().map(|advice| format!("  madvise(v0, {})\n", advice.name()));
    let found = check_ops(&advices.collect::<String>());
    let expected = Advice::ALL.iter().map(|&advice| {
        let (at, len) = (At::start(VmaRef(0)), Size::ZERO);
        Op::Madvise { at, len, advice }
    });
    assert!(found.into_iter().eq(expected));
    let prots = Prot::ALL.iter().map(|prot| format!("  mprotect(v0, {})\n", prot.name()));
    assert_eq!(check_ops(&prots.collect::<String>()).len(), 4);
}

#[test]
fn every_declaration() {
    let mut setup = String::from("racewalk 1\nhpn     4\nsetup\n  m0 = mm()\n  m1 = mm(unborn)\n");
    setup += "  f0 = file(len=1h, regular, small)\n  f1 = file(len=2p, empty)\n";
    setup +=
        "  v0 = mmap(m0, f0, at=0, len=1h, off=1p, private, rx, nohugepage, locked, dontcopy)\n";
    setup +=
        "  v1 = mmap(m0, f1, at=1h, len=2p, shared, none, uffd_missing, uffd_wp, uffd_minor)\n";
    setup += "  v2 = mmap(m0, anon, at=2h, len=1p, ro, hugepage, wipeonfork)\n";
    setup += "  v3 = mmap(m0, reserved, at=3h, len=2h)\n  v4 = mmap(m1, reserved, at=0, len=8h)\n";
    let program = check_canonical(&format!("{setup}cpu0\n"));
    let flags = program.setup.iter().filter_map(|item| match item {
        Setup::Mmap { flags, .. } => Some(flags.0),
        _ => None,
    });
    assert_eq!(flags.collect::<Vec<_>>(), [0b1110, 0b1110_0000, 0b1_0001, 0, 0]);
}

#[test]
fn every_axis() {
    for (n, axis) in AXES.iter().enumerate() {
        for (value, word) in axis.values.iter().enumerate() {
            let line = format!("set     {}={word}", axis.name);
            let text = SETUP.replace("setup", &format!("{line}\nsetup"));
            let canonical = if value == 0 { SETUP.to_owned() } else { text.clone() };
            let program = parse(&text, &WORDS).expect("all words are known").program;
            assert_eq!(program.head.axes, Axes::default().with(&[(n, value)]), "{line}");
            let printed = print(&Document { program, ..Document::default() }, &WORDS);
            assert_eq!(printed, canonical);
        }
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
  kvm_fault(v0+2)
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
