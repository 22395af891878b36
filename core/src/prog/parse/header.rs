//! A header line says something of the machine, the policy or the verdict.

use super::cursor::Cursor;
use super::error::ParseError;
use crate::prog::axes::AXES;
use crate::prog::document::Item;
use crate::prog::limits::{PCT_DEPTH_MAX, RUN_MEAN_MAX, SEED_MAX};
use crate::prog::program::{Expect, Head, Policy};
use crate::prog::vocabulary::{ExhibitName, KernelName, OracleName, StepName, Vocabulary};

/// The first words of header lines.
const WORDS: [&str; 9] =
    ["title", "kernel", "without", "zoo", "hpn", "set", "policy", "seed", "expect"];

/// One header line; the item that it is about.
pub(super) fn line(
    cursor: &mut Cursor<'_>,
    head: &mut Head,
    vocabulary: &Vocabulary<'_>,
) -> Result<Item, ParseError> {
    let first = cursor.word("a header")?;
    let item = match first.text {
        "title" => title(cursor, head)?,
        "kernel" => {
            head.kernel = Some(kernel(cursor, vocabulary)?);
            Item::Kernel
        }
        "without" => {
            let (step, word) = cursor.name("a step", vocabulary.steps)?;
            let step = StepName(step as u16);
            if head.without.contains(&step) {
                let message = format!("the step `{}` is left out twice", word.text);
                return Err(cursor.error(word, message));
            }
            head.without.push(step);
            Item::Without(head.without.len() - 1)
        }
        "zoo" => {
            let (exhibit, word) = cursor.name("an exhibit", vocabulary.zoo)?;
            let exhibit = ExhibitName(exhibit as u16);
            if head.zoo.contains(&exhibit) {
                let message = format!("the exhibit `{}` is named twice", word.text);
                return Err(cursor.error(word, message));
            }
            head.zoo.push(exhibit);
            Item::Zoo(head.zoo.len() - 1)
        }
        "hpn" => {
            head.hpn = hpn(cursor)?;
            Item::Hpn
        }
        "set" => axis(cursor, head)?,
        "policy" => {
            head.policy = policy(cursor)?;
            Item::Policy
        }
        "seed" => {
            head.seed = cursor.number("a seed", 0..=SEED_MAX)?;
            Item::Seed
        }
        "expect" => {
            head.expect.push(expect(cursor, vocabulary)?);
            Item::Expect(head.expect.len() - 1)
        }
        text => {
            let message = format!("`{text}` is neither a header nor a section");
            let sections = ["setup", "cpu0", "schedule"];
            return Err(cursor.error(first, message).expecting(WORDS.into_iter().chain(sections)));
        }
    };
    cursor.end()?;
    Ok(item)
}

fn title(cursor: &mut Cursor<'_>, head: &mut Head) -> Result<Item, ParseError> {
    let Some(token) = cursor.peek() else { return Err(cursor.missing("a title")) };
    let title = cursor.rest();
    if title.contains(|c: char| c.is_control()) {
        return Err(cursor.error(token, "the title contains a control character"));
    }
    head.title = Some(title.to_owned());
    Ok(Item::Title)
}

fn kernel(cursor: &mut Cursor<'_>, names: &Vocabulary<'_>) -> Result<KernelName, ParseError> {
    Ok(KernelName(cursor.name("a kernel", names.kernels)?.0 as u8))
}

fn hpn(cursor: &mut Cursor<'_>) -> Result<u16, ParseError> {
    let names = Head::HPNS.map(|hpn| hpn.to_string());
    let listed = || names.iter().map(String::as_str);
    let word = cursor.word("a number of pages").map_err(|error| error.expecting(listed()))?;
    match names.iter().position(|name| name == word.text) {
        Some(index) => Ok(Head::HPNS[index]),
        None => {
            let message = format!("`{}` is out of range for hpn", word.text);
            Err(cursor.error(word, message).expecting(listed()))
        }
    }
}

fn axis(cursor: &mut Cursor<'_>, head: &mut Head) -> Result<Item, ParseError> {
    let word = cursor.word("an axis").map_err(|error| error.expecting(axis_names()))?;
    let Some(n) = AXES.iter().position(|axis| axis.name == word.text) else {
        let message = format!("`{}` is not an axis", word.text);
        return Err(cursor.error(word, message).expecting(axis_names()));
    };
    cursor.demand("=")?;
    let values: Vec<(usize, &str)> = (0..).zip(AXES[n].values.iter().copied()).collect();
    let what = format!("a value of {}", AXES[n].name);
    head.axes.set(n, cursor.pick(&what, &values)?.0);
    Ok(Item::Axis(n))
}

fn axis_names() -> impl Iterator<Item = &'static str> {
    AXES.iter().map(|axis| axis.name)
}

fn policy(cursor: &mut Cursor<'_>) -> Result<Policy, ParseError> {
    let policies = [(0, "records"), (1, "random"), (2, "pct"), (3, "pos"), (4, "urw"), (5, "surw")];
    match cursor.pick("a policy", &policies)?.0 {
        0 => Ok(Policy::Records),
        1 => {
            cursor.pick("an argument of `random`", &[((), "mean=")])?;
            let mean = cursor.number("the mean run length", 1..=u64::from(RUN_MEAN_MAX))?;
            Ok(Policy::Random { mean: mean as u8 })
        }
        3 => Ok(Policy::Pos),
        4 => Ok(Policy::Urw),
        5 => Ok(Policy::Surw),
        _ => {
            cursor.pick("an argument of `pct`", &[((), "depth=")])?;
            let depth = cursor.number("the depth", 1..=u64::from(PCT_DEPTH_MAX))?;
            Ok(Policy::Pct { depth: depth as u8 })
        }
    }
}

fn expect(cursor: &mut Cursor<'_>, names: &Vocabulary<'_>) -> Result<Expect, ParseError> {
    // Two words are a kernel and a verdict, one is the verdict.
    let kernel = if cursor.left() > 1 { Some(kernel(cursor, names)?) } else { None };
    Ok(Expect { kernel, verdict: verdict(cursor, names)? })
}

fn verdict(
    cursor: &mut Cursor<'_>,
    names: &Vocabulary<'_>,
) -> Result<Option<OracleName>, ParseError> {
    if cursor.eat("clean") {
        return Ok(None);
    }
    match cursor.name("a verdict", names.oracles) {
        Ok((oracle, _)) => Ok(Some(OracleName(oracle as u8))),
        Err(error) => Err(error.expecting(["clean"].iter().chain(names.oracles))),
    }
}
