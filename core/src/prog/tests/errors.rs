//! A text that is no program gets an error that says where and what.

use super::super::*;
use super::{Random, WORDS, dressed};

const SETUP: &str = "\
racewalk 1
setup
  m0 = mm()
  f0 = file(len=1h)
  v0 = mmap(m0, f0, at=1h, len=1h, shared, rw)
cpu0
  read(v0)
";

/// The text has an error at the part between «», and its message says this.
#[track_caller]
fn check(text: &str, says: &str) {
    let start = text.find('«').expect("the text marks its error");
    let before = &text[..start];
    let wrong = &text[start + '«'.len_utf8()..text.find('»').expect("the mark is closed")];
    let plain = text.replace(['«', '»'], "");
    let error = parse(&plain, &WORDS).expect_err("the text has an error");
    let shown = error.to_string();
    assert!(shown.contains(says), "{shown}\n  does not say\n{says}");
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    assert_eq!((error.line, error.column), (before.matches('\n').count() + 1, column), "{shown}");
    assert_eq!((error.offset, error.bytes), (before.len(), wrong.len()), "{shown}");
    assert_eq!((error.length, &error.found[..]), (wrong.chars().count(), wrong), "{shown}");
}

#[track_caller]
fn check_header(line: &str, says: &str) {
    check(&format!("racewalk 1\n{line}\n"), says);
}

#[track_caller]
fn check_setup(line: &str, says: &str) {
    check(&format!("racewalk 1\nsetup\n  m0 = mm()\n  f0 = file(len=1h)\n  {line}\n"), says);
}

#[track_caller]
fn check_op(line: &str, says: &str) {
    check(&format!("{SETUP}  {line}\n"), says);
}

#[track_caller]
fn check_schedule(line: &str, says: &str) {
    check(&format!("{SETUP}cpu1\nschedule\n  {line}\n"), says);
}

#[test]
fn magic() {
    check("«»", "expected `racewalk 1`");
    check("\n# only a comment«»\n", "expected `racewalk 1`");
    check(
        "«racewalker» 1",
        "expected `racewalk 1`, with which every program begins, found `racewalker`",
    );
    check("racewalk «2»", "format 1, the only one there is");
    check("racewalk 1 «x»", "expected the end of the line, found `x`");
}

#[test]
fn headers() {
    check_header("«titel» x", "did you mean `title`?");
    check_header("«[»x]", "expected a header, found `[`");
    check_header("title«»", "expected a title");
    check_header(
        "kernel «v6.7»",
        "`v6.7` is not a kernel; expected one of `old`, `seed-v3`, `v6.6`, `fixed`; did you mean `v6.6`?",
    );
    check_header("kernel«»", "found nothing more; expected one of `old`");
    check_header("without «recheck_pages»", "did you mean `recheck_page`?");
    check_header("without recheck_page\nwithout «recheck_page»", "left out twice");
    check_header("zoo «dirty-cows»", "did you mean `dirty-cow`?");
    check_header("zoo dirty-cow\nzoo «dirty-cow»", "named twice");
    check_header("hpn «5»", "`5` is out of range for hpn; expected one of `4`, `8`, `512`");
    check_header("hpn 4\n«hpn 4»", "this header was given before");
    check_header(
        "set «ptlocks»=none",
        "`ptlocks` is not an axis; expected one of `width`, `ptlock`, `rcu_table_free`",
    );
    check_header("set «ptlocks»=none", "did you mean `ptlock`?");
    check_header("set thp=«sometimes»", "expected one of `madvise`, `always`, `never`");
    check_header("set max_ptes_swap=«9»", "expected one of `default`, `0`, `half`, `all`");
    check_header("set ptlock «none»", "expected `=`");
    check_header("set ptlock=«on»", "not a value of ptlock; expected one of `split`, `none`");
    check_header("set ptlock=none\n«set ptlock=none»", "given before");
    check_header(
        "policy «fair»",
        "expected one of `records`, `random`, `pct`, `pos`, `urw`, `surw`",
    );
    check_header("policy random mean=«0»", "`0` is out of range: the mean run length is 1 to 64");
    check_header("policy pct depth=«x»", "`x` is no number, expected the depth (1 to 8)");
    check_header("seed «0x10000»", "`0x10000` is out of range: a seed is 0 to 65535");
    check_header("expect «v6.7» clean", "not a kernel");
    check_header(
        "expect «cleen»",
        "not a verdict; expected one of `clean`, `page_table_check`, `use_after_free`; did you mean `clean`?",
    );
}

