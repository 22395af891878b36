//! Every allocation fails once: each operation is run again and again, and each time the next of its allocations fails,
//! until it needs no more. Nothing leaks, and no oracle objects.

use racewalk::prog::{Nth, Op, Setup};
use racewalk::{Era, Machine, Options, Program, Variant};

/// What is mapped, and the operation. Anything that it may leave behind is used afterwards, and then goes.
type Story = (&'static str, &'static [&'static str], &'static str);

/// The stories.
const STORIES: &[Story] = &[
    ("a first write", &[ANON], "write(v0)"),
    ("a first read", &[ANON], "read(v0)"),
    ("a huge write", &[ANON_HUGE], "write(v0)"),
    ("a read of the huge zero page", &[ANON_HUGE], "read(v0+1)"),
    ("a copy of the zero page", &[ANON, "read(v0)"], "write(v0)"),
    ("a hole of a file, written", &[EMPTY, SHARED], "write(v0+1)"),
    ("a hole of a file, read", &[EMPTY, PRIVATE], "read(v0+1)"),
    ("a copy of a page", &[SMALL, PRIVATE, "read(v0)"], "write(v0)"),
    ("a copy of a page that was not read", &[SMALL, PRIVATE], "write(v0)"),
    ("fault-around", &[SMALL, SHARED], "read(v0)"),
    ("a page of a huge page", &[HUGE, SHARED, "pte_alloc(v0)"], "read(v0)"),
    ("populate", &[SMALL, PRIVATE], "madvise(v0, populate_write)"),
    ("GUP", &[SMALL, PRIVATE, "read(v0)"], "gup_slow(v0, write, pin)"),
    ("KVM", &[SMALL, PRIVATE], "kvm_fault(v0, write)"),
    ("a collapse of small pages", &[SMALL, SHARED, "madvise(v0, populate_read)"], COLLAPSE),
    ("a collapse with holes", &[EMPTY, SHARED, "write(v0)", "write(v0+2)"], COLLAPSE),
    (
        "a collapse that swaps in",
        &[SMALL, SHARED, "madvise(v0, populate_write)", "swapout(v0+1)"],
        COLLAPSE,
    ),
    ("a collapse of a huge page", &[HUGE, SHARED, "pte_alloc(v0)", "write(v0)"], COLLAPSE),
    ("khugepaged", &[SMALL, SHARED, "madvise(v0, populate_read)"], "khugepaged(v0)"),
    ("swap-out", &[ANON, "write(v0)"], "swapout(v0)"),
    ("swap-out of shmem", &[SMALL, SHARED, "write(v0)"], "swapout(v0)"),
    ("swap-out of a huge page", &[HUGE, SHARED, "read(v0)"], "swapout(v0)"),
    ("swap-in", &[ANON, "write(v0)", "swapout(v0)"], "read(v0)"),
    ("swap-in for a write", &[ANON, "write(v0)", "swapout(v0)"], "write(v0)"),
    ("swap-in of shmem", &[SMALL, SHARED, "write(v0)", "swapout(v0)"], "read(v0)"),
    ("migration", &[ANON, "write(v0)"], "migrate(v0)"),
    ("migration of a huge page", &[HUGE, SHARED, "read(v0)"], "migrate(v0)"),
    ("a split", &[HUGE, SHARED, "read(v0)"], "split(v0)"),
    ("a truncation within a huge page", &[HUGE, SHARED, "read(v0)"], "truncate(f0, len=1p)"),
    ("a hole in a mapping", &[ANON, "madvise(v0, populate_write)"], "munmap(v0+1, len=1p)"),
    ("munmap", &[SMALL, PRIVATE, "madvise(v0, populate_write)"], "munmap(v0)"),
    (
        "munmap of many pages",
        &["v0 = mmap(m0, anon, at=1h, len=4h, rw)", "madvise(v0, populate_write)"],
        "munmap(v0)",
    ),
    ("exit", &[SMALL, PRIVATE, "madvise(v0, populate_write)"], "exit(m0)"),
    ("mmap over something", &[ANON, "write(v0)"], "map(v0, anon, rw)"),
    (
        "other flags for a part",
        &["v0 = mmap(m0, anon, at=1h, len=2h, rw)", "write(v0)"],
        "madvise(v0+1, len=2p, hugepage)",
    ),
    (
        "a merge",
        &[
            "v0 = mmap(m0, anon, at=1h, len=1h, rw, nohugepage)",
            "v1 = mmap(m0, anon, at=2h, len=1h, rw)",
            "write(v1)",
        ],
        "madvise(v1, nohugepage)",
    ),
    ("fork", &[UNBORN, ANON, "write(v0)", "write(v0+2)"], "fork(m0, m1)"),
    ("fork of what is swapped out", &[UNBORN, ANON, "write(v0)", "swapout(v0)"], "fork(m0, m1)"),
    ("fork of a huge page", &[UNBORN, ANON_HUGE, "write(v0)"], "fork(m0, m1)"),
    ("fork of a pinned page", &[UNBORN, ANON, "gup_slow(v0, write, pin)"], "fork(m0, m1)"),
    (
        "fork of a pinned huge page",
        &[UNBORN, ANON_HUGE, "gup_slow(v0, write, pin)"],
        "fork(m0, m1)",
    ),
    ("fork of copies", &[UNBORN, SMALL, PRIVATE, "write(v0)", "read(v0+1)"], "fork(m0, m1)"),
    ("fork of a file", &[UNBORN, SMALL, SHARED, "write(v0)"], "fork(m0, m1)"),
    ("mremap of a table", &[ANON, ELSEWHERE, "write(v0)"], "mremap(v0, v1)"),
    ("mremap of entries", &[ANON, ASKEW, "write(v0)", "write(v0+3)"], "mremap(v0, v1)"),
    ("mremap of a part", &[ANON, ASKEW, "write(v0)", "write(v0+1)"], "mremap(v0+1, v1, len=2p)"),
    ("mremap of a huge page", &[ANON_HUGE, ELSEWHERE, "write(v0)"], "mremap(v0, v1)"),
    ("mremap of pieces", &[ANON_HUGE, ASKEW, "write(v0)"], "mremap(v0, v1)"),
    ("mremap of a file", &[HUGE, SHARED, ASKEW, "read(v0)"], "mremap(v0, v1)"),
    (
        "mremap over something",
        &[ANON, "v1 = mmap(m0, anon, at=3h, len=2h, rw)", "write(v0)", "write(v1)"],
        "mremap(v0, v1)",
    ),
    (
        "mremap that leaves the range",
        &[ANON, ASKEW, "write(v0)", "write(v0+1)"],
        "mremap(v0, v1, dontunmap)",
    ),
    (
        "mremap of a protected file",
        &[SMALL, SHARED, ASKEW, "uffd_register(v0, wp)", "uffd_wp(v0, on)"],
        "mremap(v0, v1)",
    ),
    ("mprotect of a part", &[ANON, "write(v0)", "write(v0+1)"], "mprotect(v0+1, len=2p, ro)"),
    ("mprotect of a part of a huge page", &[ANON_HUGE, "write(v0)"], "mprotect(v0, len=2p, ro)"),
    (
        "mprotect that merges",
        &[ANON, "write(v0)", "mprotect(v0+1, len=2p, ro)"],
        "mprotect(v0+1, len=2p, rw)",
    ),
    ("registration of a part", &[ANON, "write(v0)"], "uffd_register(v0+1, len=2p, missing)"),
    (
        "the end of a registration, of a part",
        &[ANON, "uffd_register(v0, missing)"],
        "uffd_unregister(v0+1, len=2p)",
    ),
    ("a page that userfaultfd fills", &[ANON, ONE_MISSING], "uffd_copy(v0)"),
    ("a page of zeroes that it fills", &[ANON, ONE_MISSING], "uffd_zeropage(v0)"),
    ("a page that it poisons", &[ANON, ONE_MISSING], "uffd_poison(v0)"),
    ("a hole of a file that it fills", &[EMPTY, SHARED, ONE_MISSING], "uffd_copy(v0)"),
    ("a hole of a file, by zeroes", &[EMPTY, SHARED, ONE_MISSING], "uffd_zeropage(v0)"),
    ("a private page that it fills", &[EMPTY, PRIVATE, ONE_MISSING], "uffd_copy(v0)"),
    (
        "a minor fault that it resolves",
        &[SMALL, SHARED, "uffd_register(v0, len=1p, minor)"],
        "uffd_continue(v0)",
    ),
    ("markers", &[SMALL, SHARED, "uffd_register(v0, wp)"], "uffd_wp(v0, len=1p, on)"),
    (
        "markers instead of a huge page",
        &[HUGE, SHARED, "read(v0)", "uffd_register(v0, wp)"],
        "uffd_wp(v0, len=1p, on)",
    ),
    ("a collapse of anonymous memory", &[ANON, "write(v0)", "write(v0+2)"], COLLAPSE),
    (
        "a collapse of anonymous memory that swaps in",
        &[ANON, "madvise(v0, populate_write)", "swapout(v0+1)"],
        COLLAPSE,
    ),
    (
        "khugepaged and anonymous memory",
        &[ANON, "write(v0)", "madvise(v0, hugepage)"],
        "khugepaged(v0)",
    ),
    ("a hole within a huge page", &[HUGE, SHARED, "read(v0)"], "punch(f0, off=1p, len=2p)"),
    ("MADV_REMOVE", &[HUGE, SHARED, "read(v0)"], "madvise(v0+1, len=2p, remove)"),
    ("fallocate()", &[EMPTY, SHARED, "write(v0+2)"], "alloc(f0)"),
    ("write()", &[EMPTY, SHARED], "file_write(f0, off=1p)"),
    (
        "write() to what is swapped out",
        &[SMALL, SHARED, "write(v0)", "swapout(v0)"],
        "file_write(f0)",
    ),
    ("NUMA hinting", &[ANON, "write(v0)", "numa(v0)"], "write(v0)"),
];

const UNBORN: &str = "m1 = mm(unborn)";
const ANON: &str = "v0 = mmap(m0, anon, at=1h, len=1h, rw)";
const ANON_HUGE: &str = "v0 = mmap(m0, anon, at=1h, len=1h, rw, hugepage)";
const ELSEWHERE: &str = "v1 = mmap(m0, reserved, at=3h, len=1h)";
const ASKEW: &str = "v1 = mmap(m0, reserved, at=3h+2p, len=1h)";
const ONE_MISSING: &str = "uffd_register(v0, len=1p, missing)";
const EMPTY: &str = "f0 = file(len=1h, empty)";
const SMALL: &str = "f0 = file(len=1h, small)";
const HUGE: &str = "f0 = file(len=1h, huge)";
const SHARED: &str = "v0 = mmap(m0, f0, at=1h, len=1h, shared, rw)";
const PRIVATE: &str = "v0 = mmap(m0, f0, at=1h, len=1h, private, rw)";
const COLLAPSE: &str = "madvise(v0, collapse)";

/// `fails`: which allocations of the operation, counted from 0.
fn program(story: &Story, settings: &str, fails: &[u8]) -> Program {
    let (title, items, op) = story;
    let items: String = items.iter().map(|item| format!("  {item}\n")).collect();
    let text = format!(
        "racewalk 1\ntitle {title}\n{settings}expect clean\n\nsetup\n  m0 = mm()\n{items}\n\
         cpu0\n  fail_alloc(0)\n  {op}\n  write(v0+1)\n  read(v0+2)\n  madvise(v0, collapse)\n  \
         swapout(v0+1)\n  exit(m0)\n"
    );
    let document = racewalk::parse(&text).unwrap_or_else(|error| panic!("{title}: {error}"));
    let mut program = document.program;
    let fail = |&nth| Op::FailAlloc { nth: Nth(nth) };
    program.cpus[0].splice(0..1, fails.iter().map(fail));
    assert!(program.setup.iter().any(|item| matches!(item, Setup::Do(_) | Setup::Mmap { .. })));
    program
}

/// Runs a story with the n-th allocation failing, and those that `also` names after it; returns how many it needs.
fn run(machine: &mut Machine, story: &Story, settings: &str, era: Era, also: &[u8]) -> u8 {
    for nth in 0..u8::MAX {
        let fails: Vec<u8> =
            std::iter::once(nth).chain(also.iter().map(|more| nth + more)).collect();
        let program = program(story, settings, &fails);
        let variant = Some(Variant::era(era));
        let outcome = machine.run(&program, &Options { variant, ..Options::default() });
        let text = || racewalk::print_program(&program);
        assert_eq!(outcome.verdict.name(), "clean", "{}, {fails:?}:\n{}", era.name(), text());
        if !outcome.reached.has("nomem") {
            return nth;
        }
    }
    unreachable!("an operation that never ends")
}

#[test]
fn an_operation_without_memory_leaves_nothing_behind() {
    let mut machine = Machine::new();
    for story in STORIES {
        for era in Era::ALL {
            // seed-v3 loses the checker's counts.
            let settings = if era == Era::SeedV3 { "set page_table_check=off\n" } else { "" };
            let needs = run(&mut machine, story, settings, era, &[]);
            assert!(needs > 0, "{}: no allocation", story.0);
            // One that is tried again, and fails again.
            run(&mut machine, story, settings, era, &[1]);
        }
    }
}

#[test]
fn nor_does_it_in_other_configurations() {
    let mut machine = Machine::new();
    let all = [
        "set width=pae\n",
        "set ptlock=none\n",
        "set rcu_table_free=off\n",
        "set sync_swap=on\n",
        "set use_zero_page=on\n",
        "set fault_around=off\n",
        "set per_vma_lock=off\n",
    ];
    for settings in all {
        for story in STORIES {
            run(&mut machine, story, settings, Era::Fixed, &[]);
        }
    }
}

#[test]
fn without_memory_for_long_nothing_happens_at_all() {
    let mut machine = Machine::new();
    let always: Vec<u8> = (1..64).collect();
    for story in STORIES {
        let program = program(story, "", &always);
        let outcome = machine.run(&program, &Options::default());
        assert_eq!(outcome.verdict.name(), "clean", "{}", racewalk::print_program(&program));
    }
}
