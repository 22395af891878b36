//! A diagram shows who did what when: a column for each CPU, time going down.
use racewalk::{Outcome, Program};
use std::io::{self, Write};
mod event_text;
pub(crate) use event_text::{events_json, write_events};
/// x
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options { pub(crate) locks: bool }
/// x
#[derive(Debug)]
pub(crate) struct Diagram;
impl Diagram { pub(crate) fn of(_: &Program, _: &Outcome, _: Options) -> Diagram { Diagram } }
impl std::fmt::Display for Diagram { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("DIAGRAM") } }
