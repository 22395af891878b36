//! The byte form is total, local and canonical.

use super::super::*;
use super::{Random, dressed};
use crate::prog::limits::*;
use crate::prog::wire::record_of;
use arbitrary::{Arbitrary, Unstructured};

const READ_V0: [u8; 8] = [0; 8];

/// Decodes, checks all that holds for any bytes, and returns the program.
#[track_caller]
fn check(bytes: &[u8]) -> Program {
    let program = decode(bytes);
    let mut fixed = program.clone();
    fixup(&mut fixed);
    assert_eq!(fixed, program, "decoded programs are well-formed");
    let canonical = encode(&program).expect("decoded programs have no turns");
    assert_eq!(decode(&canonical), program);
    assert_eq!(encode(&decode(&canonical)).as_deref(), Ok(&canonical[..]));
    assert!(canonical.len() <= INPUT_BYTES_MAX);
    assert_eq!(canonical.len() % RECORD_BYTES, 0);
    program
}

/// An input of records behind a header with two CPUs and no scene.
fn records(records: &[[u8; 8]]) -> Vec<u8> {
    [&[READ_V0], records].concat().concat()
}

#[track_caller]
fn decisions(program: &Program) -> &[Decision] {
    match &program.schedule {
        Schedule::Decisions(decisions) => decisions,
        Schedule::Turns(turns) => panic!("{turns:?}"),
    }
}

#[test]
fn any_bytes_are_a_program() {
    let mut random = Random(1);
    let mut program = Program::default();
    for _ in 0..20_000 {
        let bytes = random.input();
        let decoded = check(&bytes);
        decode_into(&bytes, &mut program);
        assert_eq!(program, decoded, "what was in the vectors before does not show");
    }
}

#[test]
fn uniform_bytes_are_harmless() {
    for byte in 0..=u8::MAX {
        for len in (0..40).chain([8 * 200]) {
            check(&vec![byte; len]);
        }
    }
}

#[test]
fn empty_input_is_the_default_scene() {
    let program = check(&[]);
    assert_eq!(program.setup, SCENES[0].items);
    assert!(program.cpus.iter().all(Vec::is_empty));
    assert!(program.schedule.is_empty());
}

#[test]
fn each_scene_has_a_header_byte() {
    for (n, scene) in SCENES.iter().enumerate() {
        let header = [0, 0, 0, 0, 0, 0, n as u8 + 1, 0];
        assert_eq!(check(&header).setup, scene.items);
        let bytes = [header, [6, 0, 0, 0, 0, 0, 0, 0]].concat();
        let read = Setup::Do(Op::Read { at: At::start(VmaRef(0)) });
        assert_eq!(check(&bytes).setup, [scene.items, &[read]].concat());
    }
}

#[test]
fn header_fields_are_read() {
    let axes = Axes::default().with(&[(Axes::PTLOCK, 1), (Axes::PAGE_TABLE_CHECK, 1)]);
    // Three bits an axis; what no axis has for a value means its default.
    let configuration = [7, 3, 0x0f, 0x10, 0, 0, 0, 0xff];
    let head = check(&[[1, 0, 1, 16, 0x34, 0x12, 0, 6], configuration].concat()).head;
    let policy = Policy::Random { mean: 16 };
    assert_eq!(head, Head { hpn: 8, axes, policy, seed: 0x1234, ..Head::default() });
    assert_eq!(check(&[0x80, 0, 2, 3]).head.policy, Policy::Pct { depth: 3 });
    let named = |policy| check(&[0, 0, policy]).head.policy;
    assert_eq!([4, 5, 6].map(named), [Policy::Pos, Policy::Urw, Policy::Surw]);
    let records = (0..=u8::MAX).filter(|&byte| named(byte) == Policy::Records);
    assert_eq!(records.count(), 128, "half of what is invented has a schedule of its own");
    assert_eq!(check(&[0x80]).head.hpn, 512);
    let counts = (0..8).map(|byte| check(&[0, 0, 0, 0, 0, 0, 0, byte]).cpus.len());
    assert_eq!(counts.collect::<Vec<_>>(), [2, 3, 2, 3, 2, 3, 4, 1]);
}

#[test]
fn encode_is_the_inverse_of_decode() {
    let mut random = Random(2);
    for _ in 0..5_000 {
        let mut program = dressed(&mut random);
        match encode(&program) {
            Err(error) => {
                assert_eq!(error, EncodeError::Turns);
                assert!(matches!(program.schedule, Schedule::Turns(_)));
            }
            Ok(bytes) => {
                let Head { hpn, axes, policy, seed, .. } = program.head;
                program.head = Head { hpn, axes, policy, seed, ..Head::default() };
                assert_eq!(decode(&bytes), program);
            }
        }
    }
}