#[test]
fn sections() {
    check("racewalk 1\nsetup\n  m0 = mm()«»\n", "expected a set-up that declares a vma");
    check(
        &format!("{}«»\n", &SETUP[..SETUP.find("\ncpu0").expect("there")]),
        "expected a section `cpu0`",
    );
    check(&format!("{SETUP}«setup»"), "the section `setup` was given before");
    check(&format!("{SETUP}«cpu0»"), "the section `cpu0` was given before");
    check(&format!("{SETUP}«cpu2»"), "`cpu2` comes before `cpu1`: cpus have no gaps");
    check(
        "racewalk 1\ncpu0\n«setup»",
        "comes too late: sections go setup, cpu0, cpu1 and so on, schedule",
    );
    check("racewalk 1\n«schedule»", "nothing to schedule");
    check(&format!("{SETUP}cpu1\ncpu2\ncpu3\n«cpu4»"), "a program has cpu0 to cpu3");
}

#[test]
fn declarations() {
    check_setup("«mmap»(m0, anon)", "`NAME = mmap(...)`");
    check_setup("«mmp»(m0)", "did you mean `mmap`?");
    check_setup("x = «read»(m0)", "`read` declares nothing");
    check_setup("«m0» = mm()", "`m0` is declared twice");
    check_setup("«0x» = mm()", "begins with a digit");
    check_setup(
        "m1 = mm()\n  m2 = mm()\n  m3 = mm()\n  m4 = «mm»()",
        "too many mms: a program has at most 4",
    );
    check_setup("x = file(«len=0»)".replace("«len=0»", "len=«0»").as_str(), "at least 1p");
    check_setup("x = file(len=«3h»)", "`3h` is out of range: a number of huge units is 0h to 2h");
    check_setup("x = file(len=«2h+1p»)", "more than 2h at hpn 4");
    check_setup(
        "x = file(len=«2»)",
        "`2` has no unit: write `2h` (huge units) or `2p` (base pages)",
    );
    check_setup("x = file(len=1h, «hug»)", "did you mean `huge`?");
    check_setup("x = file(huge)«»", "expected `len=` in `file`");
    check_setup("x = «mmap(m0, anon, len=1h, rw)»", "`mmap` needs `at=`");
    check_setup("x = «mmap(m0, f0, at=1h, len=1h, rw)»", "`mmap` needs `shared` or `private`");
    check_setup(
        "x = mmap(«m1», anon)",
        "`m1` is not declared above, expected an mm; expected `m0`; did you mean `m0`?",
    );
    check_setup("x = mmap(«f0», anon)", "`f0` is a file, expected an mm");
    check_setup("x = mmap(m0, anon, «shared»)", "no meaning for anonymous memory");
    check_setup("x = mmap(m0, anon, rw, «ro»)", "says again");
    check_setup("x = «mmap(m0, anon, at=7h, len=2h, rw)»", "beyond the address space, which is 8h");
    check_setup(
        "x = mmap(m0, anon, at=1h, len=1h, rw)\n  y = «mmap(m0, anon, at=4p, len=1p, rw)»",
        "overlaps `x` at hpn 4",
    );
    check_setup(
        "«mm(unborn)»".replace("«mm(unborn)»", "x = mm(«dead»)").as_str(),
        "expected `unborn`",
    );
    check("racewalk 1\nsetup\n  m0 = mm(«unborn»)\n", "the first mm exists from the start");
    check_setup("x = file(len=1h, shmem, «regular»)", "says again");
    check_setup("x = mmap(m0, reserved, at=0, len=1h, «rw»)", "no meaning for a reserved range");
    check_setup(
        "x = mmap(m0, reserved, at=0, len=1h, «locked»)",
        "no meaning for a reserved range",
    );
    check_setup("x = mmap(m0, anon, rw, «uffd_minor»)", "no meaning for anonymous memory");
    check_setup(
        "x = mmap(m0, f0, private, rw, «wipeonfork»)",
        "no meaning for a mapping of this file",
    );
    check_setup(
        "x = mmap(m0, anon, hugepage, «nohugepage»)",
        "`hugepage` or `nohugepage`, not both",
    );
    check_setup("x = mmap(m0, anon, locked, «locked»)", "says again");
    check_setup("x = «mmap(m0, anon, at=0, len=1h)»", "needs `ro`, `rw`, `rx` or `none`");
    check_setup(
        "m1 = mm(unborn)\n  x = mmap(«m1», anon, at=0, len=1h, rw)",
        "the mm does not exist yet: its ranges can only be `reserved`",
    );
    check_setup(
        "x = mmap(m0, reserved, at=0, len=1h)\n  y = «mmap(m0, anon, at=1p, len=1p, rw)»",
        "overlaps `x` at hpn 4",
    );
    check_setup("read(«x»)", "`x` is not declared above, expected a vma");
}

