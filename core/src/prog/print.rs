//! Printing turns a program into its canonical text.

use super::axes::AXES;
use super::document::{Document, Item, Line};
use super::op::{At, FileRef, MmRef, VmaRef, Word};
use super::program::{Expect, Policy, Program};
use super::schedule::{Decision, Schedule, Turn, Until};
use super::setup::{Mapped, Setup};
use super::size::Size;
use super::vocabulary::Vocabulary;
use std::fmt;

/// The text of a document: one line for each item, in canonical order and with canonical names.
pub fn print(document: &Document, vocabulary: &Vocabulary<'_>) -> String {
    let mut page = Page { document, out: String::new() };
    page.header(vocabulary);
    page.setup();
    page.cpus();
    page.schedule(vocabulary);
    page.lines(Item::End, "");
    page.out.truncate(page.out.trim_end().len());
    page.out.push('\n');
    page.out
}

/// The text of a program without comments.
pub fn print_program(program: &Program, vocabulary: &Vocabulary<'_>) -> String {
    print(&Document::from(program.clone()), vocabulary)
}

/// Where a comment at the end of a line begins, if the line is not longer.
const COMMENT_COLUMN: usize = 36;

/// The text so far.
struct Page<'a> {
    document: &'a Document,
    out: String,
}

impl Page<'_> {
    /// A line of a header or the name of a section.
    fn head(&mut self, item: Item, text: &str) {
        self.line(item, "", text);
    }

    /// A line of a section.
    fn item(&mut self, item: Item, text: impl fmt::Display) {
        self.line(item, "  ", &text.to_string());
    }

    fn line(&mut self, item: Item, indent: &str, text: &str) {
        self.lines(item, indent);
        let line = format!("{indent}{text}");
        self.out.push_str(line.trim_end());
        // The rest of a title's line belongs to the title.
        if let Some(comment) = self.document.comments.after(item).filter(|_| item != Item::Title) {
            let gap = COMMENT_COLUMN.saturating_sub(line.chars().count()).max(2);
            self.out.extend(std::iter::repeat_n(' ', gap));
            self.comment(comment);
        }
        self.out.push('\n');
    }

    /// The lines before an item; at most one blank line in a row, and none at the top.
    fn lines(&mut self, item: Item, indent: &str) {
        for line in self.document.comments.before(item) {
            match line {
                Line::Blank if self.out.is_empty() || self.out.ends_with("\n\n") => continue,
                Line::Blank => {}
                Line::Comment(text) => {
                    self.out.push_str(indent);
                    self.comment(text);
                }
            }
            self.out.push('\n');
        }
    }

    fn comment(&mut self, text: &str) {
        self.out.push('#');
        let text = text.trim_end();
        self.out.extend(text.chars().map(|c| if c == '\n' { ' ' } else { c }));
    }

    fn header(&mut self, vocabulary: &Vocabulary<'_>) {
        let Document { program: Program { head, .. }, comments } = self.document;
        self.head(Item::Magic, "racewalk 1");
        if let Some(title) = &head.title {
            self.head(Item::Title, &format!("title   {title}"));
        }
        if let Some(kernel) = head.kernel {
            self.head(Item::Kernel, &format!("kernel  {}", vocabulary.kernel(kernel)));
        }
        for (n, &step) in head.without.iter().enumerate() {
            self.head(Item::Without(n), &format!("without {}", vocabulary.step(step)));
        }
        for (n, &exhibit) in head.zoo.iter().enumerate() {
            self.head(Item::Zoo(n), &format!("zoo     {}", vocabulary.exhibit(exhibit)));
        }
        self.head(Item::Hpn, &format!("hpn     {}", head.hpn));
        // What says the default is left out, unless somebody had something to say about it.
        for (n, axis) in AXES.iter().enumerate() {
            if !head.axes.is_default(n) || comments.mention(Item::Axis(n)) {
                let text = format!("set     {}={}", axis.name, head.axes.word(n));
                self.head(Item::Axis(n), &text);
            }
        }
        if head.policy != Policy::Records || comments.mention(Item::Policy) {
            let policy = match head.policy {
                Policy::Records => "records".to_owned(),
                Policy::Random { mean } => format!("random mean={mean}"),
                Policy::Pct { depth } => format!("pct depth={depth}"),
                Policy::Pos => "pos".to_owned(),
                Policy::Urw => "urw".to_owned(),
                Policy::Surw => "surw".to_owned(),
            };
            self.head(Item::Policy, &format!("policy  {policy}"));
        }
        if head.seed != 0 || comments.mention(Item::Seed) {
            self.head(Item::Seed, &format!("seed    {:#06x}", head.seed));
        }
        for (n, &Expect { kernel, verdict }) in head.expect.iter().enumerate() {
            let kernel = kernel.map(|name| format!("{} ", vocabulary.kernel(name)));
            let verdict = verdict.map_or("clean", |name| vocabulary.oracle(name));
            let text = format!("expect  {}{verdict}", kernel.unwrap_or_default());
            self.head(Item::Expect(n), &text);
        }
    }

    fn setup(&mut self) {
        self.head(Item::SetupSection, "setup");
        let (mut mms, mut files, mut vmas) = (0, 0, 0);
        for (n, item) in self.document.program.setup.iter().enumerate() {
            let place = Item::Setup(n);
            match item {
                Setup::Mm { unborn } => {
                    let how = if *unborn { "unborn" } else { "" };
                    self.item(place, format_args!("{} = mm({how})", MmRef(mms)));
                    mms += 1;
                }
                Setup::File { len, kind, backing } => {
                    let kind =
                        if kind.is_shown() { format!("{}, ", kind.name()) } else { String::new() };
                    let (file, backing) = (FileRef(files), backing.name());
                    self.item(place, format_args!("{file} = file(len={len}, {kind}{backing})"));
                    files += 1;
                }
                Setup::Mmap { mm, what, at, len, off, prot, flags } => {
                    let (name, how) = match what {
                        Mapped::Anon => ("anon".to_owned(), ""),
                        Mapped::Shared(file) => (file.to_string(), ", shared"),
                        Mapped::Private(file) => (file.to_string(), ", private"),
                        Mapped::Reserved => ("reserved".to_owned(), ""),
                    };
                    let mut text =
                        format!("{} = mmap({mm}, {name}, at={at}, len={len}", VmaRef(vmas));
                    if !off.is_zero() {
                        text += &format!(", off={off}");
                    }
                    text += how;
                    if *what != Mapped::Reserved {
                        text += &format!(", {}", prot.name());
                    }
                    if flags.is_shown() {
                        text += &format!(", {}", flags.text());
                    }
                    self.item(place, text + ")");
                    vmas += 1;
                }
                Setup::Do(op) => self.item(place, op),
            }
        }
    }

    fn cpus(&mut self) {
        for (cpu, ops) in self.document.program.cpus.iter().enumerate() {
            let number = cpu as u8;
            self.head(Item::CpuSection(number), &format!("cpu{cpu}"));
            for (n, op) in ops.iter().enumerate() {
                self.item(Item::Op(number, n), op);
            }
        }
    }

    fn schedule(&mut self, vocabulary: &Vocabulary<'_>) {
        let Program { cpus, schedule, .. } = &self.document.program;
        if schedule.is_empty() && !has_own_words(self.document) {
            return;
        }
        self.head(Item::ScheduleSection, "schedule");
        match schedule {
            Schedule::Decisions(decisions) => {
                for (n, &Decision { cpu, op, k, next }) in decisions.iter().enumerate() {
                    let ops = cpus.get(usize::from(cpu)).map_or(0, Vec::len);
                    let place = match usize::from(op) == ops {
                        true => "exit".to_owned(),
                        false => format!("op {op} step {k}"),
                    };
                    self.item(Item::Schedule(n), format_args!("cpu{cpu} {place} -> cpu{next}"));
                }
            }
            Schedule::Turns(turns) => {
                for (n, &Turn { cpu, until }) in turns.iter().enumerate() {
                    let end = match until {
                        Until::Place { place, nth: 1 } => {
                            format!("until {}", vocabulary.place(place))
                        }
                        Until::Place { place, nth } => {
                            format!("until {}#{nth}", vocabulary.place(place))
                        }
                        Until::Steps(steps) => format!("for {steps}"),
                        Until::Exit => "until exit".to_owned(),
                    };
                    self.item(Item::Schedule(n), format_args!("cpu{cpu} {end}"));
                }
            }
        }
    }
}

/// Whether people wrote a comment at the head of the schedule, which keeps the head of an empty one.
fn has_own_words(Document { comments, .. }: &Document) -> bool {
    let section = Item::ScheduleSection;
    comments.after(section).is_some()
        || comments.before(section).iter().any(|line| *line != Line::Blank)
}

/// As program text writes it: `1h+2p`, or `0`.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.h, self.p) {
            (0, 0) => f.write_str("0"),
            (h, 0) => write!(f, "{h}h"),
            (0, p) => write!(f, "{p}p"),
            (h, p) => write!(f, "{h}h+{p}p"),
        }
    }
}

/// As program text writes it: `v0+1h+3`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let At { vma, h, p } = self;
        match (h, p) {
            (0, 0) => write!(f, "{vma}"),
            (h, 0) => write!(f, "{vma}+{h}h"),
            (0, p) => write!(f, "{vma}+{p}"),
            (h, p) => write!(f, "{vma}+{h}h+{p}"),
        }
    }
}
