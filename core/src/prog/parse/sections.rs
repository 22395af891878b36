//! A section is a part of a text whose lines are all of one kind.

use super::cursor::{Cursor, cpu_number};
use super::error::ParseError;
use super::lexer::{Source, Token};
use super::op::{Scope, op};
use super::{header, schedule, setup};
use crate::prog::document::{Comments, Document, Item, Line};
use crate::prog::limits::{CPUS_MAX, OPS_MAX, SETUP_MAX};
use crate::prog::op::Op;
use crate::prog::program::Program;
use crate::prog::schedule::{Decision, Schedule};
use crate::prog::vocabulary::Vocabulary;
use crate::prog::world::World;

/// The part of the text that is being read; the order is that of the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Magic,
    Header,
    Setup,
    Cpu(usize),
    Schedule,
}

/// Reads a text line by line.
pub(super) struct Parser<'t, 'v> {
    vocabulary: &'v Vocabulary<'v>,
    section: Section,
    program: Program,
    scope: Scope<'t>,
    /// The header lines that may not come again.
    given: Vec<Item>,
    comments: Comments,
    /// The lines since the last item.
    pending: Vec<Line>,
}

impl<'t, 'v> Parser<'t, 'v> {
    pub(super) fn new(vocabulary: &'v Vocabulary<'v>) -> Parser<'t, 'v> {
        let program = Program::default();
        let hpn = program.head.hpn;
        Parser {
            vocabulary,
            section: Section::Magic,
            program,
            scope: Scope { hpn, world: World::new(hpn), names: Vec::new() },
            given: Vec::new(),
            comments: Comments::default(),
            pending: Vec::new(),
        }
    }

    /// One line of the text.
    pub(super) fn line(
        &mut self,
        source: Source<'t>,
        comment: Option<&str>,
    ) -> Result<(), ParseError> {
        let mut cursor = Cursor::new(source);
        let Some(first) = cursor.peek() else {
            self.pending.push(comment.map_or(Line::Blank, |text| Line::Comment(text.to_owned())));
            return Ok(());
        };
        let item = if self.section == Section::Magic {
            self.magic(&mut cursor)?
        } else if cursor.left() == 1 && section_of(first.text).is_some() {
            self.enter(&cursor, first)?
        } else {
            self.content(&mut cursor, first)?
        };
        for line in self.pending.drain(..) {
            self.comments.put_before(item, line);
        }
        if let Some(text) = comment {
            self.comments.put_after(item, text.to_owned());
        }
        Ok(())
    }

    /// The end of the text.
    pub(super) fn finish(mut self, end: Source<'t>) -> Result<Document, ParseError> {
        let cursor = Cursor::at_end(end);
        if self.section == Section::Magic {
            return Err(cursor.missing("`racewalk 1`, with which every program begins"));
        }
        if self.scope.world.counts().2 == 0 {
            return Err(cursor.missing("a set-up that declares a vma"));
        }
        if self.program.cpus.is_empty() {
            return Err(cursor.missing("a section `cpu0`"));
        }
        for line in self.pending.drain(..) {
            self.comments.put_before(Item::End, line);
        }
        self.sort_decisions();
        Ok(Document { program: self.program, comments: self.comments })
    }

    fn magic(&mut self, cursor: &mut Cursor<'t>) -> Result<Item, ParseError> {
        let begins = "`racewalk 1`, with which every program begins";
        if !cursor.eat("racewalk") {
            return Err(cursor.missing(begins));
        }
        if !cursor.eat("1") {
            return Err(cursor.missing("format 1, the only one there is"));
        }
        cursor.end()?;
        self.section = Section::Header;
        Ok(Item::Magic)
    }