#[test]
fn operations() {
    check_op("«raed»(v0)", "`raed` is not an operation; expected one of `read`, `write`");
    check_op("«raed»(v0)", "did you mean `read`?");
    check_op("read«»", "expected `(`, found nothing more");
    check_op("read(v0«»", "expected `)`");
    check_op("read(v0)«x»", "expected the end of the line, found `x`");
    check_op("read(«m0»)", "`m0` is an mm, expected a vma");
    check_op("read(«v0+4»)", "outside `v0`: at hpn 4 its pages are 0 to 3, this is page 4");
    check_op("read(v0+«2h»)", "0h to 1h");
    check_op("read(v0+«99999999999999999999»)", "0 to 7");
    check_op("read(v0+«x»)", "expected huge units or base pages, such as `1h` or `3`, found `x`");
    check_op("madvise(v0«»", "expected `,` or `)`");
    check_op(
        "madvise(v0)«»",
        "expected an advice in `madvise`, found nothing more; expected one of `dontneed`",
    );
    check_op("madvise(v0, «dontned»)", "did you mean `dontneed`?");
    check_op("madvise(v0, collapse, «dontneed»)", "second advice");
    check_op("truncate(f0, len=«9p»)", "0p to 7p");
    check_op("kvm_fault(v0, «exec»)", "expected one of `read`, `write`");
    check_op("read(«é»)", "found `é`");
    check_op("map(v0, «reserved», rw)", "expected one of `anon`, `shared`, `private`");
    check_op("map(v0, shared «v0», rw)", "`v0` is a vma, expected a file");
    check_op("map(v0, anon)«»", "expected a protection in `map`");
    check_op("«map(v0, anon, rw, off=1p)»", "`off` has no meaning for anonymous memory");
    check_op("mprotect(v0, ro, «rw»)", "this is the second protection of one `mprotect`");
    check_op("punch(f0, off=«2h»)", "`2h` is out of range: a file is at most 2h at hpn 4");
    check_op("punch(f0, off=«1h+4p»)", "a file is at most 2h at hpn 4");
    check_op("fail_alloc(«8»)", "`8` is out of range: an allocation is 0 to 7");
    check_op("gup_fast(v0, pin, «get»)", "the second kind of reference of one `gup_fast`");
    check_op("uffd_register(v0)«»", "expected a mode in `uffd_register`");
    check_op("uffd_register(v0, wp, «wp»)", "says again");
    check_op("uffd_wp(v0)«»", "expected `on` or `off` in `uffd_wp`");
    check_op("mremap(v0, v0, «untie»)", "expected one of `len=`, `dontunmap`");
    check_op("exit(«v0»)", "`v0` is a vma, expected an mm");
    check_op("«fork(m0, m0)»", "declared by `mm(unborn)`; m0 is not");
    let many = format!("{SETUP}{}", "  rcu_gp()\n".repeat(15));
    check(&format!("{many}  «rcu_gp»()\n"), "too many operations of one cpu: there may be 16");
}

