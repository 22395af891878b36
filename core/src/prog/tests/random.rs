//! Generated programs are well-formed, varied, and mostly about a collapse.

use super::super::*;
use super::{Random, WORDS};

fn sample(shape: &Shape, count: u64) -> Vec<Program> {
    let mut random = Random(9);
    let mut next = || (random.next() >> 32) as u32;
    (0..count).map(|_| generate(&mut next, shape)).collect()
}

fn collapses(op: &Op) -> bool {
    matches!(
        op,
        Op::Madvise { advice: Advice::Collapse, .. } | Op::Khugepaged { .. } | Op::Uprobe { .. }
    )
}

#[test]
fn generated_programs_are_well_formed() {
    for program in sample(&Shape::default(), 2_000) {
        let mut fixed = program.clone();
        fixup(&mut fixed);
        assert_eq!(fixed, program);
        let bytes = encode(&program).expect("a generator makes decisions, not turns");
        assert_eq!(decode(&bytes), program);
        let text = print_program(&program, &WORDS);
        assert_eq!(parse(&text, &WORDS).map(|document| document.program), Ok(program), "{text}");
    }
}

#[test]
fn most_programs_collapse() {
    let programs = sample(&Shape::default(), 2_000);
    let some = programs.iter().filter(|program| program.cpus.iter().flatten().any(collapses));
    assert!(some.count() >= 1_600);
    let few = programs.iter().filter(|program| [2, 3].contains(&program.cpus.len()));
    assert!(few.count() >= 1_500);
}

/// The verbs that nobody draws yet. Whoever gives one a weight takes it out of this list.
const NOT_DRAWN: &[&str] = &[
    "mremap",
    "mprotect",
    "fork",
    "punch",
    "alloc",
    "file_write",
    "open_write",
    "close_write",
    "numa",
    "fail_alloc",
    "context_switch",
];

#[test]
fn every_verb_and_every_scene_comes_up() {
    let programs = sample(&Shape::default(), 2_000);
    for verb in Op::VERBS {
        let mut ops = programs.iter().flat_map(|program| program.cpus.iter().flatten());
        assert_eq!(ops.any(|op| op.verb() == *verb), !NOT_DRAWN.contains(verb), "{verb}");
    }
    for scene in &SCENES {
        let mut setups = programs.iter().map(|program| &program.setup);
        assert!(setups.any(|setup| setup == scene.items), "{}", scene.title);
    }
}

#[test]
fn a_shape_is_kept() {
    let policy = Policy::Pct { depth: 3 };
    let scene = Some(5);
    let shape = Shape {
        hpn: Some(512),
        cpus: Some(4),
        ops_min: 1,
        ops_max: 1,
        scene,
        policy,
        ..Shape::default()
    };
    for program in sample(&shape, 100) {
        assert_eq!((program.head.hpn, program.head.policy), (512, policy));
        assert!(program.setup.starts_with(SCENES[5].items));
        assert_eq!(program.cpus.iter().map(Vec::len).collect::<Vec<_>>(), [1; 4]);
        assert!(program.schedule.is_empty());
    }
}

#[test]
fn any_source_of_numbers_will_do() {
    for number in [0, 1, u32::MAX / 2, u32::MAX] {
        let empty = Shape { ops_min: 0, ops_max: 0, ..Shape::default() };
        let full = Shape { ops_min: 200, ops_max: 1, decisions_max: 255, ..Shape::default() };
        for shape in [Shape::default(), empty, full] {
            generate(&mut || number, &shape);
        }
    }
}
