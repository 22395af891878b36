//! A document is a program with the comments and blank lines that people wrote around it.

use super::program::Program;
use std::collections::BTreeMap;

/// A program and the comments around it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Document {
    /// What is run.
    pub program: Program,
    /// What people wrote around it.
    pub comments: Comments,
}

/// A program without comments, its sections set apart by blank lines.
impl From<Program> for Document {
    fn from(program: Program) -> Document {
        let mut comments = Comments::default();
        comments.put_before(Item::SetupSection, Line::Blank);
        for cpu in 0..program.cpus.len() {
            comments.put_before(Item::CpuSection(cpu as u8), Line::Blank);
        }
        comments.put_before(Item::ScheduleSection, Line::Blank);
        Document { program, comments }
    }
}

/// A line of program text that may carry comments.
///
/// The numbers count from 0 within the program: an item of the set-up, an operation of a CPU, a line of the schedule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Item {
    /// `racewalk 1`.
    Magic,
    /// `title`.
    Title,
    /// `kernel`.
    Kernel,
    /// The n-th `without`.
    Without(usize),
    /// The n-th `zoo`.
    Zoo(usize),
    /// `hpn`.
    Hpn,
    /// `set` of the n-th axis.
    Axis(usize),
    /// `policy`.
    Policy,
    /// `seed`.
    Seed,
    /// The n-th `expect`.
    Expect(usize),
    /// `setup`.
    SetupSection,
    /// The n-th line of the set-up.
    Setup(usize),
    /// `cpu0` and so on.
    CpuSection(u8),
    /// The n-th operation of a CPU.
    Op(u8, usize),
    /// `schedule`.
    ScheduleSection,
    /// The n-th line of the schedule.
    Schedule(usize),
    /// The end of the text.
    End,
}

/// A line that says nothing to the machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Line {
    /// An empty line.
    Blank,
    /// A comment; the text after the `#`.
    Comment(String),
}

/// The comments and blank lines around the items of a program.
///
/// A comment about an item that the program does not have (any more) is not printed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comments {
    before: BTreeMap<Item, Vec<Line>>,
    after: BTreeMap<Item, String>,
}

impl Comments {
    /// The lines before an item.
    pub fn before(&self, item: Item) -> &[Line] {
        self.before.get(&item).map_or(&[], Vec::as_slice)
    }

    /// The comment at the end of an item's line: the text after the `#`.
    pub fn after(&self, item: Item) -> Option<&str> {
        self.after.get(&item).map(String::as_str)
    }

    /// Adds a line before an item, below those that are there.
    pub fn put_before(&mut self, item: Item, line: Line) {
        self.before.entry(item).or_default().push(line);
    }

    /// Writes a comment at the end of an item's line, in place of the one there.
    pub fn put_after(&mut self, item: Item, text: String) {
        self.after.insert(item, text);
    }

    /// Whether anything is written around an item.
    pub fn mention(&self, item: Item) -> bool {
        self.before.contains_key(&item) || self.after.contains_key(&item)
    }

    /// Moves what is written around each item to another one, or drops it, when the program was renumbered.
    pub fn renumber(&mut self, mut to: impl FnMut(Item) -> Option<Item>) {
        for (item, lines) in std::mem::take(&mut self.before) {
            if let Some(item) = to(item) {
                self.before.entry(item).or_default().extend(lines);
            }
        }
        for (item, text) in std::mem::take(&mut self.after) {
            if let Some(item) = to(item) {
                self.after.insert(item, text);
            }
        }
    }
}
