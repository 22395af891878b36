//! Fix-up makes a program well-formed and leaves a well-formed one alone.

use super::super::*;
use super::Random;
use crate::prog::limits::*;

fn fixed(mut program: Program) -> Program {
    fixup(&mut program);
    let once = program.clone();
    fixup(&mut program);
    assert_eq!(program, once);
    program
}

fn with_setup(setup: Vec<Setup>) -> Program {
    fixed(Program { setup, ..Program::default() })
}

const MM: Setup = Setup::Mm { unborn: false };

const MAP: Setup = Setup::Mmap {
    mm: MmRef(7),
    what: Mapped::Shared(FileRef(9)),
    at: Size { h: 200, p: 200 },
    len: Size::ZERO,
    off: Size { h: 2, p: 7 },
    prot: Prot::Ro,
    flags: MapFlags(0),
};

#[test]
fn nothing_becomes_the_default_scene() {
    let program = fixed(Program::default());
    assert_eq!(program.setup, SCENES[0].items);
    assert_eq!(program.cpus, [Vec::new()]);
    assert_eq!(program.schedule, Schedule::default());
}

#[test]
fn scenes_are_well_formed() {
    for scene in SCENES {
        for hpn in Head::HPNS {
            let head = Head { hpn, ..Head::default() };
            let setup = scene.items.to_vec();
            let program = Program { head, setup, cpus: vec![vec![]], ..Program::default() };
            assert_eq!(fixed(program.clone()), program, "{}", scene.title);
        }
    }
}

#[test]
fn a_vma_without_an_mm_gets_one() {
    let program = with_setup(vec![MAP, MM]);
    assert_eq!(program.setup[0], MM);
    assert_eq!(program.setup.len(), 3);
    let Setup::Mmap { mm, what, len, off, .. } = program.setup[1] else { panic!("{program:?}") };
    assert_eq!((mm, what, len, off), (MmRef(0), Mapped::Anon, Size::huge(1), Size::ZERO));
}

#[test]
fn vmas_move_apart_until_there_is_no_room() {
    let program = with_setup([vec![MM], vec![MAP; 9]].concat());
    assert_eq!(program.setup.len(), 1 + VMAS_MAX);
    let starts = program.setup[1..].iter().map(|item| match item {
        Setup::Mmap { at, .. } => at.pages(4),
        _ => panic!("{item:?}"),
    });
    let mut starts: Vec<u32> = starts.collect();
    starts.sort_unstable();
    starts.dedup();
    assert_eq!(starts.len(), VMAS_MAX);

    let Setup::Mmap { mm, what, at, off, prot, flags, .. } = MAP else { panic!() };
    let whole = Setup::Mmap { mm, what, at, len: Size::huge(UNITS_MAX), off, prot, flags };
    let program = with_setup(vec![MM, whole, MAP]);
    assert_eq!(program.setup.len(), 2);
}

#[test]
fn a_full_setup_keeps_a_vma() {
    let full = [vec![Setup::Do(Op::RcuGp); SETUP_MAX - 1], vec![MAP]].concat();
    for setup in [full, vec![MM; 40], vec![Setup::Do(Op::RcuGp); 40]] {
        let program = with_setup(setup);
        assert!(program.setup.len() <= SETUP_MAX);
        assert!(program.setup.iter().any(|item| matches!(item, Setup::Mmap { .. })));
    }
}

#[test]
fn an_operation_on_nothing_is_a_grace_period() {
    let early = Setup::Do(Op::Read { at: At::start(VmaRef(0)) });
    let program = with_setup(vec![MM, early, MAP]);
    assert_eq!(program.setup[1], Setup::Do(Op::RcuGp));
    let cut = Op::Truncate { file: FileRef(1), len: Size::huge(1) };
    let setup = vec![MM, MAP];
    let program = fixed(Program { setup, cpus: vec![vec![cut]], ..Program::default() });
    assert_eq!(program.cpus[0], [Op::RcuGp]);
}

#[test]
fn addresses_stay_inside_their_vma() {
    for (p, page) in [(0, 0), (3, 3), (4, 0), (7, 3)] {
        let at = At { vma: VmaRef(0), h: 0, p };
        let program = Program { cpus: vec![vec![Op::Read { at }]], ..Program::default() };
        let Some(at) = fixed(program).cpus[0][0].at() else { panic!() };
        assert_eq!(at.page(4), page);
    }
}

#[test]
fn decisions_are_sorted_and_their_order_kept() {
    let decision = |cpu, op, k, next| Decision { cpu, op, k, next };
    let wild = vec![decision(1, 0, 9, 0), decision(0, 1, 5, 1), decision(0, 0, 7, 3)];
    let wild = [wild, vec![decision(0, 0, 7, 0), decision(0, 2, 0, 1)]].concat();
    let cpus = vec![vec![Op::RcuGp], vec![]];
    let schedule = Schedule::Decisions(wild);
    let program = fixed(Program { cpus, schedule, ..Program::default() });
    let tame = vec![decision(0, 0, 7, 1), decision(0, 0, 7, 0), decision(0, 1, 0, 1)];
    let tame = [tame, vec![decision(1, 0, 0, 0)]].concat();
    assert_eq!(program.schedule, Schedule::Decisions(tame));
}