#[test]
fn declarations_are_read() {
    let file = |backing, kind| [7, 1, 8, backing, kind, 0, 0, 0];
    let mmap = |whose, what, flags| [7, 0, whose, what, 8, 8, 0, flags];
    let inputs = [
        [7, 2, 0, 0, 0, 0, 0, 0],
        [7, 2, 5, 0, 0, 0, 0, 0],
        file(2, 1),
        file(0, 2),
        mmap(0b0000_1100, 0x18, 0b110),
        mmap(0b0001_1000, 1, 0xff),
        mmap(0b0011_1000, 7, 0xff),
        mmap(0b0000_0001, 2, 0),
    ];
    let (one, off) = (Size::huge(1), Size::ZERO);
    let map = |mm, what, h, prot, flags| {
        let (mm, at, flags) = (MmRef(mm), Size::huge(h), MapFlags(flags));
        Setup::Mmap { mm, what, at, len: one, off, prot, flags }
    };
    let file = |kind, backing| Setup::File { len: one, kind, backing };
    let expected = [
        Setup::Mm { unborn: false },
        Setup::Mm { unborn: true },
        file(FileKind::Regular, Backing::Empty),
        file(FileKind::Shmem, Backing::Huge),
        // Bits that say nothing by themselves: flags count only with the gate open, a protection beyond the last is rw.
        map(0, Mapped::Shared(FileRef(1)), 1, Prot::Ro, 0b110),
        map(0, Mapped::Private(FileRef(0)), 2, Prot::None, 0),
        map(0, Mapped::Reserved, 3, Prot::Rw, 0),
        map(1, Mapped::Reserved, 1, Prot::Rw, 0),
    ];
    assert_eq!(check(&records(&inputs)).setup, expected);
}

#[test]
fn malformed_programs_have_no_bytes() {
    let base = check(&[]);
    let malformed = |change: fn(&mut Program)| {
        let mut program = base.clone();
        change(&mut program);
        assert_eq!(encode(&program), Err(EncodeError::Malformed));
    };
    malformed(|program| program.head.hpn = 5);
    malformed(|program| program.head.seed = SEED_MAX + 1);
    malformed(|program| program.cpus.clear());
    malformed(|program| {
        let nowhere = Decision { cpu: 0, op: 9, k: 0, next: 0 };
        program.schedule = Schedule::Decisions(vec![nowhere]);
    });
}

#[test]
fn a_tag_picks_its_variant() {
    for tag in 0..=u8::MAX {
        let mut record = READ_V0;
        record[1] = tag;
        // In a world where there is something for each to be about.
        let unborn = [7, 2, 1, 0, 0, 0, 0, 0];
        let program = decode(&[[0, 0, 0, 0, 0, 0, 1, 0], unborn, record].concat());
        assert_eq!(program.cpus[0][0].variant(), usize::from(tag) % Op::VARIANTS);
    }
}

#[test]
fn a_record_is_what_the_derived_arbitrary_reads() {
    let mut random = Random(3);
    let mut seen = [false; Op::VARIANTS];
    for _ in 0..20_000 {
        let bytes = random.bytes(16);
        let op = Op::arbitrary(&mut Unstructured::new(&bytes)).expect("integers never fail");
        let record = record_of(&op);
        let variant = usize::from(record[1]);
        seen[variant] = true;
        let tag = ((variant as u64) << 32).div_ceil(Op::VARIANTS as u64) as u32;
        let input = [&tag.to_le_bytes()[..], &record[2..]].concat();
        assert_eq!(Op::arbitrary(&mut Unstructured::new(&input)).expect("as above"), op);
    }
    assert_eq!(seen, [true; Op::VARIANTS]);
}

#[test]
fn a_program_takes_the_rest_of_the_bytes() {
    let bytes = Random(4).bytes(100);
    let mut input = Unstructured::new(&bytes);
    assert_eq!(Program::arbitrary(&mut input).expect("total"), decode(&bytes));
    assert!(input.is_empty());
    let input = Unstructured::new(&bytes);
    assert_eq!(Program::arbitrary_take_rest(input).expect("total"), decode(&bytes));
}

#[test]
fn a_partial_record_is_padded() {
    let whole = records(&[[0, 1, 0, 0, 0, 0, 0, 0]]);
    assert_eq!(decode(&whole[..10]), decode(&whole));
    assert_eq!(decode(&whole).cpus[0].len(), 1);
}

