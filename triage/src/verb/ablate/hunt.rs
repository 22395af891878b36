//! A hunt looks for what breaks without one protection: at random first, then with an engine.

use std::time::{Duration, Instant};

use racewalk::prog::Axes;
use racewalk::{Era, Protection, Target};

use crate::args::Ask;
use crate::engine::{Campaign, Checkout, Engine};
use crate::finding::Finding;
use crate::known::Known;
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::search::{Search, Strategy, Threads, search};
use crate::seeds;
use crate::verb::fuzz::finding_of;

/// How to search.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// Random programs, without an engine.
    Random,
    /// libFuzzer, from the seeds of the corpus.
    Libfuzzer,
}

impl Means {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Means::Random => "random",
            Means::Libfuzzer => "libfuzzer",
        }
    }
}

/// What all protections of a table have in common.
#[derive(Debug)]
pub(crate) struct Hunt {
    /// The kernel that they are left out of.
    pub(crate) era: Era,
    /// Entries of a table.
    pub(crate) hpn: u16,
    /// How to search; `None`: first one way, then the other.
    pub(crate) means: Option<Means>,
    /// The engine, if there is one.
    pub(crate) engine: Option<(Checkout, Engine)>,
    /// The findings of the era that it does not stop at.
    pub(crate) known: Known,
    /// Where the randomness comes from.
    pub(crate) seed: u64,
    /// How long to search without each.
    pub(crate) time: Duration,
}

/// What came of a hunt.
#[derive(Debug)]
pub(crate) struct Found {
    /// Programs run.
    pub(crate) runs: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// The violation, and who found it.
    pub(crate) finding: Option<(Finding, Means)>,
}

/// The first slice of a random search; each later round takes longer, so that what is easy to find is found early by
/// whichever way finds it, and what is hard gets long searches too.
const FIRST_SLICE: Duration = Duration::from_millis(250);

/// The ways that the random search goes in turn: who schedules, and how tables are locked.
const WAYS: [(Strategy, usize); 4] =
    [(Strategy::Random, 0), (Strategy::Pct, 0), (Strategy::Random, 1), (Strategy::Pct, 1)];

impl Hunt {
    /// Searches until something is found or the time is up.
    pub(crate) fn without(&self, protection: &'static Protection) -> Result<Found, Refusal> {
        let begun = Instant::now();
        let ask = Ask {
            kernel: Some(self.era),
            without: vec![protection],
            hpn: Some(self.hpn),
            ..Ask::default()
        };
        let random = match (self.means, &self.engine) {
            (Some(Means::Libfuzzer), _) => Duration::ZERO,
            (None, Some(_)) => self.time / 2,
            (Some(Means::Random), _) | (None, None) => self.time,
        };
        let mut found = self.at_random(&ask, begun, random);
        if let (None, Some((checkout, engine))) = (&found.finding, &self.engine) {
            let left = self.time.saturating_sub(begun.elapsed());
            let (runs, finding) = self.with_engine(checkout, engine, &ask, left)?;
            found.runs += runs;
            found.finding = finding.map(|finding| (finding, Means::Libfuzzer));
        }
        found.elapsed = begun.elapsed();
        Ok(found)
    }

    fn at_random(&self, ask: &Ask, begun: Instant, time: Duration) -> Found {
        let mut found = Found { runs: 0, elapsed: Duration::ZERO, finding: None };
        let mut slice = FIRST_SLICE;
        for (seed, (strategy, ptlock)) in (self.seed..).zip(WAYS.into_iter().cycle()) {
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            let mut ask = ask.clone();
            ask.axes.push((Axes::PTLOCK, ptlock));
            let time = Some(slice.min(left));
            let one = Search {
                ask,
                known: self.known.clone(),
                strategy,
                threads: Threads::Fibres,
                seed: spread(seed),
                runs: None,
                time,
            };
            let result = search(&one, &Progress::none());
            found.runs += result.runs;
            found.finding = result.finding.map(|finding| (finding, Means::Random));
            if found.finding.is_some() {
                break;
            }
            slice += slice / 4;
        }
        found
    }

    fn with_engine(
        &self,
        checkout: &Checkout,
        engine: &Engine,
        ask: &Ask,
        time: Duration,
    ) -> Result<(u64, Option<Finding>), Refusal> {
        if time < Duration::from_secs(1) {
            return Ok((0, None));
        }
        let scratch = checkout.scratch()?;
        let folder = scratch.folder("seeds/race")?;
        seeds::pack(&checkout.corpus(), ask, Target::Race, &folder)?;
        let corpus = scratch.folder("corpus")?;
        let (seed, time) = (self.seed, Some(time));
        let campaign = Campaign {
            target: Target::Race,
            ask,
            known: &self.known,
            scratch: &scratch,
            corpus: &corpus,
            seeds: Some(&folder),
            dictionary: None,
            time,
            runs: None,
            seed,
            jobs: 1,
        };
        let ended = engine.run(&campaign, &Progress::none(), &mut |_| Ok(None))?;
        let finding = ended.input.map(|input| finding_of(&input, Target::Race, ask)).transpose()?;
        Ok((ended.executions, finding))
    }
}

/// Seeds of neighbouring slices must not give neighbouring programs.
const fn spread(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
