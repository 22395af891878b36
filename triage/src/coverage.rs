//! Coverage: which interleaving points were reached, by which operations, and whom they met there.
//!
//! An operation *stands at* a label between passing it and taking its next step. Another one *is met* there if it takes
//! a step meanwhile on an object that the first one touches too, sooner or later in the same operation: a lock or a
//! counter of the mm, an entry or a table of the range, a count or a flag of the folio.

mod collect;
mod points;

pub(crate) use collect::{Partner, Passage, Reach};

use collect::labels;
use points::{Point, order, point};

/// What is known of one label.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// The label and what the semantics says about it.
    pub(crate) point: Point,
    /// The operations that passed it.
    pub(crate) passages: Vec<(&'a str, &'a Passage)>,
}

impl Row<'_> {
    /// Runs in which it was passed by an operation while another CPU was live.
    pub(crate) fn live(&self) -> u64 {
        self.passages.iter().map(|(_, passage)| passage.live).sum()
    }

    /// How many pairs of an operation and a partner met there.
    pub(crate) fn pairs(&self) -> usize {
        self.passages.iter().map(|(_, passage)| passage.met.len()).sum()
    }

    /// Whether it has a star, and nobody was met there.
    pub(crate) fn is_missing(&self) -> bool {
        self.point.star && self.pairs() == 0
    }

    /// What is wrong: a star that nobody was met at without a reason, or a reason that is none.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match (self.is_missing(), self.point.reason) {
            (true, None) if self.passages.is_empty() => Some("never passed"),
            (true, None) if self.live() == 0 => Some("passed only while nobody else was live"),
            (true, None) => Some("passed, but nobody was met there"),
            (false, Some(_)) => Some("met in spite of the reason given why not"),
            _ => None,
        }
    }
}

/// All labels in the order of the semantics.
pub(crate) fn rows(reach: &Reach) -> Vec<Row<'_>> {
    let row = |label| Row {
        point: point(label),
        passages: reach.of(label).map(|(op, passage)| (op.as_str(), passage)).collect(),
    };
    let mut rows: Vec<Row<'_>> = labels().map(row).collect();
    rows.sort_by_key(|row| order(row.point.operation));
    rows
}

#[cfg(test)]
mod tests;