#[test]
fn limits_hold() {
    let decision = Decision { cpu: 0, op: 0, k: 1, next: 1 };
    let program = fixed(Program {
        head: Head {
            hpn: 77,
            seed: u64::MAX,
            policy: Policy::Random { mean: 0 },
            ..Head::default()
        },
        cpus: vec![vec![Op::RcuGp; 99]; 9],
        schedule: Schedule::Decisions(vec![decision; 99]),
        ..Program::default()
    });
    assert_eq!(program.cpus, vec![vec![Op::RcuGp; OPS_MAX]; CPUS_MAX]);
    assert_eq!(program.schedule.len(), DECISIONS_MAX);
    assert_eq!((program.head.hpn, program.head.seed), (8, SEED_MAX));
    assert_eq!(program.head.policy, Policy::Random { mean: RUN_MEAN_MAX });
}

#[test]
fn titles_are_one_line() {
    for (wild, tame) in [(" a\nb ", Some("a b")), ("\t", None), ("", None), ("# x", Some("# x"))] {
        let head = Head { title: Some(wild.to_owned()), ..Head::default() };
        let program = fixed(Program { head, ..Program::default() });
        assert_eq!(program.head.title.as_deref(), tame);
    }
}

#[test]
fn any_value_can_be_fixed() {
    let mut random = Random(11);
    for _ in 0..2_000 {
        let mut wild = decode(&random.input());
        let shuffled = |random: &mut Random| decode(&random.input());
        wild.setup = shuffled(&mut random).setup;
        wild.setup.drain(..random.below(wild.setup.len()));
        wild.cpus = shuffled(&mut random).cpus;
        wild.schedule = shuffled(&mut random).schedule;
        fixed(wild);
    }
}

/// A mapping at `3h` in `m1`, of this kind and with all flags.
fn flagged(what: Mapped) -> Setup {
    let (at, len, flags) = (Size::huge(3), Size::huge(1), MapFlags(u8::MAX));
    Setup::Mmap { mm: MmRef(1), what, at, len, off: Size::ZERO, prot: Prot::None, flags }
}

#[test]
fn the_first_mm_is_born_and_an_unborn_one_only_reserves() {
    let unborn = Setup::Mm { unborn: true };
    let program = with_setup(vec![unborn, unborn, flagged(Mapped::Anon)]);
    assert_eq!(program.setup[..2], [MM, unborn]);
    let Setup::Mmap { what, prot, flags, .. } = program.setup[2] else { panic!("{program:?}") };
    assert_eq!((what, prot, flags), (Mapped::Reserved, Prot::Rw, MapFlags(0)));
}

#[test]
fn a_mapping_has_the_flags_that_it_can_have() {
    let file = |kind| Setup::File { len: Size::huge(1), kind, backing: Backing::Small };
    let left = |kind, what| {
        let program = with_setup(vec![MM, MM, file(kind), flagged(what)]);
        let Setup::Mmap { flags, .. } = program.setup[3] else { panic!("{program:?}") };
        flags.text()
    };
    let (shared, private) = (Mapped::Shared(FileRef(0)), Mapped::Private(FileRef(0)));
    assert_eq!(
        left(FileKind::Shmem, Mapped::Anon),
        "hugepage, locked, dontcopy, wipeonfork, uffd_missing, uffd_wp"
    );
    for what in [shared, private] {
        assert_eq!(
            left(FileKind::Shmem, what),
            "hugepage, locked, dontcopy, uffd_missing, uffd_wp, uffd_minor"
        );
        assert_eq!(left(FileKind::Regular, what), "hugepage, locked, dontcopy");
    }
    assert_eq!(left(FileKind::Shmem, Mapped::Reserved), "");
}

/// What becomes of an operation in a world of two mms, `m1` unborn, with a reserved range in each.
fn bent(op: Op) -> Op {
    let reserved = |mm, h| {
        let (what, off, prot) = (Mapped::Reserved, Size::ZERO, Prot::Rw);
        let (at, len, flags) = (Size::huge(h), Size::huge(1), MapFlags(0));
        Setup::Mmap { mm: MmRef(mm), what, at, len, off, prot, flags }
    };
    let setup =
        vec![MM, Setup::Mm { unborn: true }, reserved(0, 1), reserved(1, 1), reserved(0, 4)];
    fixed(Program { setup, cpus: vec![vec![op]], ..Program::default() }).cpus[0][0]
}

#[test]
fn mremap_stays_in_its_mm() {
    for (to, expected) in [(0, 0), (1, 2), (2, 2), (5, 2)] {
        let moved = |to| Op::Mremap {
            at: At::start(VmaRef(0)),
            to: VmaRef(to),
            len: Size::ZERO,
            flags: MremapFlags(0),
        };
        assert_eq!(bent(moved(to)), moved(expected));
    }
}

#[test]
fn fork_bears_the_unborn() {
    let fork = |parent, child| Op::Fork { parent: MmRef(parent), child: MmRef(child) };
    for (wild, tame) in [((0, 1), (0, 1)), ((0, 0), (0, 1)), ((1, 1), (0, 1)), ((3, 2), (0, 1))] {
        assert_eq!(bent(fork(wild.0, wild.1)), fork(tame.0, tame.1), "{wild:?}");
    }
    let program = Program { cpus: vec![vec![fork(0, 1)]], ..Program::default() };
    assert_eq!(fixed(program).cpus[0], [Op::RcuGp], "nobody is unborn in the default scene");
}

#[test]
fn what_an_operation_maps_is_there() {
    let (vma, prot, off) = (VmaRef(0), Prot::Rw, Size::base(2));
    for what in [Mapped::Reserved, Mapped::Shared(FileRef(1)), Mapped::Anon] {
        let anon = Op::Map { vma, what: Mapped::Anon, prot, off: Size::ZERO };
        assert_eq!(bent(Op::Map { vma, what, prot, off }), anon, "there is no file");
    }
}
