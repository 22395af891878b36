//! Every target takes any bytes for a program, and what it writes is what it reads.

use std::collections::BTreeSet;
use std::{fs, path::Path};

use super::{Reader, Target, litmus};
use crate::prog::{self, Policy, Program, Schedule};
use crate::{Machine, Options, print_program};

/// A few bytes that a seed decides.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(step).collect()
}

#[test]
fn what_is_written_is_what_is_read() {
    for &target in Target::ALL {
        let mut reader = Reader::new(target);
        let mut program = Program::default();
        let mut again = Program::default();
        for seed in 0..500 {
            let input = bytes(seed, (seed as usize * 7) % (target.input_bytes_max() + 20));
            reader.read(&input, &mut program);
            let mut fixed = program.clone();
            prog::fixup(&mut fixed);
            assert_eq!(fixed, program, "{}: well-formed", target.name());
            let written = reader.write(&program).expect("what was read can be written");
            assert!(written.len() <= target.input_bytes_max());
            reader.read(&written, &mut again);
            assert_eq!(again, program, "{}", target.name());
        }
    }
}

#[test]
fn uniform_bytes_are_clean() {
    let mut machine = Machine::new();
    for &target in Target::ALL {
        let mut reader = Reader::new(target);
        let mut program = Program::default();
        for byte in [0, 0x20, 0x7f, 0xff] {
            for len in [0, 1, 9, 64] {
                reader.read(&vec![byte; len], &mut program);
                let outcome = machine.run(&program, &Options::default());
                assert!(outcome.verdict.is_clean(), "{}", print_program(&program));
            }
        }
    }
}

#[test]
fn the_litmus_programs_are_the_scenarios() {
    let programs = litmus::programs();
    assert_eq!(programs.len(), litmus::LITMUS.len(), "all parse");
    assert!(programs.len() <= 256, "one byte chooses");
    for (program, (name, _)) in programs.iter().zip(litmus::LITMUS) {
        assert!(program.schedule.is_empty(), "{name} has a schedule of its own");
        assert_eq!(program.head.policy, Policy::Records, "{name}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/litmus");
    let folders = fs::read_dir(folder).expect("the corpus is there").flatten();
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let numbered: BTreeSet<_> =
        names.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).collect();
    let chosen: BTreeSet<_> = litmus::LITMUS
        .iter()
        .filter_map(|(name, _)| name.split('/').next().map(str::to_owned))
        .collect();
    assert_eq!(chosen, numbered, "every scenario can be chosen");
}

#[test]
fn the_first_byte_chooses_and_the_rest_decides() {
    let mut reader = Reader::new(Target::Schedule);
    let mut program = Program::default();
    reader.read(&[3, 0x10, 0, 9, 0, 0x01, 0, 2, 0xf1], &mut program);
    assert_eq!(program.setup, litmus::programs()[3].setup);
    let decision = |cpu, k, next| prog::Decision { cpu, op: 0, k, next };
    let expected = vec![decision(0, 9, 1), decision(1, 0x102, 0)];
    assert_eq!(program.schedule, Schedule::Decisions(expected));
}

#[test]
fn names_are_found() {
    for &target in Target::ALL {
        assert_eq!(Target::from_name(target.name()), Some(target));
    }
    assert_eq!(Target::from_name("no_such_target"), None);
}