#[test]
fn arguments_that_do_not_go_together() {
    let check = |op: &str, says| {
        let setup = "  m1 = mm(unborn)\n  v1 = mmap(m1, reserved, at=0, len=1h)\ncpu0\n";
        check(&format!("{}  {op}\n", SETUP.replace("cpu0\n", setup)), says);
    };
    check("«mremap(v0, v1)»", "`mremap` moves within one mm, not from m0 to m1");
    check("«fork(m1, m1)»", "an mm cannot be its own parent");
}

#[test]
fn schedules() {
    check_schedule("cpu0 until «zap_pte_rang»", "did you mean `zap_pte_range`?");
    check_schedule("cpu0 until «x»", "expected one of `exit`, `cp6`, `zap_pte_range`");
    check_schedule("cpu0 until cp6#«0»", "an arrival is 1 to 65535");
    check_schedule("cpu0 for «0»", "a number of steps is 1 to 4294967295");
    check_schedule(
        "«cpu2» until exit",
        "this program has no `cpu2`; expected one of `cpu0`, `cpu1`",
    );
    check_schedule("«cpux» until exit", "expected a cpu, such as `cpu0`, found `cpux`");
    check_schedule("cpu0 op «1» step 0 -> cpu1", "an operation of this cpu is 0");
    check_schedule("cpu1 op «0» step 0 -> cpu1", "expected `exit`, as cpu1 has no operations");
    check_schedule("cpu0 op 0 step «70000» -> cpu1", "a step is 0 to 65535");
    check_schedule("cpu0 op 0 step 7«»", "expected `->`");
    check_schedule("cpu0 until exit\n  «cpu0 exit -> cpu1»", "the lines above are turns");
    check_schedule("cpu0 exit -> cpu1\n  «cpu0 until exit»", "the lines above are decisions");
    let many = "  cpu0 until exit\n".repeat(64);
    check_schedule(
        &format!("cpu0 for 1\n{many}").replacen(
            &many,
            &format!("{}  «cpu0 until exit»\n", "  cpu0 until exit\n".repeat(63)),
            1,
        ),
        "at most 64",
    );
}

#[test]
fn no_text_panics() {
    let mut random = Random(31);
    let pieces = [
        "\n", " ", "#", "(", ")", "+", "=", "->", "v0", "1h", "cpu0", "cpu9", "é", "\u{0}", "\r",
        "len=", "setup", "title",
    ];
    for _ in 0..20_000 {
        let mut text = print_program(&dressed(&mut random), &WORDS);
        for _ in 0..1 + random.below(3) {
            let ends: Vec<usize> =
                (0..=text.len()).filter(|&at| text.is_char_boundary(at)).collect();
            let start = random.below(ends.len());
            let end = (start + random.below(12)).min(ends.len() - 1);
            let piece = pieces[random.below(pieces.len())];
            text.replace_range(ends[start]..ends[end], piece);
        }
        match parse(&text, &WORDS) {
            Ok(document) => {
                let mut fixed = document.program.clone();
                fixup(&mut fixed);
                assert_eq!(fixed, document.program, "{text}");
                let printed = print(&document, &WORDS);
                let again = parse(&printed, &WORDS)
                    .unwrap_or_else(|error| panic!("{error}\n{text}\n{printed}"));
                assert_eq!(again.program, document.program, "{text}\n{printed}");
                assert_eq!(print(&again, &WORDS), printed, "{text}");
            }
            Err(error) => {
                assert!(error.offset + error.bytes <= text.len(), "{error}\n{text}");
                assert!(text.is_char_boundary(error.offset), "{error}\n{text}");
                assert!(!error.message.is_empty());
            }
        }
    }
    for _ in 0..2_000 {
        let bytes = random.bytes(200);
        _ = parse(&String::from_utf8_lossy(&bytes), &WORDS);
    }
}
