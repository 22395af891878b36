//! The wire form is a program as bytes: fixed-width records, of which any string is a program.
//!
//! A record has 8 bytes: the kind, the tag, and the six that the largest operation needs for its fields.
//!
//! | record | byte 0 | byte 1 | bytes 2 to 7 |
//! |---|---|---|---|
//! | header, the first one | hpn | 0 | policy, its number, seed (2), scene, CPUs |
//! | operation of CPU n | n, 0..=3 | verb | the fields in order |
//! | decision in the operation before it | 4 | low byte of k | whether there is a high byte, high byte, next |
//! | decision for when a CPU has finished | 5 | cpu | next |
//! | operation of the set-up | 6 | verb | the fields in order |
//! | declaration: mmap, file or mm | 7 | which | packed fields |
//! | configuration | 7 | 3 | three bits an axis |
//!
//! *Total*: numbers are reduced, never rejected; a record cut short is padded with zeros. *Local*: a record is one item
//! and moves no other one; only a decision looks back, at the nearest operation before it, so that it goes where its
//! operation goes. *Canonical*: [`encode`] writes scene 0, each item in full, in the order of the program, with reduced
//! numbers, and [`decode`] takes it back to the same program. Title, kernel, left-out steps and expectations are for
//! people and have no bytes.

mod reader;
mod record;
mod writer;

pub(super) use reader::LONG;
pub use reader::{decode, decode_into};
pub use record::record_of;
pub(super) use record::{
    DECISION, DECLARATION, FINISHED, KINDS, Record, SETUP_OP, axes_in, op_in, record_of_axes,
    sets_axes,
};
pub use writer::{EncodeError, encode};
