//! A trial searches for one bug until it is detected or the time is up.

use std::fs;
use std::time::{Duration, Instant};

use racewalk::prog::Program;
use racewalk::{Exhibit, Machine, Options, Outcome, Reached, Target, Variant};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use super::Way;
use crate::args::Ask;
use crate::engine::{Campaign, Checkout, Engine};
use crate::interrupt::Interrupt;
use crate::known::Known;
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::search::{Search, Strategy, draw};
use crate::seeds;
use crate::verb::fuzz::finding_of;

/// One of so many programs is run without the bug as well, to see whether it makes a difference.
const COMPARED: u64 = 8;

/// What is to be tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The bug.
    pub(crate) exhibit: &'static Exhibit,
    /// Who searches.
    pub(crate) way: Way,
    /// Where the randomness comes from.
    pub(crate) seed: u64,
    /// For how long.
    pub(crate) time: Duration,
}

impl Asked {
    /// What tells it apart from all others.
    pub(crate) fn key(&self) -> String {
        let Asked { exhibit, way, seed, time } = self;
        format!("{} {} {seed} {}", exhibit.name, way.name(), time.as_millis())
    }
}

/// After so many runs and so many seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct After {
    pub(crate) runs: u64,
    pub(crate) seconds: f64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trial {
    pub(crate) key: String,
    pub(crate) exhibit: String,
    pub(crate) way: String,
    pub(crate) seed: u64,
    /// How far it came, detected or not.
    pub(crate) ended: After,
    /// When a program first came to every place that the shortest reproducer comes to. Nobody knows it of an engine.
    pub(crate) reached: Option<After>,
    /// When a program first ended otherwise than without the bug, of those that were compared.
    pub(crate) triggered: Option<After>,
    /// When an oracle spoke up, and which.
    pub(crate) detected: Option<(After, String)>,
}

/// What all trials share.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The repository, and libFuzzer with the target `race`, if an engine is asked for.
    pub(crate) engine: Option<(Checkout, Engine)>,
    /// Whether somebody asked us to end.
    pub(crate) interrupt: Interrupt,
}

impl Prepared {
    /// Tries; `None` if it was interrupted.
    pub(crate) fn run(&self, asked: &Asked) -> Result<Option<Trial>, Refusal> {
        let mut ask = Ask { zoo: vec![asked.exhibit], ..Ask::default() };
        for (axis, value) in asked.exhibit.set {
            ask.set(&format!("{axis}={value}"))?;
        }
        match (asked.way.strategy(), &self.engine) {
            (Some(strategy), _) => Ok(self.at_random(asked, ask, strategy)),
            (None, Some((checkout, engine))) => self.with_engine(asked, ask, checkout, engine),
            (None, None) => Err(Refusal::new("there is no engine")),
        }
    }

    fn at_random(&self, asked: &Asked, ask: Ask, strategy: Strategy) -> Option<Trial> {
        let begun = Instant::now();
        let mut machine = Machine::new();
        let all_places = reproduced(&mut machine, asked.exhibit);
        let wrong = Options { variant: Some(ask.variant()), ..Options::default() };
        let right = Options { variant: Some(without(asked.exhibit)), ..Options::default() };
        let search = Search { ask, strategy, seed: asked.seed, ..Search::default() };
        let mut source = ChaCha8Rng::seed_from_u64(asked.seed);
        let mut trial = asked.nothing_yet();
        let mut runs = 0;
        loop {
            if runs % 64 == 0 && (begun.elapsed() >= asked.time || self.interrupt.came()) {
                break;
            }
            let mut program = draw(&mut source, &search, runs);
            program.head.axes = program.head.axes.with(&search.ask.axes);
            let outcome = machine.run(&program, &wrong);
            runs += 1;
            let now = || After { runs, seconds: begun.elapsed().as_secs_f64() };
            if trial.reached.is_none()
                && all_places.is_some_and(|all| covers(&outcome.reached, &all))
            {
                trial.reached = Some(now());
            }
            if let Some(violation) = outcome.verdict.violation() {
                trial.reached = trial.reached.or_else(|| Some(now()));
                trial.triggered = trial.triggered.or_else(|| Some(now()));
                trial.detected = Some((now(), violation.oracle.name.to_owned()));
                break;
            }
            if trial.triggered.is_none()
                && runs % COMPARED == 0
                && differs(&mut machine, &program, &right, &outcome)
            {
                trial.triggered = Some(now());
            }
        }
        trial.ended = After { runs, seconds: begun.elapsed().as_secs_f64() };
        (trial.detected.is_some() || !self.interrupt.came()).then_some(trial)
    }