    /// The line that begins a section.
    fn enter(&mut self, cursor: &Cursor<'t>, name: Token<'t>) -> Result<Item, ParseError> {
        let Some(section) = section_of(name.text) else { return Err(cursor.missing("a section")) };
        let text = name.text;
        if section <= self.section && self.seen(section) {
            return Err(cursor.error(name, format!("the section `{text}` was given before")));
        }
        if section < self.section {
            let message = format!("the section `{text}` comes too late: {ORDER}");
            return Err(cursor.error(name, message));
        }
        let cpus = self.program.cpus.len();
        let item = match section {
            Section::Cpu(cpu) if cpu >= CPUS_MAX => {
                let message = format!("too many cpus: a program has cpu0 to cpu{}", CPUS_MAX - 1);
                return Err(cursor.error(name, message));
            }
            Section::Cpu(cpu) if cpu > cpus => {
                let message = format!("`{text}` comes before `cpu{cpus}`: cpus have no gaps");
                return Err(cursor.error(name, message));
            }
            Section::Cpu(cpu) => {
                self.program.cpus.push(Vec::new());
                Item::CpuSection(cpu as u8)
            }
            Section::Schedule if cpus == 0 => {
                let message = format!("the schedule has nothing to schedule: {ORDER}");
                return Err(cursor.error(name, message));
            }
            Section::Schedule => Item::ScheduleSection,
            _ => Item::SetupSection,
        };
        self.section = section;
        Ok(item)
    }

    fn seen(&self, section: Section) -> bool {
        match section {
            Section::Cpu(cpu) => cpu < self.program.cpus.len(),
            Section::Setup => !self.scope.names.is_empty() || self.section == Section::Setup,
            section => section == self.section,
        }
    }

    /// A line within a section.
    fn content(&mut self, cursor: &mut Cursor<'t>, first: Token<'t>) -> Result<Item, ParseError> {
        match self.section {
            Section::Magic | Section::Header => {
                let item = header::line(cursor, &mut self.program.head, self.vocabulary)?;
                if self.given.contains(&item) {
                    return Err(cursor.error_from(first, "this header was given before"));
                }
                self.given.push(item);
                if item == Item::Hpn {
                    self.scope.hpn = self.program.head.hpn;
                    self.scope.world = World::new(self.scope.hpn);
                }
                Ok(item)
            }
            Section::Setup => {
                let items = &mut self.program.setup;
                check_room(cursor, first, items.len(), SETUP_MAX, "lines in the set-up")?;
                items.push(setup::item(cursor, &mut self.scope)?);
                Ok(Item::Setup(items.len() - 1))
            }
            Section::Cpu(cpu) => {
                let ops = &mut self.program.cpus[cpu];
                check_room(cursor, first, ops.len(), OPS_MAX, "operations of one cpu")?;
                ops.push(operation(cursor, &self.scope)?);
                Ok(Item::Op(cpu as u8, ops.len() - 1))
            }
            Section::Schedule => {
                let Program { schedule, cpus, .. } = &mut self.program;
                schedule::line(cursor, schedule, cpus, self.vocabulary)?;
                Ok(Item::Schedule(schedule.len() - 1))
            }
        }
    }

    /// Puts decisions into the order of their positions, and the comments on them too.
    fn sort_decisions(&mut self) {
        let Schedule::Decisions(decisions) = &mut self.program.schedule else { return };
        let mut order: Vec<(usize, Decision)> = decisions.iter().copied().enumerate().collect();
        order.sort_by_key(|(_, decision)| decision.position());
        *decisions = order.iter().map(|&(_, decision)| decision).collect();
        self.comments.renumber(|item| match item {
            Item::Schedule(old) => {
                order.iter().position(|&(from, _)| from == old).map(Item::Schedule)
            }
            item => Some(item),
        });
    }
}

const ORDER: &str = "sections go setup, cpu0, cpu1 and so on, schedule";

fn section_of(word: &str) -> Option<Section> {
    match word {
        "setup" => Some(Section::Setup),
        "schedule" => Some(Section::Schedule),
        word => cpu_number(word).map(Section::Cpu),
    }
}

fn check_room(
    cursor: &Cursor<'_>,
    first: Token<'_>,
    len: usize,
    max: usize,
    what: &str,
) -> Result<(), ParseError> {
    if len < max {
        return Ok(());
    }
    Err(cursor.error(first, format!("too many {what}: there may be {max}")))
}

fn operation(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Op, ParseError> {
    let verb = cursor.word("an operation")?;
    let op = op(cursor, scope, verb)?;
    cursor.end()?;
    Ok(op)
}
