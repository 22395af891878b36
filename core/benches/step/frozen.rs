//! The frozen set: 200 programs of the kernel model, committed, so that later changes can be compared with today.

use racewalk::{Options, Program};

use super::programs::Programs;

/// The programs' text, one after the other, each beginning with its own `racewalk 1`.
const TEXT: &str = include_str!("frozen.rw");

/// Reads them.
fn programs() -> Vec<Program> {
    let texts = TEXT.split("racewalk 1\n").filter(|text| !text.trim().is_empty());
    let read = |text: &str| {
        racewalk::parse(&format!("racewalk 1\n{text}")).expect("the frozen set can be read")
    };
    texts.map(|text| read(text).program).collect()
}

/// The campaign's way to run (feedback on), the same without feedback, and the way a replay runs.
pub(crate) fn contenders() -> Vec<Programs> {
    [
        ("campaign (feedback on)", true, false),
        ("feedback off", false, false),
        ("replay (trace recorded)", false, true),
    ]
    .map(|(name, feedback, record)| {
        Programs::new(name, programs(), Options { feedback, record, ..Options::default() })
    })
    .into()
}
