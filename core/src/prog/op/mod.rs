//! An operation is one call that a CPU makes into the machine.
//!
//! The table in `table.rs` declares each with its arguments; text, records, fix-up and the minimiser go by it.

mod address;
mod display;
mod slot;
mod table;
mod word;

pub use address::{At, FileRef, MmRef, Nth, VmaRef};
pub use slot::{Role, Slot};
pub use table::Op;
pub use word::{
    Access, Advice, Backing, FileKind, GupFlags, GupKind, MapFlags, MremapFlags, Prot, Switch,
    UffdModes, Word,
};
