//! From the segments of a run to turns that say the same.

use super::director::Segment;
use crate::prog::{Turn, Until};
use crate::sched::Why;

/// The run as turns. A CPU that was made to yield ran `for n` steps; one that blocked or finished ran until then.
pub(super) fn turns(segments: &[Segment]) -> Vec<Turn> {
    // That CPU 0 did not go first after the set-up is said by the first turn that did take a step.
    let opening = segments.first().is_some_and(|segment| segment.ended == Some(Why::Begin));
    segments
        .iter()
        .skip(usize::from(opening))
        .map(|segment| {
            let until = match segment.ended {
                Some(Why::Blocked | Why::Finished) | None => Until::Exit,
                Some(_) => Until::Steps(segment.steps),
            };
            Turn { cpu: segment.cpu, until }
        })
        .collect()
}