#[test]
fn decisions_belong_to_the_operation_before_them() {
    let program = check(&records(&[
        [4, 9, 0, 0, 1, 0, 0, 0],
        READ_V0,
        [4, 3, 0, 9, 1, 0, 0, 0],
        [1, 12, 0, 0, 0, 0, 0, 0],
        [6, 0, 0, 0, 0, 0, 0, 0],
        [4, 3, 7, 2, 0, 0, 0, 0],
        [5, 0, 1, 0, 0, 0, 0, 0],
        READ_V0,
    ]));
    let decision = |cpu, op, k, next| Decision { cpu, op, k, next };
    let expected = [decision(0, 0, 3, 1), decision(0, 2, 0, 1), decision(1, 0, 0x203, 0)];
    assert_eq!(decisions(&program), expected);
}

#[test]
fn decisions_of_a_dropped_operation_are_dropped() {
    let mut input = vec![READ_V0; OPS_MAX + 1];
    input.push([4, 3, 0, 0, 1, 0, 0, 0]);
    assert!(check(&records(&input)).schedule.is_empty());
}

#[test]
fn deleting_a_record_deletes_one_thing() {
    let mut random = Random(5);
    for _ in 0..300 {
        let whole = check(&random.input());
        let bytes = encode(&whole).expect("no turns");
        let configured = usize::from(whole.head.axes != Axes::default());
        let first = 1 + configured + whole.setup.len();
        for at in first..bytes.len() / RECORD_BYTES {
            let mut rest = bytes.clone();
            let record: Vec<u8> = rest.drain(at * RECORD_BYTES..(at + 1) * RECORD_BYTES).collect();
            check_deleted(&whole, &decode(&rest), at - first, record[0]);
        }
    }
}

/// The record at `at` behind the set-up is gone, and nothing else is.
#[track_caller]
fn check_deleted(whole: &Program, rest: &Program, at: usize, kind: u8) {
    assert_eq!((&rest.head, &rest.setup), (&whole.head, &whole.setup));
    // What each record behind the set-up stands for, in the order of the bytes.
    let mut records = Vec::new();
    for (cpu, ops) in whole.cpus.iter().enumerate() {
        for op in 0..=ops.len() {
            records.extend((op < ops.len()).then_some((cpu, op, None)));
            let here = |d: &Decision| (usize::from(d.cpu), usize::from(d.op)) == (cpu, op);
            let found = decisions(whole).iter().enumerate().filter(|(_, d)| here(d));
            records.extend(found.map(|(n, _)| (cpu, op, Some(n))));
        }
    }
    let (cpu, op, decision) = records[at];
    let mut expected = whole.clone();
    let Schedule::Decisions(left) = &mut expected.schedule else { unreachable!() };
    match decision {
        Some(n) => {
            assert!(kind == 4 || kind == 5);
            left.remove(n);
        }
        None => {
            assert_eq!(usize::from(kind), cpu);
            expected.cpus[cpu].remove(op);
            // Its own decisions now follow another operation; they are not compared. The others move along.
            let own = |d: &Decision| (usize::from(d.cpu), usize::from(d.op)) == (cpu, op);
            if left.iter().any(own) {
                return assert_eq!(rest.cpus, expected.cpus);
            }
            let later = |d: &&mut Decision| usize::from(d.cpu) == cpu && usize::from(d.op) > op;
            left.iter_mut().filter(later).for_each(|d| d.op -= 1);
        }
    }
    assert_eq!(*rest, expected);
}

#[test]
fn changing_an_operation_changes_only_it() {
    let mut random = Random(6);
    for _ in 0..2_000 {
        let whole = check(&random.input());
        let mut bytes = encode(&whole).expect("no turns");
        let configured = usize::from(whole.head.axes != Axes::default());
        let first = 1 + configured + whole.setup.len();
        let Some(count) = (bytes.len() / RECORD_BYTES).checked_sub(first).filter(|n| *n > 0) else {
            continue;
        };
        let at = RECORD_BYTES * (first + random.below(count)) + 1 + random.below(7);
        bytes[at] = bytes[at].wrapping_add(1 + random.below(255) as u8);
        let other = check(&bytes);
        let pairs = whole.cpus.iter().flatten().zip(other.cpus.iter().flatten());
        let ops = pairs.filter(|(before, after)| before != after).count();
        assert!(ops <= 1);
        assert_eq!(whole.setup, other.setup);
        if ops == 1 {
            assert_eq!(whole.schedule, other.schedule);
        }
    }
}
