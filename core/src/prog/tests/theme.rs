//! A theme keeps bytes total, local and canonical, and all its operations come up.

use super::super::theme::{ABORT, COLLAPSE, FAULT};
use super::super::*;
use super::Random;
use crate::prog::limits::RECORD_BYTES;

const THEMES: [&Theme; 3] = [&COLLAPSE, &ABORT, &FAULT];

fn bent(theme: &Theme, bytes: &[u8]) -> Vec<u8> {
    let mut into = vec![0xa5; 9];
    theme.bend(bytes, &mut into);
    into
}

fn has(theme: &Theme, op: &Op) -> bool {
    theme.motifs.iter().any(|motif| motif.op.variant() == op.variant())
}

#[test]
fn any_bytes_are_a_program_of_the_theme() {
    let mut random = Random(31);
    for _ in 0..5_000 {
        let bytes = random.input();
        for theme in THEMES {
            let once = bent(theme, &bytes);
            assert_eq!(bent(theme, &once), once, "bent twice is bent once");
            let program = decode(&once);
            assert!(program.cpus.iter().flatten().all(|op| has(theme, op)), "{program:?}");
            let canonical = encode(&program).expect("bytes hold no turns");
            assert_eq!(bent(theme, &canonical), canonical, "what a program is written as stays");
        }
    }
}

#[test]
fn a_record_is_bent_by_itself() {
    let mut random = Random(32);
    for _ in 0..2_000 {
        let mut bytes = random.bytes(8 * 20);
        for theme in THEMES {
            let before = bent(theme, &bytes);
            let at = random.below(bytes.len());
            bytes[at] ^= 1 + random.below(255) as u8;
            let after = bent(theme, &bytes);
            let changed = before.chunks(RECORD_BYTES).zip(after.chunks(RECORD_BYTES)).enumerate();
            let changed = changed.filter(|(_, (a, b))| a != b).map(|(n, _)| n);
            assert!(changed.eq((at / RECORD_BYTES..).take(usize::from(before != after))));
        }
    }
}

#[test]
fn every_operation_comes_up_as_often_as_it_weighs() {
    for theme in THEMES {
        let sum: u32 = theme.motifs.iter().map(|motif| motif.weight).sum();
        let drawn = |tag: u8| decode_op(theme, tag);
        for motif in theme.motifs {
            let mine: u32 = theme
                .motifs
                .iter()
                .filter(|m| m.op.variant() == motif.op.variant())
                .map(|m| m.weight)
                .sum();
            let tags = (0..=255).filter(|&tag| drawn(tag) == motif.op.variant()).count() as u32;
            assert!(tags > 0, "{} never comes up", motif.op);
            let fair = mine * 256 / sum;
            assert!(tags.abs_diff(fair) <= 6 + fair / 3, "{}: {tags} of 256, not {fair}", motif.op);
        }
        assert!(theme.motifs.iter().any(|motif| motif.op == Op::RcuGp));
        assert!(theme.scenes.iter().all(|&scene| usize::from(scene) < SCENES.len()));
        assert!(!theme.scenes.is_empty());
    }
}

fn decode_op(theme: &Theme, tag: u8) -> usize {
    usize::from(bent(theme, &[&[0; 8][..], &[0, tag, 0, 0, 0, 0, 0, 0]].concat())[9])
}

#[test]
fn odd_decisions_fall_into_the_window() {
    let op = [0, 1, 0, 0, 0, 0, 0, 0];
    for low in 0..=255 {
        for bits in 1..7 {
            let bytes = [[0; 8], op, [4, low, bits, 0xff, 1, 0, 0, 0]].concat();
            let Schedule::Decisions(decisions) = decode(&bent(&ABORT, &bytes)).schedule else {
                panic!("bytes hold no turns")
            };
            assert!(ABORT.window.contains(&decisions[0].k), "{decisions:?}");
        }
        let written = [[0; 8], op, [4, low, 7, 1, 1, 0, 0, 0]].concat();
        assert_eq!(bent(&ABORT, &written), written);
    }
}
