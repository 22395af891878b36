//! A sheet is the records of a program, as a list that can be cut and pasted.

use std::ops::Range;

use super::{Next, below};
use crate::prog::limits::{INPUT_BYTES_MAX, RECORD_BYTES};
use crate::prog::wire::{DECISION, DECLARATION, KINDS, Record, SETUP_OP};

/// The most records that say anything.
pub(super) const RECORDS_MAX: usize = INPUT_BYTES_MAX / RECORD_BYTES;

/// What a record is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// An operation of this CPU.
    Op(u8),
    /// A decision in the operation before it.
    Decision,
    /// A decision for when a CPU has finished.
    Finished,
    /// An operation of the set-up.
    SetupOp,
    /// A declaration, or the configuration.
    Declaration,
}

/// The kind of a record that is not the header.
pub(super) fn kind(record: &Record) -> Kind {
    match record[0] % KINDS {
        cpu if cpu < DECISION => Kind::Op(cpu),
        DECISION => Kind::Decision,
        SETUP_OP => Kind::SetupOp,
        DECLARATION => Kind::Declaration,
        _ => Kind::Finished,
    }
}

/// The records of a program; the header is the first and always there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sheet {
    /// The records.
    pub(super) records: Vec<Record>,
}

impl Sheet {
    /// Reads as much of the bytes as says anything. The last record is padded with zeros.
    pub(super) fn read(bytes: &[u8]) -> Sheet {
        let bytes = &bytes[..bytes.len().min(INPUT_BYTES_MAX)];
        let mut records = Vec::with_capacity(RECORDS_MAX + 1);
        for chunk in bytes.chunks(RECORD_BYTES) {
            let mut record = [0; RECORD_BYTES];
            record[..chunk.len()].copy_from_slice(chunk);
            records.push(record);
        }
        if records.is_empty() {
            records.push([0; RECORD_BYTES]);
        }
        Sheet { records }
    }

    /// Writes as many whole records as there is room for, or a part of the header if there is not even room for that.
    pub(super) fn write(&self, out: &mut [u8]) -> usize {
        let room = out.len().min(INPUT_BYTES_MAX);
        let mut end = 0;
        for record in &self.records {
            if end + RECORD_BYTES > room {
                break;
            }
            out[end..end + RECORD_BYTES].copy_from_slice(record);
            end += RECORD_BYTES;
        }
        if end == 0 {
            end = room.min(RECORD_BYTES);
            out[..end].copy_from_slice(&self.records[0][..end]);
        }
        end
    }

    /// One of the records, other than the header, whose kind is wanted.
    pub(super) fn any(&self, next: &mut Next<'_>, wanted: impl Fn(Kind) -> bool) -> Option<usize> {
        let matching = || (1..self.records.len()).filter(|&at| wanted(kind(&self.records[at])));
        let count = matching().count();
        if count == 0 { None } else { matching().nth(below(next, count)) }
    }

    /// One of the operations of CPUs.
    pub(super) fn any_op(&self, next: &mut Next<'_>) -> Option<usize> {
        self.any(next, |kind| matches!(kind, Kind::Op(_)))
    }

    /// An operation and the decisions that belong to it.
    pub(super) fn group(&self, op: usize) -> Range<usize> {
        let decisions =
            self.records[op + 1..].iter().take_while(|record| kind(record) == Kind::Decision);
        op..op + 1 + decisions.count()
    }

    /// Puts a record in, unless there is no room; says whether it did.
    pub(super) fn insert(&mut self, at: usize, record: Record) -> bool {
        let room = self.records.len() < RECORDS_MAX;
        if room {
            self.records.insert(at.clamp(1, self.records.len()), record);
        }
        room
    }

    /// Takes a record out, but not the header.
    pub(super) fn remove(&mut self, at: usize) {
        if at > 0 && at < self.records.len() {
            self.records.remove(at);
        }
    }
}
