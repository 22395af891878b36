//! The verb `list`: the names of everything that a command line or a file may name.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::ValueEnum;
use racewalk::{EXHIBITS, Era, Exhibit, ORACLES, PROTECTIONS, Target, vocabulary};
use serde_json::{Map, Value, json};

use crate::args::Format;
use crate::refusal::Refusal;
use racewalk::prog::{AXES, Axis};

const EXAMPLES: &str = "\
Examples:
  cargo racewalk list                        everything but the places
  cargo racewalk list steps                  what --without takes
  cargo racewalk list zoo                    what --zoo takes
  cargo racewalk list places                 where a turn may end
  cargo racewalk list oracles --format json";

/// Names the kernels, protections, exhibits, oracles, targets, axes and places.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only this kind of name.
    #[arg(value_enum)]
    kind: Option<Kind>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A kind of name.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What --kernel takes.
    Kernels,
    /// The protections: what --without takes.
    Steps,
    /// The exhibits: what --zoo takes.
    Zoo,
    /// What a verdict may be.
    Oracles,
    /// What `fuzz` takes.
    Targets,
    /// What --set takes.
    Axes,
    /// The functions and labels at which a turn may end.
    Places,
}

/// A name, what it means, and more that only JSON has room for.
struct Entry {
    name: String,
    about: String,
    more: Map<String, Value>,
}

impl Entry {
    fn new(name: &str, about: impl Into<String>) -> Entry {
        Entry { name: name.to_owned(), about: about.into(), more: Map::new() }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Entry {
        self.more.insert(key.to_owned(), value.into());
        self
    }
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    let all = [Kind::Kernels, Kind::Steps, Kind::Zoo, Kind::Oracles, Kind::Targets, Kind::Axes];
    let kinds = args.kind.map_or(all.to_vec(), |kind| vec![kind]);
    let mut out = stdout().lock();
    if args.format == Format::Json {
        let answer: Map<String, Value> =
            kinds.into_iter().map(|kind| (name(kind), as_json(kind))).collect();
        writeln!(out, "{:#}", Value::Object(answer))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (n, &kind) in kinds.iter().enumerate() {
        let entries = entries(kind);
        let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
        writeln!(out, "{}{}:", if n == 0 { "" } else { "\n" }, name(kind))?;
        for entry in entries {
            writeln!(out, "{}", format!("  {:width$}  {}", entry.name, entry.about).trim_end())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn name(kind: Kind) -> String {
    kind.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn as_json(kind: Kind) -> Value {
    let object = |entry: Entry| {
        let mut object = entry.more;
        object.insert("name".to_owned(), entry.name.into());
        object.insert("about".to_owned(), entry.about.into());
        Value::Object(object)
    };
    entries(kind).into_iter().map(object).collect()
}

fn entries(kind: Kind) -> Vec<Entry> {
    match kind {
        Kind::Kernels => Era::ALL.iter().map(|era| Entry::new(era.name(), era.about())).collect(),
        Kind::Steps => steps(),
        Kind::Zoo => zoo(),
        Kind::Oracles => {
            let entry = |oracle: &racewalk::Oracle| {
                Entry::new(oracle.name, oracle.why).with("id", oracle.id)
            };
            ORACLES.iter().map(entry).collect()
        }
        Kind::Targets => {
            Target::ALL.iter().map(|target| Entry::new(target.name(), target.about())).collect()
        }
        Kind::Axes => {
            let entry = |axis: &Axis| {
                Entry::new(axis.name, format!("{}: {}", axis.values.join("|"), axis.about))
                    .with("values", json!(axis.values))
            };
            AXES.iter().map(entry).collect()
        }
        Kind::Places => {
            vocabulary().places.iter().skip(1).map(|place| Entry::new(place, "")).collect()
        }
    }
}

fn zoo() -> Vec<Entry> {
    let entry = |exhibit: &Exhibit| {
        let live = if exhibit.live { " (live in v6.6)" } else { "" };
        Entry::new(exhibit.name, format!("{}{live}", exhibit.about))
            .with("family", exhibit.family.name())
            .with("commit", exhibit.origin.commit)
            .with("cve", exhibit.origin.cve)
            .with("versions", exhibit.origin.versions)
            .with("kernel", exhibit.era.name())
            .with("set", json!(exhibit.set))
            .with("oracle", exhibit.oracle)
            .with("preemptions", exhibit.preemptions)
            .with("live", exhibit.live)
    };
    EXHIBITS.iter().map(entry).collect()
}

fn steps() -> Vec<Entry> {
    let entry = |protection: &racewalk::Protection| {
        let eras: Vec<&str> = protection.eras.iter().map(|era| era.name()).collect();
        let about = match eras.len() {
            n if n == Era::ALL.len() => protection.about.to_owned(),
            _ => format!("{} ({})", protection.about, eras.join(", ")),
        };
        Entry::new(protection.name, about).with("kernels", eras)
    };
    PROTECTIONS.iter().map(entry).collect()
}