    fn with_engine(
        &self,
        asked: &Asked,
        mut ask: Ask,
        checkout: &Checkout,
        engine: &Engine,
    ) -> Result<Option<Trial>, Refusal> {
        ask.blind = asked.way == Way::LibfuzzerBlind;
        let scratch = checkout.scratch()?;
        let folder = scratch.folder("seeds/race")?;
        seeds::pack(&checkout.seeds(Target::Race), &ask, Target::Race, &folder)?;
        let corpus = scratch.folder("corpus")?;
        let known = Known::default();
        let campaign = Campaign {
            target: Target::Race,
            ask: &ask,
            known: &known,
            scratch: &scratch,
            corpus: &corpus,
            seeds: Some(&folder),
            dictionary: None,
            time: Some(asked.time),
            runs: None,
            seed: asked.seed,
            jobs: 1,
        };
        let ended = engine.run(&campaign, &Progress::none(), &mut |_| Ok(None))?;
        let mut trial = asked.nothing_yet();
        trial.ended = After { runs: ended.executions, seconds: ended.elapsed.as_secs_f64() };
        if let Some(input) = &ended.input {
            let finding = finding_of(input, Target::Race, &ask)?;
            let oracle = finding.signature.oracle.to_owned();
            trial.detected = Some((trial.ended, oracle));
        }
        Ok((trial.detected.is_some() || !ended.interrupted).then_some(trial))
    }
}

impl Asked {
    fn nothing_yet(&self) -> Trial {
        Trial {
            key: self.key(),
            exhibit: self.exhibit.name.to_owned(),
            way: self.way.name().to_owned(),
            seed: self.seed,
            ended: After { runs: 0, seconds: 0.0 },
            reached: None,
            triggered: None,
            detected: None,
        }
    }
}

/// The same surroundings without the bug.
fn without(exhibit: &'static Exhibit) -> Variant {
    // An exhibit is a constant everywhere else; one for each trial is few.
    let right = Exhibit { without: &[], patch: |_| {}, ..*exhibit };
    Variant::exhibit(Box::leak(Box::new(right)))
}

/// The places that the shortest reproducer comes to, if there is a repository here.
fn reproduced(machine: &mut Machine, exhibit: &'static Exhibit) -> Option<Reached> {
    let file = Checkout::find().ok()?.corpus().join(format!("zoo/{}.rw", exhibit.name));
    let program = racewalk::parse(&fs::read_to_string(file).ok()?).ok()?.program;
    Some(machine.run(&program, &Options::default()).reached)
}

fn covers(reached: &Reached, all: &Reached) -> bool {
    reached.0.iter().zip(&all.0).all(|(reached, all)| all & !reached == 0)
}

/// Whether the program goes otherwise without the bug: comes to other places, or to another end. What lacks a step may do
/// so because the schedule falls elsewhere; so this is an upper bound.
fn differs(machine: &mut Machine, program: &Program, right: &Options, wrong: &Outcome) -> bool {
    let right = machine.run(program, right);
    (right.reached.0, right.verdict.name()) != (wrong.reached.0, wrong.verdict.name())
}

impl Trial {
    /// As a line of JSON.
    pub(crate) fn to_json(&self) -> Value {
        let after = |after: &After| json!({ "runs": after.runs, "seconds": after.seconds });
        json!({
            "key": self.key,
            "exhibit": self.exhibit,
            "policy": self.way,
            "seed": self.seed,
            "ended": after(&self.ended),
            "reached": self.reached.as_ref().map(after),
            "triggered": self.triggered.as_ref().map(after),
            "detected": self.detected.as_ref().map(|(when, _)| after(when)),
            "oracle": self.detected.as_ref().map(|(_, oracle)| oracle),
        })
    }

    /// From such a line.
    pub(crate) fn from_json(line: &Value) -> Option<Trial> {
        let after = |value: &Value| {
            Some(After { runs: value["runs"].as_u64()?, seconds: value["seconds"].as_f64()? })
        };
        let text = |name: &str| Some(line[name].as_str()?.to_owned());
        Some(Trial {
            key: text("key")?,
            exhibit: text("exhibit")?,
            way: text("policy")?,
            seed: line["seed"].as_u64()?,
            ended: after(&line["ended"])?,
            reached: after(&line["reached"]),
            triggered: after(&line["triggered"]),
            detected: after(&line["detected"]).zip(text("oracle")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Prepared, Trial};
    use crate::interrupt::Interrupt;
    use crate::trials::Way;
    use racewalk::Exhibit;
    use std::time::Duration;

    fn try_for(name: &str, way: Way, millis: u64) -> Trial {
        let exhibit = Exhibit::from_name(name).expect("there is such an exhibit");
        let asked = Asked { exhibit, way, seed: 1, time: Duration::from_millis(millis) };
        let prepared = Prepared { engine: None, interrupt: Interrupt::default() };
        prepared.run(&asked).expect("no engine is needed").expect("nobody interrupts")
    }

    #[test]
    fn a_canary_is_detected_by_its_oracle_and_is_written_and_read() {
        let trial = try_for("canary-collapse-keeps-refs", Way::Mixed, 20_000);
        let (after, _) = trial.detected.as_ref().expect("a canary is found");
        assert!(after.runs > 0 && trial.triggered.is_some() && trial.reached.is_some());
        assert_eq!(Trial::from_json(&trial.to_json()), Some(trial));
    }

    #[test]
    fn no_time_finds_nothing() {
        let trial = try_for("dirty-cow", Way::Pct, 0);
        assert_eq!((trial.ended.runs, trial.detected), (0, None));
    }
}
