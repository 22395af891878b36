//! A program is what a run is asked to do: pure data, its byte form and its text form.
//!
//! [`Program`] is a set-up, a list of operations for each CPU, and a [`Schedule`]. It comes from bytes ([`decode`]:
//! every byte string is a program), from text ([`parse`]: strict, with errors for people) or from a random source
//! ([`generate`]). [`fixup`] makes any value well-formed, so that a minimiser may cut where it likes.
//!
//! This module has no behaviour and imports nothing of the crate: what kernels, steps, oracles and places there are,
//! it is told by a [`Vocabulary`].

mod axes;
mod document;
mod fixup;
mod generate;
pub mod limits;
mod mutate;
mod op;
mod parse;
mod print;
mod program;
mod scene;
mod schedule;
mod setup;
mod size;
pub mod theme;
mod vocabulary;
pub mod wire;
mod world;

#[cfg(test)]
mod tests;

pub use axes::{AXES, AXES_MAX, Axes, Axis};
pub use document::{Comments, Document, Item, Line};
pub use fixup::fixup;
pub use generate::{Shape, generate};
pub use mutate::{crossover, mutate};
pub use op::{
    Access, Advice, At, Backing, FileKind, FileRef, GupFlags, GupKind, MapFlags, MmRef,
    MremapFlags, Nth, Op, Prot, Role, Slot, Switch, UffdModes, VmaRef, Word,
};
pub use parse::{ParseError, parse};
pub use print::{print, print_program};
pub use program::{Expect, Head, Policy, Program};
pub use scene::{SCENES, Scene};
pub use schedule::{Decision, Schedule, Turn, Until};
pub use setup::{Mapped, Setup};
pub use size::Size;
pub use theme::Theme;
pub use vocabulary::{ExhibitName, KernelName, OracleName, PlaceName, StepName, Vocabulary};
pub use wire::{EncodeError, decode, decode_into, encode};
