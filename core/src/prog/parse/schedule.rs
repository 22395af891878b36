//! A line of the schedule is a turn or a decision.

use super::cursor::Cursor;
use super::error::ParseError;
use crate::prog::limits::{DECISIONS_MAX, TURNS_MAX};
use crate::prog::op::Op;
use crate::prog::schedule::{Decision, Schedule, Turn, Until};
use crate::prog::vocabulary::{PlaceName, Vocabulary};

/// One line of the schedule.
enum Line {
    Turn(Turn),
    Decision(Decision),
}

/// What follows the CPU.
#[derive(Clone, Copy)]
enum Verb {
    Until,
    For,
    Op,
    Exit,
}

const VERBS: [(Verb, &str); 4] =
    [(Verb::Until, "until"), (Verb::For, "for"), (Verb::Op, "op"), (Verb::Exit, "exit")];

/// Adds one line to the schedule.
pub(super) fn line(
    cursor: &mut Cursor<'_>,
    schedule: &mut Schedule,
    cpus: &[Vec<Op>],
    vocabulary: &Vocabulary<'_>,
) -> Result<(), ParseError> {
    let Some(first) = cursor.peek() else { return Ok(()) };
    let line = read(cursor, cpus, vocabulary)?;
    cursor.end()?;
    if schedule.is_empty() && matches!(line, Line::Turn(_)) {
        *schedule = Schedule::Turns(Vec::new());
    }
    let (len, max, what) = match (&mut *schedule, line) {
        (Schedule::Turns(turns), Line::Turn(turn)) => {
            turns.push(turn);
            (turns.len(), TURNS_MAX, "turns")
        }
        (Schedule::Decisions(decisions), Line::Decision(decision)) => {
            decisions.push(decision);
            (decisions.len(), DECISIONS_MAX, "decisions")
        }
        (Schedule::Turns(_), Line::Decision(_)) => {
            let message =
                "the lines above are turns (`until`, `for`), this one is a decision (`->`)";
            return Err(cursor.error_from(first, message));
        }
        (Schedule::Decisions(_), Line::Turn(_)) => {
            let message =
                "the lines above are decisions (`->`), this one is a turn (`until`, `for`)";
            return Err(cursor.error_from(first, message));
        }
    };
    if len > max {
        let message = format!("too many {what}: a schedule has at most {max}");
        return Err(cursor.error_from(first, message));
    }
    Ok(())
}

fn read(
    cursor: &mut Cursor<'_>,
    cpus: &[Vec<Op>],
    vocabulary: &Vocabulary<'_>,
) -> Result<Line, ParseError> {
    let cpu = cpu(cursor, cpus)?;
    match cursor.pick("what a cpu does in a schedule", &VERBS)?.0 {
        Verb::Until => Ok(Line::Turn(Turn { cpu, until: until(cursor, vocabulary)? })),
        Verb::For => {
            let steps = cursor.number("a number of steps", 1..=u64::from(u32::MAX))?;
            Ok(Line::Turn(Turn { cpu, until: Until::Steps(steps as u32) }))
        }
        Verb::Exit => {
            let op = cpus[usize::from(cpu)].len() as u8;
            Ok(Line::Decision(Decision { cpu, op, k: 0, next: next(cursor, cpus)? }))
        }
        Verb::Op => {
            let ops = cpus[usize::from(cpu)].len() as u64;
            let Some(last) = ops.checked_sub(1) else {
                return Err(cursor.missing(format_args!("`exit`, as cpu{cpu} has no operations")));
            };
            let op = cursor.number("an operation of this cpu", 0..=last)? as u8;
            cursor.demand("step")?;
            let k = cursor.number("a step", 0..=u64::from(u16::MAX))? as u16;
            Ok(Line::Decision(Decision { cpu, op, k, next: next(cursor, cpus)? }))
        }
    }
}

fn until(cursor: &mut Cursor<'_>, vocabulary: &Vocabulary<'_>) -> Result<Until, ParseError> {
    if cursor.eat("exit") {
        return Ok(Until::Exit);
    }
    let place = match cursor.name("a place", vocabulary.places) {
        Ok((place, _)) => PlaceName(place as u16),
        Err(error) => return Err(error.expecting(["exit"].iter().chain(vocabulary.places))),
    };
    let nth = if cursor.eat("#") {
        cursor.number("an arrival", 1..=u64::from(u16::MAX))? as u16
    } else {
        1
    };
    Ok(Until::Place { place, nth })
}

fn next(cursor: &mut Cursor<'_>, cpus: &[Vec<Op>]) -> Result<u8, ParseError> {
    cursor.demand("->")?;
    cpu(cursor, cpus)
}

fn cpu(cursor: &mut Cursor<'_>, cpus: &[Vec<Op>]) -> Result<u8, ParseError> {
    let (cpu, word) = cursor.cpu()?;
    if cpu >= cpus.len() {
        let names = (0..cpus.len()).map(|cpu| format!("cpu{cpu}"));
        let message = format!("this program has no `{}`", word.text);
        return Err(cursor.error(word, message).expecting(names));
    }
    Ok(cpu as u8)
}
