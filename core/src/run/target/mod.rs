//! A target is a way to take bytes for a program: what a fuzz target fuzzes, and what reads its inputs back.
//!
//! [`Target`] names them, a [`Reader`] takes bytes for programs and programs for bytes. All targets but `schedule` share
//! one byte form, and a themed one only bends what it reads, so their corpora can be shared.

mod litmus;
mod names;
mod reader;
mod schedule;
#[cfg(test)]
mod tests;

pub use names::Target;
pub use reader::Reader;
